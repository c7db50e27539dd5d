"""Who is told when somebody comes to answer for something: the app that can tell declares itself here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rules.models import Owner


@dataclass(frozen=True)
class Appointment:
    """From now on `owner` answers for `what` as `role`, instead of `before` where there was somebody."""

    owner: Owner
    role: str
    what: str
    before: Owner | None = None


Teller = Callable[[Sequence[Appointment], datetime], None]
_tellers: list[Teller] = []


def register(teller: Teller) -> None:
    """Declare who tells. Raises `ValueError` for a second one."""
    if _tellers:
        raise ValueError("Somebody tells of appointments already")
    _tellers.append(teller)


def tell(appointments: Sequence[Appointment], *, now: datetime) -> None:
    """Tell of these, in the transaction that makes them."""
    for teller in _tellers if appointments else ():
        teller(appointments, now)
