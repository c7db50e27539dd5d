"""When a letter may go: pure, so that a wish can be tried out without a mail server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from exceptions.states import Mailing

# Whatever a person wishes, these go at once, also at night.
ALWAYS = frozenset({"P1"})


@dataclass(frozen=True)
class Wishes:
    """What a person wants by e-mail: per severity ("" for what has none), the quiet hours and the digest, on the person's own clock."""

    zone: ZoneInfo
    mailing: Mapping[str, str] = field(default_factory=dict)
    digest_at: time = time(8)
    quiet_from: time | None = None
    quiet_until: time | None = None


@dataclass(frozen=True)
class Plan:
    """What becomes of a letter now: it goes, or waits until a moment, or never goes; `why` says what stands in the way."""

    why: str = ""
    wait_until: datetime | None = None

    @property
    def goes(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.why


def plan(wishes: Wishes, *, severity: str, told_at: datetime, now: datetime) -> Plan:
    """What these wishes mean at `now` for something told at `told_at`; both aware."""
    if severity in ALWAYS:
        return Plan()
    mailing = wishes.mailing.get(severity, Mailing.NOW)
    if mailing == Mailing.NEVER:
        return Plan(f"Wanted only in the product: {severity or 'what has no severity'}.")
    if mailing == Mailing.DIGEST and now < (digest := _next(wishes.digest_at, told_at, wishes.zone)):
        return Plan(f"Waits for the digest at {wishes.digest_at:%H:%M} {wishes.zone.key}.", digest)
    if wishes.quiet_from is not None and wishes.quiet_until is not None:
        wall = now.astimezone(wishes.zone).time()
        if _lies_between(wall, wishes.quiet_from, wishes.quiet_until):
            why = f"Quiet hours until {wishes.quiet_until:%H:%M} {wishes.zone.key}."
            return Plan(why, _next(wishes.quiet_until, now, wishes.zone))
    return Plan()


def _lies_between(wall: time, start: time, end: time) -> bool:
    return start <= wall < end if start < end else wall >= start or wall < end


def _next(wall: time, after: datetime, zone: ZoneInfo) -> datetime:
    """The next moment after `after` at which the clock of the zone shows `wall`."""
    local = after.astimezone(zone)
    # In the hour that is there twice the answer has to lie in the same one of the two, or it would be in the past.
    today = datetime.combine(local.date(), wall, zone).replace(fold=local.fold)
    return today if today > local else datetime.combine(local.date() + timedelta(days=1), wall, zone)
