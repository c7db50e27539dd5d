"""Files of an exception that a time-limited exception refers to, or could."""

from exceptions.models import CaseAttachment, ExceptionCase, Waiver


def files_to_choose(case: ExceptionCase | None) -> list[CaseAttachment]:
    """Those that could be referred to: none that was withdrawn."""
    if case is None:
        return []
    return list(CaseAttachment.objects.filter(case=case, withdrawal=None).order_by("number"))


def evidence_files(waiver: Waiver) -> list[CaseAttachment]:
    """Those it refers to, also what was withdrawn since."""
    if not waiver.evidence or waiver.case_id is None:
        return []
    files = CaseAttachment.objects.filter(case=waiver.case_id, number__in=waiver.evidence)
    return list(files.select_related("withdrawal").order_by("number"))
