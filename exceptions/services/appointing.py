"""Telling people what they answer for."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from audit.words import said
from exceptions.services.notifications import Telling, notify_many
from rules.appointments import Appointment

EVENT = "ownership.named"


def tell_of_appointments(appointments: Sequence[Appointment], now: datetime) -> None:
    """The owner, the backup, and who it was until now; in two statements. Runs inside `acting()`."""
    notify_many(tellings=[telling for one in appointments for telling in _tellings(one)], now=now)


def _tellings(one: Appointment) -> Iterator[Telling]:
    owner, backup = one.owner, one.owner.backup
    about = {"what": one.what, "role": said(one.role), "name": owner.name, "backup": backup.name}
    yours = said("You answer for the %(what)s as %(role)s now. Your backup is %(backup)s.", **about)
    yield Telling(owner, EVENT, yours)
    yield Telling(
        backup, EVENT, said("%(name)s answers for the %(what)s as %(role)s now; you are the backup.", **about)
    )
    if one.before is not None and one.before.pk not in {owner.pk, backup.pk}:
        instead = said("%(name)s answers for the %(what)s as %(role)s now, instead of you.", **about)
        yield Telling(one.before, EVENT, instead)
