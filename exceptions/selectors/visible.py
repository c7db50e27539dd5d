"""Exceptions and time-limited exceptions as far as they exist for somebody."""

from django.db.models import Prefetch, QuerySet

from audit.access import require
from audit.context import Actor
from exceptions.models import CaseAttachment, CaseNote, CaseStep, ExceptionCase, Waiver
from exceptions.selectors.waivers import visible_waivers


def cases_for(by: Actor) -> QuerySet[ExceptionCase]:
    """Exceptions of the actor's clients; those of the house only for who sees every client. Raises `Refused` without the permission."""
    require(by, "exceptions.view_case")
    cases: QuerySet[ExceptionCase] = ExceptionCase.objects.of_clients(by.clients).select_related(
        "client", "owner", "backup"
    )
    return cases


def whole_cases_for(by: Actor) -> QuerySet[ExceptionCase]:
    """As `cases_for`, with notes, steps and what files there are."""
    notes = Prefetch("notes", CaseNote.objects.order_by("-at", "-pk"))
    steps = Prefetch("steps", CaseStep.objects.order_by("index"))
    files = Prefetch("attachments", CaseAttachment.objects.select_related("withdrawal").order_by("number"))
    return cases_for(by).prefetch_related(notes, steps, files)


def waivers_for(by: Actor) -> QuerySet[Waiver]:
    """Time-limited exceptions of the actor's clients. Raises `Refused` without the permission."""
    require(by, "exceptions.view_case")
    waivers: QuerySet[Waiver] = visible_waivers(by).prefetch_related("extensions")
    return waivers
