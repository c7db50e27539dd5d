"""What meets the acceptance criteria of an exception: steps, files, a time-limited exception, the product's look, a person's word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.words import at, said
from exceptions.models import CaseAttachment, ExceptionCase, Waiver
from exceptions.selectors.playbook import Criterion, Playbook
from exceptions.states import CASE_DONE


@dataclass(frozen=True)
class Evidence:
    """A criterion, what met it in words, the files that are evidence of it, and the step that would (0 for none)."""

    number: int
    criterion: Criterion
    words: Sequence[str]
    files: Sequence[CaseAttachment]
    step: int

    @property
    def may_be_let_be(self) -> bool:
        """Whether a time-limited exception would do."""
        return self.criterion.is_waivable and not self.criterion.met


def files_of(case: ExceptionCase) -> list[CaseAttachment]:
    """Its files, those that were withdrawn among them, in their order."""
    return list(CaseAttachment.objects.filter(case=case).select_related("withdrawal").order_by("number"))


def evidence_of(
    case: ExceptionCase, book: Playbook, *, files: Sequence[CaseAttachment], waivers: Sequence[Waiver], resolved_by: str
) -> list[Evidence]:
    """Of each criterion; no queries."""
    return [
        Evidence(
            number,
            criterion,
            list(_words(case, book, criterion, waivers, resolved_by)),
            [file for file in files if file.criterion == number and not file.withdrawn],
            0 if criterion.met else book.step_towards(criterion),
        )
        for number, criterion in enumerate(book.criteria, start=1)
    ]


def _words(
    case: ExceptionCase, book: Playbook, criterion: Criterion, waivers: Sequence[Waiver], resolved_by: str
) -> Iterator[str]:
    if criterion.met is None and case.state in CASE_DONE and case.resolved_at and resolved_by:
        yield said("%(who)s said so, %(at)s", who=resolved_by, at=at(case.resolved_at))
    if not criterion.met:
        return
    if criterion.is_seen:
        yield said("Looked at just now")
    for step in book.steps:
        if step.number in criterion.steps and step.done_at:
            yield said("Step %(n)s: %(who)s, %(at)s", n=step.number, who=step.done_by, at=at(step.done_at))
    if criterion.is_waivable:
        for waiver in waivers:
            if waiver.gate == case.gate and waiver.expires_at:
                yield said("%(key)s lets it be until %(at)s", key=waiver.key, at=at(waiver.expires_at))
