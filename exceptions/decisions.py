"""When a letter may go: pure, so that a wish can be tried out without a mail server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop as noop

from audit.words import said
from exceptions.states import Mailing
from exceptions.topics import TOPIC_OF, Topic

# Whatever a person wishes, these go at once, also at night.
ALWAYS = frozenset({"P1"})
ONE_PER_CAUSE_IN = timedelta(minutes=15)
NO_SEVERITY = noop("what has no severity")


@dataclass(frozen=True)
class Wishes:
    """What a person wants through one channel: per topic, else per severity ("" for what has none).

    Quiet hours and digest are on the person's clock.
    """

    zone: ZoneInfo
    mailing: Mapping[str, str] = field(default_factory=dict)
    by_topic: Mapping[str, str] = field(default_factory=dict)
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


def wish(wishes: Wishes, *, event: str, severity: str) -> tuple[str, str]:
    """What is wanted of this event, and what that was chosen for, in words: its topic if anything was chosen there, else its severity."""
    topic = TOPIC_OF.get(event, "")
    if topic in wishes.by_topic:
        return wishes.by_topic[topic], Topic(topic).label
    return wishes.mailing.get(severity, Mailing.NOW), severity or NO_SEVERITY


def plan(wishes: Wishes, *, severity: str, told_at: datetime, now: datetime, event: str = "") -> Plan:
    """What these wishes mean at `now` for something told at `told_at`; both aware."""
    if severity in ALWAYS:
        return Plan()
    mailing, about = wish(wishes, event=event, severity=severity)
    if mailing == Mailing.NEVER:
        return Plan(said("Wanted only in the product: %(about)s.", about=said(about)))
    if mailing == Mailing.HOURLY and now < (digest := _next_hour(told_at, wishes.zone)):
        return Plan(_for_digest(f"{digest.astimezone(wishes.zone):%H:%M}", wishes.zone), digest)
    if mailing == Mailing.DIGEST and now < (digest := _next(wishes.digest_at, told_at, wishes.zone)):
        return Plan(_for_digest(f"{wishes.digest_at:%H:%M}", wishes.zone), digest)
    if wishes.quiet_from is not None and wishes.quiet_until is not None:
        wall = now.astimezone(wishes.zone).time()
        if _lies_between(wall, wishes.quiet_from, wishes.quiet_until):
            until = f"{wishes.quiet_until:%H:%M}"
            why = said("Quiet hours until %(time)s %(zone)s.", time=until, zone=wishes.zone.key)
            return Plan(why, _next(wishes.quiet_until, now, wishes.zone))
    return Plan()


def after_the_last(last_sent_at: datetime, *, now: datetime) -> Plan:
    """When the next message about a cause may go, of which the last went at `last_sent_at`."""
    free_at = last_sent_at + ONE_PER_CAUSE_IN
    minutes = ONE_PER_CAUSE_IN.seconds // 60
    return Plan(said("One message per cause in %(n)s minutes.", n=minutes), free_at) if now < free_at else Plan()


def _for_digest(time: str, zone: ZoneInfo) -> str:
    return said("Waits for the digest at %(time)s %(zone)s.", time=time, zone=zone.key)


def _lies_between(wall: time, start: time, end: time) -> bool:
    return start <= wall < end if start < end else wall >= start or wall < end


def _next_hour(after: datetime, zone: ZoneInfo) -> datetime:
    local = after.astimezone(zone)
    return (
        after
        + timedelta(hours=1)
        - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    )


def _next(wall: time, after: datetime, zone: ZoneInfo) -> datetime:
    """The next moment after `after` at which the clock of the zone shows `wall`."""
    local = after.astimezone(zone)
    # In the hour that is there twice the answer has to lie in the same one of the two, or it would be in the past.
    today = datetime.combine(local.date(), wall, zone).replace(fold=local.fold)
    return today if today > local else datetime.combine(local.date() + timedelta(days=1), wall, zone)
