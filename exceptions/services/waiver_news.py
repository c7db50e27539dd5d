"""Who hears of a time-limited exception: those who may decide, those it concerns, and the subject it lets through."""

from collections.abc import Sequence
from datetime import datetime

from audit.context import Actor
from exceptions import subjects
from exceptions.models import Waiver
from exceptions.selectors.approvers import approvers_of, requester_of
from exceptions.services.notifications import Telling, notify_many
from rules.models import Owner


def tell_approvers(waiver: Waiver, *, role: str, now: datetime) -> None:
    """Ask those who may decide, by when."""
    words = (
        f"{waiver.requested_by_name} asks for a time-limited exception. "
        f"Decide by {waiver.answer_by:%a %d %b %H:%M} UTC, or it lapses."
    )
    _tell(approvers_of(waiver, role=role), waiver, "waiver.requested", words, now)


def tell_concerned(waiver: Waiver, event: str, words: str, now: datetime) -> None:
    """Tell who owns what it allows, and who asked for it."""
    requester = requester_of(waiver)
    others = [requester] if requester is not None and requester.pk != waiver.owner_id else []
    _tell([waiver.owner, *others], waiver, event, words, now)


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


def _tell(owners: Sequence[Owner], waiver: Waiver, event: str, words: str, now: datetime) -> None:
    text, url = f"{waiver.key} for {waiver.subject_key}: {words}", f"/time-limited/{waiver.key}/"
    notify_many(tellings=[Telling(owner, event, text, url, waiver.client_id) for owner in owners], now=now)
