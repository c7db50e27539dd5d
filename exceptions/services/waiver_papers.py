"""What every act on a time-limited exception needs: its lock, its content's fingerprint, and the refusals they share."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.access import require
from audit.canonical import canonical_json, sha256_hex, timestamp
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.subject_refs import subject_ref
from audit.words import said, within
from exceptions import subjects
from exceptions.errors import WaiverChanged
from exceptions.models import Waiver
from exceptions.services.pausing import let_go_on
from exceptions.services.timers import TimerSetting, cancel_timers, set_timers
from exceptions.states import WaiverState
from exceptions.subjects import Impact
from rules import selectors as rules
from rules.rulebook import GateSpec

LAPSE, BEGIN, EXPIRE, HEADS_UP = "waiver.lapse", "waiver.begin", "waiver.expire", "waiver.heads_up"
UNDECIDED, OUTDATED, REVIEW = "waiver.undecided", "waiver.outdated", "waiver.review"


@contextmanager
def locked_waiver(waiver_id: UUID, by: Actor, now: datetime, permission: str) -> Iterator[Waiver]:
    """The waiver after its subject: locks go from the top app down. Raises `NotFound` or `Refused`."""
    with acting(by, at=now):
        found = Waiver.objects.filter(pk=waiver_id).first()
        if found is None:
            raise NotFound("There is no such time-limited exception, or it is not yours to see.")
        require(by, permission, found)
        yield lock_waiver(found)


def lock_waiver(found: Waiver) -> Waiver:
    """The waiver under its lock, after the subject's and what it extends."""
    if (subject := subjects.subject_for(found.subject_type)) is not None:
        subject.lock(sorted(found.subject_keys))
    both = [pk for pk in (found.extends_id, found.pk) if pk is not None]
    locked = Waiver.objects.select_for_update().filter(pk__in=both).order_by("pk")
    return next(waiver for waiver in locked if waiver.pk == found.pk)


def content_hash(waiver: Waiver) -> str:
    """What an approval binds to: everything the approver reads."""
    return sha256_hex(
        canonical_json(
            {
                "gate": waiver.gate,
                "subject": [waiver.subject_type, waiver.subject_id],
                "reason": waiver.reason,
                "plan": waiver.plan,
                "owner": waiver.owner_id,
                "minutes": waiver.effective_minutes,
                "version": waiver.content_version,
                **({"extends": str(waiver.extends_id)} if waiver.extends_id else {}),
                **({"others": sorted(waiver.others)} if waiver.others else {}),
                **({"scope": waiver.scope} if waiver.scope else {}),
                **({"code": waiver.reason_code} if waiver.reason_code else {}),
                **({"link": waiver.plan_url} if waiver.plan_url else {}),
                **({"evidence": waiver.evidence} if waiver.evidence else {}),
                **({"begins": timestamp(waiver.begin_at)} if waiver.begin_at else {}),
                **({"ends": timestamp(waiver.end_by)} if waiver.end_by else {}),
            }
        )
    )


def whole_impact(waiver: Waiver) -> Impact | None:
    """What opening its gate would let through now of all it is about; None where nobody can say."""
    return subjects.impact_on(waiver.subject_type, waiver.subject_keys, gate=waiver.gate)


def impact_now(waiver: Waiver) -> Impact | None:
    """What it would let through now, within what it is asked for or was allowed for; None where nobody can say."""
    impact = whole_impact(waiver)
    return impact and impact.narrowed(waiver.granted_scope or waiver.scope)


def base_now(waiver: Waiver) -> str:
    """The fingerprint of what it is about, as it is now; empty where nobody can say."""
    impact = whole_impact(waiver)
    return impact.base if impact else ""


def bases_now(waiver: Waiver) -> dict[str, str]:
    """Of several subjects the fingerprint of each as it is now, by id."""
    impact = whole_impact(waiver) if waiver.others else None
    return dict(impact.bases) if impact else {}


