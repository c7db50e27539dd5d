"""How many exceptions people had to deal with in a period, and how long they lasted; the same of time-limited exceptions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.expressions import CombinedExpression

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.selectors.waivers import visible_waivers

USUAL_DAYS: Final = 28
MOST_DAYS: Final = 366


@dataclass(frozen=True)
class Account:
    """Of one kind (an exception type, a gate): how many began and ended in the period, and how long those that ended lasted together.

    `promised` is how long they were allowed to last together, from their opening to their deadline; None where nothing is promised.
    """

    kind: str
    began: int
    ended: int
    lasted: timedelta = timedelta()
    promised: timedelta | None = None

    @property
    def mean(self) -> timedelta | None:
        """How long one lasted on average, by the wall clock; None where none ended."""
        return self.lasted / self.ended if self.ended else None

    @property
    def mean_minutes(self) -> int | None:
        """The same in whole minutes."""
        return self.mean // timedelta(minutes=1) if self.mean is not None else None

    @property
    def target(self) -> timedelta | None:
        """How long one was allowed to last on average, on the same clock as `mean`: deadlines count business time and pauses already."""
        return self.promised / self.ended if self.ended and self.promised is not None else None

    @property
    def target_minutes(self) -> int | None:
        """The same in whole minutes."""
        return self.target // timedelta(minutes=1) if self.target is not None else None

    @property
    def is_above_target(self) -> bool:
        """Whether they took longer than promised on average."""
        return self.mean is not None and self.target is not None and self.mean > self.target


@dataclass(frozen=True)
class Accounts:
    """Both kinds over the days from `since` to `until`, both of them counted, in UTC."""

    since: date
    until: date
    exceptions: Sequence[Account]
    time_limited: Sequence[Account]
    by_reason: Sequence[Account] = ()

    @property
    def all_exceptions(self) -> Account:
        """Every type together."""
        return _together(self.exceptions)

    @property
    def all_time_limited(self) -> Account:
        """Every gate together."""
        return _together(self.time_limited)


def period(given: Mapping[str, str], *, now: datetime) -> tuple[date, date]:
    """The days asked for, as `since` and `until`; the last four weeks where nothing is said. Raises `Invalid`."""
    until = _day("until", given.get("until", "")) or now.astimezone(UTC).date()
    since = _day("since", given.get("since", "")) or until - timedelta(days=min(USUAL_DAYS - 1, until.toordinal() - 1))
    if not timedelta() <= until - since < timedelta(days=MOST_DAYS):
        detail = said("Choose a first day that is not after the last, and at most %(value)s days.", value=MOST_DAYS)
        raise Invalid(detail, errors=[FieldError("/since", "out-of-range", detail)])
    return since, until


def accounts(*, by: Actor, since: date, until: date, client_id: UUID | None = None) -> Accounts:
    """What began and ended on these days, as far as it is the actor's to see, or of one client of theirs; three statements.

    Raises `Refused` without the permission.
    """
    require(by, "exceptions.view_case")
    start, end = _moments(since, until)
    of_client = {} if client_id is None else {"client_id": client_id}
    return Accounts(
        since,
        until,
        exceptions=_accounts(
            ExceptionCase.objects.of_clients(by.clients).filter(**of_client),
            "type",
            began=Q(opened_at__gte=start, opened_at__lt=end),
            ended=Q(resolved_at__gte=start, resolved_at__lt=end),
            lasted=F("resolved_at") - F("opened_at"),
            promised=F("due_at") - F("opened_at"),
        ),
        time_limited=_of_waivers(by, of_client, "gate", start, end),
        by_reason=_of_waivers(by, of_client, "reason_code", start, end),
    )


def _of_waivers(by: Actor, of_client: Mapping[str, UUID], kind: str, start: datetime, end: datetime) -> list[Account]:
    return _accounts(
        visible_waivers(by).filter(**of_client),
        kind,
        began=Q(requested_at__gte=start, requested_at__lt=end),
        ended=Q(ended_at__gte=start, ended_at__lt=end, starts_at__lt=F("ended_at")),
        lasted=F("ended_at") - F("starts_at"),
    )


def granted_between(*, by: Actor, since: date, until: date, client_id: UUID) -> dict[str, int]:
    """By gate, how many time-limited exceptions of a client came into force on these days."""
    start, end = _moments(since, until)
    granted = visible_waivers(by).filter(client_id=client_id, starts_at__gte=start, starts_at__lt=end)
    return dict(granted.order_by().values_list("gate").annotate(Count("pk")))


def _moments(since: date, until: date) -> tuple[datetime, datetime]:
    """From when on, and before when."""
    return datetime.combine(since, time(), UTC), datetime.combine(until, time(), UTC) + timedelta(days=1)


def _accounts(
    records: QuerySet[Any],
    kind: str,
    *,
    began: Q,
    ended: Q,
    lasted: CombinedExpression,
    promised: CombinedExpression | None = None,
) -> list[Account]:
    """One account per kind, by name."""
    lengths = [lasted] if promised is None else [lasted, promised]
    sums = [Sum(ExpressionWrapper(one, output_field=DurationField()), filter=ended) for one in lengths]
    counted = {"begun": Count("pk", filter=began), "over": Count("pk", filter=ended)}
    rows = (
        records.filter(began | ended)
        .order_by(kind)
        .values_list(kind)
        .annotate(**counted, **{f"length_{place}": one for place, one in enumerate(sums)})
    )
    return [
        Account(name, begun, over, *(length or timedelta() for length in lengths))
        for name, begun, over, *lengths in rows
    ]


def _together(accounts: Iterable[Account]) -> Account:
    known = list(accounts)
    lasted = sum((one.lasted for one in known), timedelta())
    promised = [one.promised for one in known if one.promised is not None]
    allowed = sum(promised, timedelta()) if promised else None
    return Account("", sum(one.began for one in known), sum(one.ended for one in known), lasted, allowed)


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        detail = said("Enter a day like 2026-11-20.")
        raise Invalid(detail, errors=[FieldError(f"/{name}", "unknown", detail)]) from None
