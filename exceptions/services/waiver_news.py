"""Who hears of a time-limited exception: those who may decide, those it concerns, and the subject it lets through."""

from collections.abc import Sequence
from datetime import datetime

from audit.context import Actor, current_actor
from audit.words import at, said
from exceptions import subjects
from exceptions.models import Waiver
from exceptions.selectors.approvers import (
    approvers_of,
    excluded_from,
    leads_and_admins,
    person_behind,
    requester_of,
)
from exceptions.selectors.watching import watchers_of
from exceptions.services.notifications import Telling, notify_many
from rules.models import Owner
from rules.rulebook import GateSpec
from rules.states import Severity


def tell_approvers(waiver: Waiver, *, spec: GateSpec, now: datetime) -> None:
    """Ask those who may decide, and who stands in for them, by when."""
    words = said(
        "%(name)s asks for a time-limited exception. Decide by %(due)s, or it lapses.",
        name=waiver.requested_by_name,
        due=at(waiver.answer_by),
    )
    owners = [one.owner for one in approvers_of(waiver, spec=spec, now=now)]
    _tell(owners, waiver, "waiver.requested", words, now)


def remind_approvers(waiver: Waiver, *, spec: GateSpec, now: datetime) -> None:
    """Half of the time is over: remind those who may decide, and tell those behind them and the admins."""
    words = said("Nobody has decided yet. It lapses %(due)s.", due=at(waiver.answer_by))
    asked = [one.owner for one in approvers_of(waiver, spec=spec, now=now)]
    _tell(_with_backups(waiver, asked), waiver, "waiver.undecided", words, now)


def page_leads(waiver: Waiver, event: str, words: str, *, now: datetime) -> None:
    """Call every lead and admin at once, whatever they chose to be told later; never who broke the glass."""
    leads = [one for one in leads_and_admins() if one.pk not in excluded_from(waiver)]
    _tell(leads, waiver, event, words, now, severity=Severity.P1)


def tell_voters(waiver: Waiver, voters: Sequence[str], *, now: datetime) -> None:
    """The request has changed: what they approved is void."""
    people = [person for voter in voters if (person := person_behind(voter)) is not None]
    words = said("The request has changed; what you approved is void. Read it again.")
    _tell(people, waiver, "waiver.edited", words, now)


def tell_concerned(waiver: Waiver, event: str, words: str, now: datetime) -> None:
    """Tell who owns what it allows, who asked for it, and who watches it and has not done it."""
    requester = requester_of(waiver)
    others = [requester] if requester is not None and requester.pk != waiver.owner_id else []
    told = [waiver.owner, *others]
    _tell(told, waiver, event, words, now)
    known, actor = {one.pk for one in told}, current_actor().user_id
    watching = [one.owner for one in watchers_of(waiver) if actor is None or one.owner.user_id != actor]
    _tell([one for one in watching if one.pk not in known], waiver, "waiver.news", words, now)


def tell_asker(waiver: Waiver, words: str, now: datetime) -> None:
    """Tell who wanted to know more."""
    asker = person_behind(waiver.question_by)
    _tell([asker] if asker is not None else [], waiver, "waiver.answered", words, now)


def tell_subjects_of_begun(waivers: Sequence[Waiver], *, by: Actor, now: datetime) -> None:
    """The subjects may go on."""
    for waiver in waivers:
        if (subject := subjects.subject_for(waiver.subject_type)) is not None:
            subject.on_waived(waiver, by=by, now=now)


def tell_subjects_of_ended(waivers: Sequence[Waiver], *, by: Actor, now: datetime) -> None:
    """The subjects are under the rule again (unless another time-limited exception holds: they look at what is in force now)."""
    for waiver in waivers:
        if (subject := subjects.subject_for(waiver.subject_type)) is not None:
            subject.on_waiver_ended(waiver, by=by, now=now)


def _with_backups(waiver: Waiver, asked: Sequence[Owner]) -> list[Owner]:
    """Those asked, who is behind them, and the admins, each once; never who asked or owns it."""
    behind = Owner.objects.filter(backs_up__in=[one.pk for one in asked], is_active=True)
    found = {one.pk: one for one in (*asked, *behind.order_by("slug"), *leads_and_admins(admins_only=True))}
    return [one for pk, one in found.items() if pk not in excluded_from(waiver)]


def _tell(
    owners: Sequence[Owner], waiver: Waiver, event: str, words: str, now: datetime, *, severity: str = ""
) -> None:
    text = said("%(key)s for %(subject)s: %(words)s", key=waiver.key, subject=waiver.subject_words, words=words)
    url = f"/time-limited/{waiver.key}/"
    tellings = [Telling(owner, event, text, url, waiver.client_id, severity=severity) for owner in owners]
    notify_many(tellings=tellings, now=now)
