"""The weekly look at averages: a kind of exception that took longer than promised on average gets a postmortem."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db.models import F

from audit.access import system_actor
from audit.context import acting
from audit.words import cut, kept, on, said
from exceptions.models import ExceptionCase, Postmortem
from exceptions.selectors.accounting import Account, accounts
from exceptions.selectors.postmortems import MOST_CASES
from exceptions.services.postmortems import LONGEST_TITLE, insert_drafts
from exceptions.states import PostmortemReason
from rules.models import ExceptionType

WEEK: Final = timedelta(days=7)


def draft_for_averages(*, now: datetime) -> int:
    """Draft one for each kind of exception whose average of last week, as the report counts it, was above its target; how many.

    A second look at the same week drafts nothing anew.
    """
    monday = last_monday(now) - WEEK
    since, until = _start(monday), _start(monday + WEEK)
    with acting(system_actor("postmortems"), at=now) as by:
        week = accounts(by=by, since=monday, until=monday + WEEK - timedelta(days=1))
        slow = {one.kind: one for one in week.exceptions if one.is_above_target}
        known = Postmortem.objects.filter(reason=PostmortemReason.AVERAGE, since=since, type__in=slow)
        left = slow.keys() - set(known.values_list("type", flat=True))
        kinds = ExceptionType.objects.select_related("owner").filter(slug__in=left).order_by("slug")
        worst = _worst_cases(left, since, until)
        drafts = [_draft(kind, slow[kind.slug], since, until, now) for kind in kinds]
        insert_drafts(drafts, cases={one.pk: worst[one.type] for one in drafts}, now=now)
    return len(drafts)


def last_monday(now: datetime) -> date:
    """The first day of the week under way, in UTC."""
    today = now.astimezone(UTC).date()
    return today - timedelta(days=today.weekday())


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _worst_cases(kinds: set[str], since: datetime, until: datetime) -> Mapping[str, Sequence[ExceptionCase]]:
    """Of each kind those of the week that ended the longest after their deadline."""
    found: dict[str, list[ExceptionCase]] = defaultdict(list)
    ended = ExceptionCase.objects.filter(type__in=kinds, resolved_at__gte=since, resolved_at__lt=until)
    for case in ended.order_by("type", F("due_at") - F("resolved_at"), "pk").iterator(chunk_size=2_000):
        if len(found[case.type]) < MOST_CASES:
            found[case.type].append(case)
    return found


def _draft(kind: ExceptionType, account: Account, since: datetime, until: datetime, now: datetime) -> Postmortem:
    title = said(
        "%(kind)s: longer than promised on average in the week from %(day)s", kind=said(kind.name), day=on(since.date())
    )
    return Postmortem(
        reason=PostmortemReason.AVERAGE,
        type=kind.slug,
        title=cut(title, LONGEST_TITLE),
        title_words=kept(title),
        owner=kind.owner,
        since=since,
        until=until,
        figures={
            "ended": account.ended,
            "mean_minutes": account.mean_minutes,
            "target_minutes": account.target_minutes,
        },
        drafted_at=now,
    )