def gate_of(slug: str) -> GateSpec:
    """The gate in force. Raises `Invalid` for one the rule book does not know."""
    try:
        return rules.active_book().gate(slug)
    except LookupError:
        detail = said("There is no gate “%(slug)s”.", slug=slug)
        raise Invalid(detail, errors=[FieldError("/gate", "unknown", detail)]) from None


# A sentence for each act, because other languages turn more than one word of it.
NOT_NOW: Final[Mapping[str, str]] = {
    "decided": noop("%(key)s is “%(label)s”%(who)s, so it cannot be decided now."),
    "answered": noop("%(key)s is “%(label)s”%(who)s, so it cannot be answered now."),
    "shown to the client": noop("%(key)s is “%(label)s”%(who)s, so it cannot be shown to the client now."),
    "changed": noop("%(key)s is “%(label)s”%(who)s, so it cannot be changed now."),
    "withdrawn": noop("%(key)s is “%(label)s”%(who)s, so it cannot be withdrawn now."),
    "revoked": noop("%(key)s is “%(label)s”%(who)s, so it cannot be revoked now."),
    "shortened": noop("%(key)s is “%(label)s”%(who)s, so it cannot be shortened now."),
}


def require_state(waiver: Waiver, *states: WaiverState, act: str) -> None:
    """Raises `IllegalTransition`, saying who was faster, when it is in none of these states."""
    if waiver.state not in states:
        at = f"{waiver.decided_at:%H:%M}" if waiver.decided_at else ""
        who = said(" by %(name)s at %(at)s UTC", name=waiver.decided_by_name, at=at) if at else ""
        label = within(WaiverState(waiver.state).label)
        raise IllegalTransition(
            said(
                NOT_NOW[act],
                key=waiver.key,
                label=label,
                who=who,
            ),
            who=waiver.decided_by_name,
            at=waiver.decided_at or waiver.updated_at,
        )


def refuse_unless_seen(waiver: Waiver, seen_hash: str | None) -> None:
    """Raises `WaiverChanged` when it is not what was looked at any more; None looks at nothing."""
    if seen_hash is not None and seen_hash != waiver.content_hash:
        raise WaiverChanged(
            said(
                "What you saw has changed: %(key)s is now version %(content_version)s. Read it again.",
                key=waiver.key,
                content_version=waiver.content_version,
            )
        )


def a_comment(text: str) -> str:
    """The words, without blanks around them. Raises `Invalid` for none."""
    if not text.strip():
        detail = said("Say why; the people concerned read it.")
        raise Invalid(detail, errors=[FieldError("/comment", "missing", detail)])
    return text.strip()


def a_scope(scope: Collection[str] | None, impact: Impact | None, *, within: Collection[str] = ()) -> list[str]:
    """The chosen part, sorted; empty means all. Raises `Invalid` for what is not there, or not within what was asked for."""
    chosen = sorted(set(scope or ()))
    known = set(within) or {item.key for item in impact.items} if impact else set(within)
    unknown = [key for key in chosen if key not in known]
    if unknown:
        detail = said("This is not among what can be let through: %(unknown)s.", unknown=", ".join(unknown))
        raise Invalid(detail, errors=[FieldError("/scope", "unknown", detail)])
    return chosen


def wait_for_decision(waiver: Waiver, *, now: datetime) -> None:
    """It lapses when nobody decides in time; half-way the approvers are reminded."""
    ref, undecided = subject_ref(waiver), now + (waiver.answer_by - now) / 2
    set_timers(settings=[TimerSetting(ref, LAPSE, waiver.answer_by), TimerSetting(ref, UNDECIDED, undecided)])


def stop_waiting(waiver: Waiver, *, now: datetime) -> None:
    """Nobody has to decide any more."""
    cancel_timers(timers=[(subject_ref(waiver), LAPSE), (subject_ref(waiver), UNDECIDED)], now=now)


def stop_holding(waiver: Waiver, *, now: datetime) -> None:
    """Nothing has to be announced or written down any more, and nothing waits for its end."""
    cancel_timers(timers=[(subject_ref(waiver), kind) for kind in (BEGIN, EXPIRE, HEADS_UP, OUTDATED)], now=now)
    let_go_on(waiver, now=now)
