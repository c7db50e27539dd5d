"""The playbook of one exception as it stands: which steps are done, open or waiting, which criteria hold, and what is missing."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from django.db.models import F

from audit.words import said, said_again
from exceptions import playbooks, subjects
from exceptions.models import CaseStep, ExceptionCase, Waiver
from exceptions.models.waivers import KEY_PREFIX

Met = Mapping[str, Collection[UUID] | None]
# What an expression over an exception asks for.
STEP_ASKED: Final = re.compile(r"\b(\d{1,3}) in steps_done\b")
WAIVER_ASKED: Final = re.compile(r"\bwaived\b")
StepState = Literal["done", "open", "blocked", "undecided"]


@dataclass(frozen=True)
class Step:
    """A step of the playbook: what, how, whether it can be done now, and what came of it. `number` counts from one."""

    number: int
    label: str
    kind: str
    state: StepState
    is_required: bool
    is_runnable: bool
    how: str = ""
    needs: str = ""
    fields: Sequence[str] = ()
    done_at: datetime | None = None
    done_by: str = ""
    outcome: str = ""
    note: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether the exception cannot be resolved without it: required and not done, unless its condition is known not to hold."""
        return self.is_required and self.state in {"open", "undecided"}

    @property
    def is_for_many(self) -> bool:
        """Whether it can be done on many alike: what is done with answers is done on each."""
        return not (self.is_runnable and self.fields)

    @property
    def why_not(self) -> str:
        """Why it cannot be done now; empty when it can, or was."""
        if self.state == "blocked":
            return f"Not now: it needs {self.needs}."
        return f"Nobody can tell whether it applies: {self.needs}." if self.state == "undecided" else ""


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion; `met` is None where only a person can say.

    `steps` are those of the playbook it asks for; `is_seen` says that the product looks itself, `is_waivable` that a time-limited exception
    would let it be, `allowed_by` the one that stands in for it.
    """

    label: str
    met: bool | None
    steps: Sequence[int] = ()
    is_seen: bool = False
    is_waivable: bool = False
    allowed_by: str = ""


@dataclass(frozen=True)
class Lack:
    """What keeps an exception from being resolved, and the step of the playbook to do about it; 0 where none is named."""

    words: str
    step: int = 0


@dataclass(frozen=True)
class Playbook:
    """What to do about an exception, and whether enough was done."""

    steps: Sequence[Step] = field(default_factory=list)
    criteria: Sequence[Criterion] = field(default_factory=list)

    @property
    def done_count(self) -> int:
        """How many steps are done."""
        return sum(step.state == "done" for step in self.steps)

    @property
    def lacking(self) -> list[Lack]:
        """What keeps the exception from being resolved."""
        steps = [
            Lack(said("step %(n)s, “%(label)s”", n=step.number, label=step.label), step.number)
            for step in self.steps
            if step.is_missing
        ]
        unmet = [criterion for criterion in self.criteria if criterion.met is False]
        return [*steps, *(Lack(criterion.label, self.step_towards(criterion)) for criterion in unmet)]

    @property
    def missing(self) -> list[str]:
        """What keeps the exception from being resolved, in words."""
        return [lack.words for lack in self.lacking]

    def step_towards(self, criterion: Criterion) -> int:
        """The first step that can be done now of those the criterion asks for; 0 for none."""
        can_be_done = {step.number for step in self.steps if step.state == "open"}
        return next((number for number in criterion.steps if number in can_be_done), 0)

    @property
    def allowed_by(self) -> str:
        """The key of the time-limited exception without which it could not be resolved; empty where it needs none."""
        return next((criterion.allowed_by for criterion in self.criteria if criterion.allowed_by), "")

    @property
    def to_say(self) -> list[str]:
        """What who resolves it says is so, because nobody but a person can."""
        return [criterion.label for criterion in self.criteria if criterion.met is None]


def playbook_of(case: ExceptionCase, *, now: datetime) -> Playbook:
    """The playbook at `now`: two queries, and those of the criteria the product checks itself."""
    return playbooks_of([case], now=now)[case.pk]


def playbooks_of(cases: Sequence[ExceptionCase], *, now: datetime) -> dict[UUID, Playbook]:
    """As `playbook_of`, for many in the same two queries, by the case's id."""
    done: dict[UUID, dict[int, CaseStep]] = defaultdict(dict)
    for step in CaseStep.objects.filter(case__in=cases):
        done[step.case_id][step.index] = step
    held = Waiver.objects.in_force(now).filter(case__in=cases, gate=F("case__gate"))
    waived = {case_id: f"{KEY_PREFIX}{number}" for case_id, number in held.values_list("case_id", "number")}
    met = _checked(cases)
    return {case.pk: _playbook(case, done[case.pk], met, waived=waived.get(case.pk, ""), now=now) for case in cases}


def steps_of(playbook: Sequence[dict[str, Any]]) -> list[Step]:
    """The steps of a playbook that nobody has begun, whatever their conditions."""
    return [_step(index, {**row, "when": ""}, None, {}) for index, row in enumerate(playbook)]


def _checked(cases: Sequence[ExceptionCase]) -> Met:
    """What the product checks itself, once for all cases that ask for the same."""
    asking: dict[str, list[ExceptionCase]] = defaultdict(list)
    for case in cases:
        for name in {row["check"] for row in case.acceptance if row.get("check") and "when" not in row}:
            asking[name].append(case)
    return {name: subjects.met_by(name, those) for name, those in asking.items()}


def _playbook(case: ExceptionCase, done: dict[int, CaseStep], met: Met, *, waived: str, now: datetime) -> Playbook:
    steps_done = sorted(index + 1 for index in done)
    facts = playbooks.case_facts(case, steps_done=steps_done, waived=bool(waived), now=now)
    return Playbook(
        [_step(index, row, done.get(index), facts) for index, row in enumerate(case.playbook)],
        [_criterion(row, case, facts, met, waived) for row in case.acceptance],
    )


def _step(index: int, row: dict[str, Any], done: CaseStep | None, facts: dict[str, Any]) -> Step:
    condition = row.get("when", "")
    states: dict[bool | None, StepState] = {True: "open", False: "blocked", None: "undecided"}
    return Step(
        number=index + 1,
        label=row["label"],
        kind=row["kind"],
        state="done" if done else states[playbooks.holds(condition, facts)],
        is_required=row.get("required", False),
        is_runnable=subjects.action(row.get("action", "")) is not None,
        how=row.get("how", ""),
        needs=row.get("needs") or condition,
        fields=tuple(row.get("fields", ())),
        done_at=done.at if done else None,
        done_by=done.by_name if done else "",
        outcome=said_again(done.outcome, done.outcome_kept) if done else "",
        note=done.note if done else "",
    )


def _criterion(row: dict[str, Any], case: ExceptionCase, facts: dict[str, Any], met: Met, waived: str) -> Criterion:
    asked = row.get("when", "") or row.get("unless", "")
    steps, is_waivable = [int(number) for number in STEP_ASKED.findall(asked)], bool(WAIVER_ASKED.search(asked))
    holds_for, allowed_by = met.get(row.get("check", "")), ""
    if "when" in row:
        is_met: bool | None = playbooks.holds(row["when"], facts) is True
    elif "unless" in row and playbooks.holds(row["unless"], facts) is True:
        is_met, holds_for, allowed_by = True, None, "" if case.pk in (holds_for or ()) else waived
    else:
        is_met = None if holds_for is None else case.pk in holds_for
    return Criterion(row["label"], is_met, steps, holds_for is not None, is_waivable, allowed_by)
