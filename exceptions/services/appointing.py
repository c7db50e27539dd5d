"""Telling people what they answer for."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from exceptions.services.notifications import Telling, notify_many
from rules.appointments import Appointment

EVENT = "ownership.named"


def tell_of_appointments(appointments: Sequence[Appointment], now: datetime) -> None:
    """The owner, the backup, and who it was until now; in two statements. Runs inside `acting()`."""
    notify_many(tellings=[telling for one in appointments for telling in _tellings(one)], now=now)


def _tellings(one: Appointment) -> Iterator[Telling]:
    owner, backup = one.owner, one.owner.backup
    yield Telling(owner, EVENT, f"You answer for the {one.what} as {one.role} now. Your backup is {backup.name}.")
    yield Telling(backup, EVENT, f"{owner.name} answers for the {one.what} as {one.role} now; you are the backup.")
    if one.before is not None and one.before.pk not in {owner.pk, backup.pk}:
        yield Telling(one.before, EVENT, f"{owner.name} answers for the {one.what} as {one.role} now, instead of you.")
