"""One exception in full: what is wrong, what was tried, what to do, and what happens otherwise."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.context import Actor
from audit.errors import NotFound
from audit.models import Event
from audit.selectors.pages import names_of, reason_of
from audit.subject_refs import SubjectRef
from audit.texts import whole_number
from exceptions import ladders, subjects
from exceptions.models import CaseAttachment, CaseLink, CaseNote, ExceptionCase, Waiver
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors.actions import possible_actions
from exceptions.selectors.clocks import clock_of
from exceptions.selectors.evidence import Evidence, evidence_of, files_of
from exceptions.selectors.next_steps import NextStep, name_ahead, next_step, with_first_timer
from exceptions.selectors.playbook import Playbook, playbook_of
from exceptions.selectors.queue import visible_cases
from exceptions.selectors.running_ladders import LadderInForce, ladder_in_force
from exceptions.selectors.waivers import live_about
from exceptions.selectors.watching import watches_of
from exceptions.states import CASE_LIVE, ClockState
from exceptions.subjects import SubjectAside, SubjectPage
from rules.models import Owner

NEWEST_ENTRIES = 50
TOLD_CHANGES = frozenset({"state", "owner", "severity", "ladder"})
PAGE_ORDER = ("acknowledge", "resume", "resolve", "reassign", "wait", "start", "escalate", "severity", "reopen", "note")


@dataclass(frozen=True)
class Rung:
    """A step of the ladder, past or to come; `round` is above one for a step that comes again."""

    at: datetime
    to: str
    does: str
    round: int
    may_skip: bool
    is_past: bool
    is_next: bool


@dataclass(frozen=True)
class TrailEntry:
    """One line of the activity: who, when, what, before → after; or a note, or another exception."""

    at: datetime
    who: str
    kind: str
    sentence: str
    changes: Mapping[str, Sequence[Any]]
    reason: str = ""
    note: str = ""
    told: Sequence[str] = ()
    exception: str = ""
    number: int = 0
    type: str = ""
    actor: str = ""
    is_move: bool = False
    file: int = 0


@dataclass(frozen=True)
class CasePage:
    """Everything the page of an exception shows."""

    case: ExceptionCase
    is_mine: bool
    clock: ClockState
    next: NextStep | None
    subject: SubjectPage | None
    aside: SubjectAside
    playbook: Playbook
    ladder: Sequence[Rung]
    in_force: LadderInForce | None
    kind: str
    trail: Sequence[TrailEntry]
    waivers: Sequence[Waiver]
    attachments: Sequence[CaseAttachment]
    evidence: Sequence[Evidence]
    related: Sequence[ExceptionCase]
    watchers: Sequence[Owner]
    wakes: str


def case_for(by: Actor, key: str) -> ExceptionCase:
    """The exception people call `key`. Raises `NotFound`, also for another client's."""
    number = whole_number(key.upper().removeprefix(KEY_PREFIX))
    found = None
    if number is not None:
        cases = visible_cases(by).select_related("owner", "backup", "client").filter(number=number)
        found = with_first_timer(cases).first()
    if found is None:
        raise NotFound("There is no such exception, or it is not yours to see.")
    return found


def case_page(*, by: Actor, key: str, now: datetime) -> CasePage:
    """The page. Raises `NotFound`."""
    case = case_for(by, key)
    subject = subjects.subject_for(case.subject_type)
    ref = SubjectRef(case.subject_type, case.subject_id, case.client_id)
    in_force, trail, waivers = ladder_in_force(case), trail_of(case), live_about(case)
    book = playbook_of(case, now=now)
    files = files_of(case)
    resolved_by = next((entry.who for entry in trail if entry.type == "case.resolved"), "")
    return CasePage(
        case=case,
        is_mine=case.owner_id in by.owners,
        clock=clock_of(case, now=now),
        next=next_step(case),
        subject=subject.page(ref) if subject else None,
        aside=subjects.aside_of(ref),
        playbook=book,
        ladder=_ladder(case),
        in_force=in_force if case.is_live else None,
        kind=in_force.kind if in_force else "",
        trail=trail,
        waivers=waivers,
        attachments=files,
        evidence=evidence_of(case, book, files=files, waivers=waivers, resolved_by=resolved_by),
        related=related_to(case),
        watchers=[watch.owner for watch in watches_of([case.pk])],
        wakes=subjects.wakes_of(case.subject_type).get(case.waiting_event, ""),
    )


def most_urgent_about(subject: SubjectRef, *, by: Actor) -> ExceptionCase | None:
    """Of the open exceptions about a record that the actor may see the one that is due first, with its owner."""
    if not by.may("exceptions.view_case", subject.client_id):
        return None
    about = visible_cases(by).live().filter(subject_type=subject.type, subject_id=subject.id)
    return about.select_related("owner").order_by("due_at", "pk").first()


def related_to(case: ExceptionCase) -> list[ExceptionCase]:
    """The exceptions it was linked to, the newest first; they are of the same client."""
    links = CaseLink.objects.filter(Q(first=case) | Q(second=case)).select_related("first", "second")
    others = [link.second if link.first_id == case.pk else link.first for link in links]
    return sorted(others, key=lambda other: other.number, reverse=True)


def trail_of(case: ExceptionCase, *, before: int = 0) -> list[TrailEntry]:
    """The newest events of the case (of those before the numbered one) with the notes among them, newest first."""
    told = Event.objects.filter(subject_type="exceptions.exceptioncase", subject_id=str(case.pk))
    events = list((told.filter(seq__lt=before) if before else told).order_by("-seq")[:NEWEST_ENTRIES])
    names = names_of(event.actor for event in events)
    notes = {note.pk: note for note in CaseNote.objects.filter(case=case)}
    entries = []
    for event in events:
        body = json.loads(event.body)
        note = notes.get(body["data"].get("note"))
        entries.append(
            TrailEntry(
                at=event.at,
                who=names[event.actor],
                kind="system" if event.actor.startswith("system:") else "person",
                sentence=verbs.sentence(event.type, actor=""),
                changes={name: pair for name, pair in body["changes"].items() if name in TOLD_CHANGES},
                reason=reason_of(body),
                note=note.words if note else "",
                told=note.told if note else (),
                exception=body["data"].get("exception", ""),
                number=event.seq,
                type=event.type,
                actor=event.actor,
                is_move=bool(body["changes"]),
                file=body["data"].get("file", 0),
            )
        )
    return entries


def available_actions(case: ExceptionCase, *, by: Actor) -> list[str]:
    """What this person may do with the case as it stands, in the order of usefulness on its page."""
    possible = {one.action for one in possible_actions(case, by=by) if one.is_allowed}
    return [name for name in PAGE_ORDER if name in possible]


def _ladder(case: ExceptionCase) -> list[Rung]:
    return [
        Rung(
            at=rung.due_at,
            to=_name_of(case, rung.step.to),
            does=rung.step.does,
            round=rung.step.round,
            may_skip=rung.step.skip_if_nobody,
            is_past=place < case.ladder_step,
            is_next=place == case.ladder_step and case.state in CASE_LIVE,
        )
        for place, rung in enumerate(ladders.rungs(case.ladder))
    ]


def _name_of(case: ExceptionCase, to: str) -> str:
    slug = ladders.target(to)
    return name_ahead(case, slug) if slug else noop("The backup") if to else ""
