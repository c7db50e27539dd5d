"""What comes back from an on-call system: somebody answered, or says it is over. Proven by its signature, taken once, within bounds.

Events are signed but carry no time of signing, so one that happened before the page was opened, or that comes again when the page is over,
changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Q

from audit import strict_json
from audit.access import system_actor
from audit.context import acting
from audit.crypto import open_secret
from audit.errors import FieldError, Invalid
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import listed, said
from exceptions import signatures
from exceptions.errors import AnswerRefused
from exceptions.job_kinds import Item
from exceptions.models import ExceptionCase, NotificationChannel, Page
from exceptions.selectors.channels import pager_answering
from exceptions.selectors.playbook import Playbook, playbooks_of
from exceptions.services.absences import MOST_AT_ONCE
from exceptions.services.batches import act_on_cases
from exceptions.states import CASE_LIVE, CaseState, PageState

ACKNOWLEDGED: Final = "incident.acknowledged"
RESOLVED: Final = "incident.resolved"
OUTCOME: Final = "resolved"
ACTOR: Final = "on-call"
MOST_NAME: Final = 120
CLOCKS_DIFFER: Final = 5  # seconds


@dataclass(frozen=True)
class Answer:
    """What an event of the other side says."""

    type: str
    key: str
    at: datetime
    who: str


def take_answer(*, channel_id: UUID, signature: str, body: bytes, now: datetime) -> str:
    """Do what the answer says with the exceptions of its page; what was done, in words.

    Raises `AnswerRefused` for what is not proven, `Unparsable` or `Invalid` for what cannot be read.
    """
    channel = pager_answering(channel_id)
    if channel is None or not signatures.proves(secret=open_secret(channel.answers_sealed), given=signature, body=body):
        raise AnswerRefused(f"Sign the body with this channel's secret, in {signatures.HEADER}.")
    answer = _read(strict_json.loads(body))
    if answer.type not in {ACKNOWLEDGED, RESOLVED}:
        return "Nothing to do for events of this type."
    page = _page_of(channel, answer)
    if page is None:
        return "There is no open page of this key that this is about."
    done = _act(page, answer, now)
    _keep(page, answer, now)
    return done


def _read(document: Any) -> Answer:
    event = document.get("event") if isinstance(document, dict) else None
    if not isinstance(event, dict) or not isinstance(event.get("event_type"), str):
        raise _unreadable("/event/event_type")
    data, agent = _mapping(event.get("data")), _mapping(event.get("agent"))
    try:
        at = datetime.fromisoformat(str(event.get("occurred_at")))
    except ValueError:
        raise _unreadable("/event/occurred_at") from None
    if at.tzinfo is None:
        raise _unreadable("/event/occurred_at")
    who = agent.get("summary")
    return Answer(
        event["event_type"],
        str(data.get("incident_key") or ""),
        at,
        who[:MOST_NAME] if isinstance(who, str) and who else "somebody",
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _unreadable(pointer: str) -> Invalid:
    detail = f"{pointer} is missing or not readable."
    return Invalid(detail, errors=[FieldError(pointer, "unreadable", detail)])


def _page_of(channel: NotificationChannel, answer: Answer) -> Page | None:
    page = Page.objects.select_related("case", "channel").filter(channel=channel, key=answer.key, ended_at=None).first()
    # Their clock and ours differ by seconds; an answer to the page before this one is older than that.
    return None if page is None or (page.opened_at - answer.at).total_seconds() > CLOCKS_DIFFER else page


def _keep(page: Page, answer: Answer, now: datetime) -> None:
    """The other side knows it, so it is not told back. Last of all: an answer that was interrupted comes again and finds the page open."""
    over = now if answer.type == RESOLVED else None
    state = PageState.RESOLVED if over else PageState.ACKNOWLEDGED
    with acting(system_actor(ACTOR, channel="api"), at=now):
        Page.objects.filter(pk=page.pk, ended_at=None).update(
            state=state, wanted=state, ended_at=over, answered_by=answer.who, lease_until=None, fence=F("fence") + 1
        )
        subject = subject_ref(page.case) if page.case else SubjectRef("exceptions.page", str(page.pk))
        told = {"key": page.key, "channel": str(page.channel_id), "said": answer.type, "who": answer.who}
        record_many([Entry("page.answered", subject, data=told)])


def _act(page: Page, answer: Answer, now: datetime) -> str:
    cases = _cases_of(page)
    is_over = answer.type == RESOLVED
    books = playbooks_of(cases, now=now) if is_over else {}
    missing = {case.pk: _missing(case, books[case.pk]) if is_over else "" for case in cases}
    solved = [case for case in cases if is_over and not missing[case.pk]]
    to_take = [case for case in cases if case.state == CaseState.OPEN and case not in solved]
    answered = said("%(who)s answered the page of %(channel)s", who=answer.who, channel=page.channel.name)
    _do("acknowledge", to_take, {}, now)
    _do(
        "resolve",
        solved,
        {"outcome": OUTCOME, "root_cause": "", "text": said("%(answered)s: it is over.", answered=answered)},
        now,
    )
    if is_over:
        for why in {missing[case.pk] for case in cases} - {""}:
            left = [case for case in cases if missing[case.pk] == why]
            _do(
                "note",
                left,
                {
                    "text": said(
                        "%(answered)s: it is over there. Here it stays open, for still missing is: %(why)s",
                        answered=answered,
                        why=why,
                    )
                },
                now,
            )
    else:
        _do("note", to_take, {"text": said("%(answered)s and took it.", answered=answered)}, now)
    return f"{len(to_take)} taken, {len(solved)} resolved, {len(cases) - len(to_take) - len(solved)} as they were."


def _cases_of(page: Page) -> list[ExceptionCase]:
    told = Q(pk__in=page.deliveries.values("notification__case"))
    same_cause = Q(cause=page.cause, opened_at__lte=page.last_told_at) if page.cause else Q()
    live = ExceptionCase.objects.filter(told | same_cause, state__in=CASE_LIVE)
    return list(live.order_by("pk")[:MOST_AT_ONCE])


def _missing(case: ExceptionCase, playbook: Playbook) -> str:
    """What keeps a stranger from resolving it; empty when nothing does. What only a person can say has to be said here."""
    missing = [*playbook.missing, *playbook.to_say]
    if OUTCOME not in {row["slug"] for row in case.outcomes}:
        missing.append(said("how it ended"))
    return listed(missing, between="; ") if missing else ""


def _do(action: str, cases: Sequence[ExceptionCase], given: Mapping[str, Any], now: datetime) -> None:
    if cases:
        items = [Item(str(case.pk), case.key, case.version) for case in cases]
        act_on_cases(action, items, given=given, by=system_actor(ACTOR, channel="api"), now=now)
