"""Postmortems: those somebody may read, what happened when, and the actions that are late."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet

from audit import verbs
from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from audit.models import Event
from audit.selectors.pages import names_of, reason_of
from audit.texts import page_mark, whole_number
from exceptions.models import ExceptionCase, Postmortem, PostmortemAction, PostmortemCase
from exceptions.models.postmortems import POSTMORTEM_PREFIX
from exceptions.selectors.cases import TOLD_CHANGES
from exceptions.selectors.shared_causes import name_of_cause
from exceptions.states import ActionState, PostmortemState

SEE: Final = "exceptions.view_case"
WRITE: Final = "exceptions.write_postmortem"
PUBLISH: Final = "exceptions.publish_postmortem"
PER_PAGE: Final = 50
MOST_CASES, MOST_ENTRIES = 20, 200
NO_SUCH: Final = "There is no such postmortem, or it is not yours to see."


@dataclass(frozen=True)
class PostmortemRow:
    """One postmortem in the list; `open_count` and `overdue_count` are of its actions."""

    postmortem: Postmortem
    state_label: str
    open_count: int
    overdue_count: int


@dataclass(frozen=True)
class PostmortemList:
    """A page of postmortems, the newest first, and the actions whose day has passed."""

    rows: Sequence[PostmortemRow]
    overdue: Sequence[PostmortemAction]
    state: str
    next_after: str


@dataclass(frozen=True)
class Moment:
    """One line of a timeline."""

    at: datetime
    exception: str
    who: str
    sentence: str
    changes: Mapping[str, Sequence[Any]]
    reason: str


@dataclass(frozen=True)
class ActionRow:
    """One action, and what the reader may do about it."""

    action: PostmortemAction
    state_label: str
    is_overdue: bool
    may_end: bool


@dataclass(frozen=True)
class PostmortemPage:
    """Everything the page of a postmortem shows."""

    postmortem: Postmortem
    state_label: str
    reason_label: str
    cases: Sequence[ExceptionCase]
    timeline: Sequence[Moment]
    actions: Sequence[ActionRow]
    may_write: bool
    may_publish: bool
    missing: Sequence[str]


def visible_postmortems(by: Actor) -> QuerySet[Postmortem]:
    """Those of the actor's clients; those of the house only for who sees every client. Raises `Refused` without the permission."""
    require(by, SEE)
    found: QuerySet[Postmortem] = Postmortem.objects.select_related("client", "owner")
    return found if by.clients is None else found.filter(client_id__in=by.clients)


def whole_postmortems(by: Actor) -> QuerySet[Postmortem]:
    """As `visible_postmortems`, with their exceptions and actions."""
    actions = Prefetch("actions", PostmortemAction.objects.select_related("owner").order_by("number"))
    cases = Prefetch("cases", PostmortemCase.objects.select_related("case").order_by("case__number"))
    return visible_postmortems(by).prefetch_related(actions, cases)


def postmortem_called(by: Actor, key: str) -> Postmortem:
    """The postmortem people call `key`. Raises `NotFound`, also for another client's."""
    named = visible_postmortems(by).annotate(called=name_of_cause())
    found = named.filter(number=postmortem_number(key)).first()
    if found is None:
        raise NotFound(NO_SUCH)
    return found


def postmortem_number(key: str) -> int:
    """The number in PM-12. Raises `NotFound` for what is no key."""
    number = whole_number(key.upper().removeprefix(POSTMORTEM_PREFIX))
    if number is None:
        raise NotFound(NO_SUCH)
    return number


def postmortem_list(*, by: Actor, today: date, state: str = "", after: str = "") -> PostmortemList:
    """A page of postmortems in one state (all of them without). Raises `Invalid` for a mark that is not ours, `Refused`."""
    visible = visible_postmortems(by)
    overdue = overdue_actions(by=by, today=today)
    is_open = Q(actions__state=ActionState.OPEN)
    found = visible.annotate(
        open_count=Count("actions", filter=is_open),
        overdue_count=Count("actions", filter=is_open & Q(actions__due_on__lt=today)),
    ).order_by("-number")
    if state in PostmortemState.values:
        found = found.filter(state=state)
    if after:
        found = found.filter(number__lt=page_mark(after))
    rows = [PostmortemRow(one, _label(one), one.open_count, one.overdue_count) for one in found[: PER_PAGE + 1]]
    more = str(rows[PER_PAGE - 1].postmortem.number) if len(rows) > PER_PAGE else ""
    return PostmortemList(rows[:PER_PAGE], overdue, state if state in PostmortemState.values else "", more)


