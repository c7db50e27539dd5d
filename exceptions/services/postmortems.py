"""Postmortems: drafted when a P1 is over, written by people, frozen when published; their actions are followed up by timers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NoReturn
from uuid import UUID

from django.db.models import QuerySet

from audit.access import require, system_actor
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound, Refused, StaleVersion
from audit.services.events import Entry, record, record_many
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import cut, kept, listed, on, said, within
from exceptions.models import ExceptionCase, Postmortem, PostmortemAction, PostmortemCase
from exceptions.selectors.postmortems import (
    NO_SUCH,
    PUBLISH,
    WRITE,
    may_end_action,
    missing_to_publish,
    postmortem_of,
    timelines_of,
)
from exceptions.selectors.shared_causes import names_of_causes
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.timers import TimerSetting, cancel_timer, set_timer, set_timers
from exceptions.services.working import lock_case
from exceptions.states import ActionState, PostmortemReason, PostmortemState
from exceptions.timer_kinds import Due
from rules.models import Owner
from rules.states import Severity

ACTION_DUE: Final = "postmortem.action_due"
AGAIN_AFTER: Final = timedelta(days=7)
LONGEST_TEXT, LONGEST_TITLE, LONGEST_TERM = 20_000, 200, timedelta(days=366)
Cause = tuple[UUID | None, str, str]


def draft_for_ended(cases: Sequence[ExceptionCase], *, now: datetime) -> None:
    """A draft for each cause of the P1s among these, which are over; one that is in a postmortem already brings its draft up to date.

    In the transaction that ends them; one statement for each draft that is there already, for each has its own timeline, and a fixed
    number for all that are new. Nothing for what is no P1.
    """
    bad = [case for case in cases if case.severity == Severity.P1]
    if not bad:
        return
    with acting(system_actor("postmortems"), at=now):
        _draft_for(bad, now)


def _draft_for(bad: Sequence[ExceptionCase], now: datetime) -> None:
    drafts = {
        row.case_id: row.postmortem for row in PostmortemCase.objects.filter(case__in=bad).select_related("postmortem")
    }
    groups: dict[Cause, list[ExceptionCase]] = defaultdict(list)
    for case in bad:
        if case.pk not in drafts:
            groups[case.client_id, case.type, case.cause].append(case)
    open_drafts = _drafts_of_causes(groups)
    names = names_of_causes({cause[1:] for cause in groups})
    fresh = {cause: _of_cause(cause, found, names, now) for cause, found in groups.items() if cause not in open_drafts}
    insert_drafts(list(fresh.values()), cases={one.pk: groups[cause] for cause, one in fresh.items()}, now=now)
    _join({open_drafts[cause]: found for cause, found in groups.items() if cause in open_drafts}, now)
    _update({one for one in drafts.values() if one.is_draft}, now)


def _drafts_of_causes(groups: Mapping[Cause, Sequence[ExceptionCase]]) -> dict[Cause, Postmortem]:
    """The draft that is open already about each named cause."""
    named = {cause for cause in groups if cause[2]}
    drafts = Postmortem.objects.select_for_update().filter(
        state=PostmortemState.DRAFT,
        reason=PostmortemReason.P1,
        type__in={one[1] for one in named},
        cause__in={one[2] for one in named},
    )
    found = {(one.client_id, one.type, one.cause): one for one in drafts.order_by("pk")} if named else {}
    return {cause: one for cause, one in found.items() if cause in named}


def _of_cause(
    cause: Cause, cases: Sequence[ExceptionCase], names: Mapping[tuple[str, str], str], now: datetime
) -> Postmortem:
    client_id, kind, words = cause
    first = min(cases, key=lambda case: case.opened_at)
    about = names.get((kind, words)) or first.headline
    title = said("%(key)s: %(title)s", key=first.key, title=about)
    if others := len(cases) - 1:
        title = said("%(key)s and %(count)s more: %(title)s", key=first.key, count=others, title=about)
    return Postmortem(
        client_id=client_id,
        reason=PostmortemReason.P1,
        type=kind,
        cause=words,
        title=cut(title, LONGEST_TITLE),
        title_words=kept(title),
        owner_id=first.owner_id,
        since=first.opened_at,
        until=now,
        drafted_at=now,
    )


def insert_drafts(fresh: Sequence[Postmortem], *, cases: Mapping[UUID, Sequence[ExceptionCase]], now: datetime) -> None:
    """Keep new drafts with their cases (by the draft's id) and timelines, and tell their owners; inside `acting()`."""
    if not fresh:
        return
    timelines = timelines_of(cases)
    for one in fresh:
        one.timeline = timelines.get(one.pk, [])
    Postmortem.objects.bulk_create(fresh)
    rows = [PostmortemCase(postmortem=one, case=case) for one in fresh for case in cases[one.pk]]
    PostmortemCase.objects.bulk_create(rows, batch_size=1_000)
    record_many([Entry("postmortem.drafted", one, data={"reason": one.reason, "type": one.type}) for one in fresh])
    owners = Owner.objects.in_bulk({one.owner_id for one in fresh})
    notify_many(
        tellings=[
            Telling(
                owners[one.owner_id],
                "postmortem.drafted",
                said(
                    "%(key)s is drafted with its timeline: %(title)s. Write what happened and why, and who does what by when.",
                    key=one.key,
                    title=one.headline,
                ),
                f"/postmortems/{one.key}/",
                one.client_id,
            )
            for one in fresh
        ],
        now=now,
    )


def _join(more: Mapping[Postmortem, Sequence[ExceptionCase]], now: datetime) -> None:
    """Further cases of a cause that has its draft."""
    rows = [PostmortemCase(postmortem=one, case=case) for one, cases in more.items() for case in cases]
    PostmortemCase.objects.bulk_create(rows, batch_size=1_000)
    _update(set(more), now)
    record_many(
        [Entry("postmortem.joined", one, data={"cases": len(cases)}, changes={}) for one, cases in more.items()]
    )


def _update(drafts: set[Postmortem], now: datetime) -> None:
    """Timelines and ends of drafts, as the trail has them by now."""
    if not drafts:
        return
    groups: dict[UUID, list[ExceptionCase]] = defaultdict(list)
    rows = PostmortemCase.objects.filter(postmortem__in=drafts).select_related("case").order_by("pk")
    for row in rows:
        groups[row.postmortem_id].append(row.case)
    timelines = timelines_of(groups)
    for one in sorted(drafts, key=lambda draft: draft.pk):
        one.timeline, one.until = (
            timelines.get(one.pk, one.timeline),
            now if one.reason == PostmortemReason.P1 else one.until,
        )
        one.save()


def draft_postmortem(*, case_id: UUID, by: Actor, now: datetime) -> Postmortem:
    """Begin a postmortem about an exception, with its timeline so far; or the one there is already. Raises `NotFound`, `Refused`."""
    with acting(by, at=now):
        case = lock_case(case_id=case_id)
        require(by, WRITE, case)
        known = postmortem_of(case)
        if known is not None:
            return known
        names = names_of_causes({(case.type, case.cause)})
        draft = _of_cause((case.client_id, case.type, case.cause), [case], names, now)
        draft.reason = PostmortemReason.PERSON
        insert_drafts([draft], cases={draft.pk: [case]}, now=now)
    return draft


def edit_postmortem(
    *, postmortem_id: UUID, summary: str, causes: str, by: Actor, now: datetime, seen: int | None = None
) -> Postmortem:
    """Write what happened and why it could (Markdown).

    Raises `StaleVersion` when somebody was faster, `IllegalTransition` once it is published, `Invalid`, `Refused`.
    """
    with acting(by, at=now):
        found = _draft(postmortem_id, by, WRITE)
        if seen is not None and found.version != seen:
            raise StaleVersion(
                said(
                    "%(key)s has changed since you opened it. What you typed is still here; compare before you save.",
                    key=found.key,
                )
            )
        for name, text in (("summary", summary), ("causes", causes)):
            if len(text) > LONGEST_TEXT:
                _refuse(name, "too-long", said("Write at most %(limit)s characters.", limit=f"{LONGEST_TEXT:,}"))
        found.summary, found.causes = summary.strip(), causes.strip()
        found.save()
        record("postmortem.written", subject=found, changes={}, fields=sorted(found.last_changes()))
    return found


def publish_postmortem(*, postmortem_id: UUID, by: Actor, now: datetime) -> Postmortem:
    """Freeze it as it is, with the timeline up to now. Raises `Invalid` naming what is missing, `IllegalTransition`, `Refused`."""
    with acting(by, at=now):
        found = _draft(postmortem_id, by, PUBLISH)
        missing = missing_to_publish(found, list(PostmortemAction.objects.filter(postmortem=found)))
        if missing:
            left = listed(missing, between="; ")
            _refuse("summary", "missing", said("It cannot be published yet. Still missing: %(left)s.", left=left))
        _update({found}, now)
        found.publish(at=now)
        found.ended_by, found.ended_by_name = by.id, by.name
        found.save()
        record(
            "postmortem.published", subject=found, changes={"state": (PostmortemState.DRAFT, PostmortemState.PUBLISHED)}
        )
    return found


def dismiss_postmortem(*, postmortem_id: UUID, comment: str, by: Actor, now: datetime) -> Postmortem:
    """Say that there is nothing to learn from it, and why. Raises `Invalid`, `IllegalTransition`, `Refused`."""
    with acting(by, at=now):
        found = _draft(postmortem_id, by, PUBLISH)
        if PostmortemAction.objects.filter(postmortem=found, state=ActionState.OPEN).exists():
            _refuse("comment", "open-actions", "It has open actions: end those first.")
        found.dismiss(at=now, comment=reason_given(comment, field="comment"))
        found.ended_by, found.ended_by_name = by.id, by.name
        found.save()
        record("postmortem.dismissed", subject=found, reason=found.comment)
    return found


def add_action(
    *, postmortem_id: UUID, text: str, owner: str, due_on: date, by: Actor, now: datetime
) -> PostmortemAction:
    """Agree who (an owner's slug) does what by which day; they are told, and told again when it is over. Raises `Invalid`, `Refused`."""
    with acting(by, at=now):
        found = _draft(postmortem_id, by, WRITE)
        words = reason_given(text, field="text")
        who = Owner.objects.filter(slug=owner, is_active=True).first()
        if who is None:
            _refuse("owner", "unknown", said("There is no owner “%(owner)s”.", owner=owner))
        if not now.date() <= due_on <= (now + LONGEST_TERM).date():
            _refuse("due_on", "out-of-range", "Choose a day from today on, within a year.")
        number = PostmortemAction.objects.filter(postmortem=found).count() + 1
        action = PostmortemAction.objects.create(postmortem=found, number=number, text=words, owner=who, due_on=due_on)
        record(
            "postmortem.action_added", subject=found, changes={}, number=number, owner=owner, due_on=due_on.isoformat()
        )
        set_timer(subject=subject_ref(action), kind=ACTION_DUE, due_at=over_at(due_on))
        notify_many(tellings=[_telling(action, found, who, said("Yours until %(day)s", day=on(due_on)))], now=now)
    return action


def end_action(*, action_id: UUID, dropped: bool, comment: str, by: Actor, now: datetime) -> PostmortemAction:
    """Say that an action is done (and what came of it), or dropped and why. Raises `Refused` for others than its owner and the leads."""
    with acting(by, at=now):
        action = PostmortemAction.objects.select_for_update().filter(pk=action_id).first()
        if action is None:
            raise NotFound("There is no such action.")
        found = _postmortem(action.postmortem_id, by)
        if action.state != ActionState.OPEN:
            raise IllegalTransition(
                said("It is “%(state)s” already.", state=within(action.get_state_display())), at=action.ended_at
            )
        if not may_end_action(action, by):
            raise Refused("Its owner says what came of it, or an ops lead.")
        why = reason_given(comment, field="comment", shortest=3 if dropped else 0)
        if dropped:
            action.drop(at=now, comment=why)
        else:
            action.finish(at=now, comment=why)
        action.ended_by, action.ended_by_name = by.id, by.name
        action.save()
        changes = {"state": (ActionState.OPEN, action.state)}
        record("postmortem.action_ended", subject=found, changes=changes, reason=why, number=action.number)
        cancel_timer(subject=subject_ref(action), kind=ACTION_DUE, now=now)
    return action


def lock_actions(ids: Sequence[str]) -> set[str]:
    """Lock these actions, in the order of their keys, without waiting for those somebody works on right now."""
    rows: QuerySet[PostmortemAction] = PostmortemAction.objects.select_for_update(skip_locked=True).filter(pk__in=ids)
    return {str(pk) for pk in rows.order_by("pk").values_list("pk", flat=True)}


def on_action_due(timers: Sequence[Due], *, now: datetime) -> None:
    """Its day is over and it is not done: its owner and who answers for the postmortem are told, and again every week until it is."""
    open_ones = PostmortemAction.objects.filter(pk__in=[one.subject_id for one in timers], state=ActionState.OPEN)
    actions = list(open_ones.select_related("owner", "postmortem__owner").order_by("pk"))
    record_many(
        [
            Entry(
                "postmortem.action_overdue",
                one.postmortem,
                data={"number": one.number, "due_on": one.due_on.isoformat()},
                changes={},
            )
            for one in actions
        ]
    )
    told = [(one, who) for one in actions for who in {one.owner, one.postmortem.owner}]
    notify_many(
        tellings=[
            _telling(
                one,
                one.postmortem,
                who,
                said("Overdue since %(day)s (%(name)s)", day=on(one.due_on), name=one.owner.name),
            )
            for one, who in told
        ],
        now=now,
    )
    set_timers(settings=[TimerSetting(subject_ref(one), ACTION_DUE, now + AGAIN_AFTER) for one in actions])


def over_at(day: date) -> datetime:
    """When a day is over, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _telling(action: PostmortemAction, found: Postmortem, who: Owner, what: str) -> Telling:
    text = said(
        "%(key)s, action %(number)s: %(text)s. %(what)s.",
        key=found.key,
        number=action.number,
        text=action.text,
        what=what,
    )
    return Telling(who, "postmortem.action", text, f"/postmortems/{found.key}/#actions", found.client_id)


def _draft(postmortem_id: UUID, by: Actor, permission: str) -> Postmortem:
    found = _postmortem(postmortem_id, by)
    require(by, permission, found)
    if not found.is_draft:
        raise IllegalTransition(
            said(
                "%(key)s is %(state)s: it does not change any more.",
                key=found.key,
                state=within(found.get_state_display()),
            ),
            at=found.ended_at,
        )
    return found


def _postmortem(postmortem_id: UUID, by: Actor) -> Postmortem:
    found = Postmortem.objects.select_for_update().filter(pk=postmortem_id).first()
    if found is None or not by.reaches(found.client_id):
        raise NotFound(NO_SUCH)
    return found


def _refuse(field: str, code: str, detail: str) -> NoReturn:
    raise Invalid(detail, errors=[FieldError(f"/{field}", code, detail)])