def overdue_actions(*, by: Actor, today: date) -> list[PostmortemAction]:
    """The open actions whose day has passed, the longest overdue first; at most a page of them."""
    late = PostmortemAction.objects.filter(
        state=ActionState.OPEN, due_on__lt=today, postmortem__in=visible_postmortems(by).values("pk")
    )
    return list(late.select_related("postmortem", "owner").order_by("due_on", "pk")[:PER_PAGE])


def postmortem_page(*, by: Actor, key: str, today: date) -> PostmortemPage:
    """One postmortem. Raises `NotFound`, `Refused`."""
    found = postmortem_called(by, key)
    actions = list(PostmortemAction.objects.filter(postmortem=found).select_related("owner").order_by("number"))
    cases = ExceptionCase.objects.filter(postmortems__postmortem=found).select_related("owner").order_by("number")
    return PostmortemPage(
        postmortem=found,
        state_label=_label(found),
        reason_label=found.get_reason_display(),
        cases=list(cases[: 2 * PER_PAGE]),
        timeline=_told(found.timeline),
        actions=[
            ActionRow(one, str(ActionState(one.state).label), one.is_overdue(today), may_end_action(one, by))
            for one in actions
        ],
        may_write=found.is_draft and by.may(WRITE, found.client_id),
        may_publish=found.is_draft and by.may(PUBLISH, found.client_id),
        missing=missing_to_publish(found, actions),
    )


def missing_to_publish(found: Postmortem, actions: Sequence[PostmortemAction]) -> list[str]:
    """What a draft lacks before it can be published, in words."""
    lacks = {
        "what happened": not found.summary.strip(),
        "why it could happen": not found.causes.strip(),
        "at least one action with an owner and a day": all(one.state == ActionState.DROPPED for one in actions),
    }
    return [words for words, is_missing in lacks.items() if is_missing]


def may_end_action(action: PostmortemAction, by: Actor) -> bool:
    """Whether the actor may say that it is done or dropped: its owner, and who may publish."""
    return action.state == ActionState.OPEN and (by.may(PUBLISH) or (by.may(WRITE) and action.owner_id in by.owners))


def action_of(postmortem: Postmortem, number: int) -> PostmortemAction:
    """One of its actions. Raises `NotFound`."""
    found = PostmortemAction.objects.filter(postmortem=postmortem, number=number).first()
    if found is None:
        raise NotFound("There is no such action.")
    return found


def postmortem_of(case: ExceptionCase) -> Postmortem | None:
    """The newest postmortem about an exception."""
    return Postmortem.objects.filter(cases__case=case).order_by("-number").first()


def timelines_of(groups: Mapping[UUID, Sequence[ExceptionCase]]) -> dict[UUID, list[dict[str, Any]]]:
    """What the trail says about the first cases of each group, in the order in which it happened; one query for all groups."""
    group_of = {str(case.pk): (group, case.key) for group, cases in groups.items() for case in cases[:MOST_CASES]}
    events = Event.objects.filter(subject_type="exceptions.exceptioncase", subject_id__in=list(group_of))
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for event in events.order_by("at", "subject_id", "seq"):
        group, key = group_of[event.subject_id]
        if len(found[group]) < MOST_ENTRIES:
            found[group].append(_entry(event, key))
    return found


def _entry(event: Event, key: str) -> dict[str, Any]:
    body = json.loads(event.body)
    return {
        "at": event.at.isoformat(),
        "exception": key,
        "actor": event.actor,
        "event": event.type,
        "changes": {name: pair for name, pair in body["changes"].items() if name in TOLD_CHANGES},
        "reason": body["reason"],
        **({"words": body["words"]} if "words" in body else {}),
    }


def _told(timeline: Sequence[Mapping[str, Any]]) -> list[Moment]:
    names = names_of(row["actor"] for row in timeline)
    return [
        Moment(
            at=datetime.fromisoformat(row["at"]),
            exception=row["exception"],
            who=names[row["actor"]],
            sentence=verbs.sentence(row["event"], actor=""),
            changes=row["changes"],
            reason=reason_of(row),
        )
        for row in timeline
    ]


def _label(found: Postmortem) -> str:
    return str(PostmortemState(found.state).label)
