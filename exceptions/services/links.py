"""Exceptions that have to do with each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, Invalid, NotFound
from audit.services.events import record
from audit.words import said
from exceptions.models import CaseLink, ExceptionCase
from exceptions.selectors.cases import case_for


def link_cases(*, case_id: UUID, exception: str, by: Actor, now: datetime) -> CaseLink:
    """Say that the case has to do with `exception` (a key); saying it again changes nothing.

    Raises `NotFound` for one that is not the asker's to see, `Invalid` for itself, `Conflict` for one of another client.
    """
    with _both(case_id, exception, by, now) as (case, other):
        if case.client_id != other.client_id:
            raise Conflict(
                said("%(key)s and %(key_2)s are of different clients.", key=case.key, key_2=other.key),
                code="other-client",
            )
        first, second = sorted((case, other), key=lambda one: one.pk)
        link, is_new = CaseLink.objects.get_or_create(first=first, second=second, defaults={"at": now, "by": by.id})
        if is_new:
            record("case.linked", subject=case, changes={}, exception=other.key)
            record("case.linked", subject=other, changes={}, exception=case.key)
    return link


def unlink_cases(*, case_id: UUID, exception: str, by: Actor, now: datetime) -> None:
    """Take it back. Raises `Conflict` when they are not linked."""
    with _both(case_id, exception, by, now) as (case, other):
        first, second = sorted((case, other), key=lambda one: one.pk)
        gone, _ = CaseLink.objects.filter(first=first, second=second).delete()
        if not gone:
            raise Conflict(
                said("%(key)s and %(key_2)s are not linked.", key=case.key, key_2=other.key), code="not-linked"
            )
        record("case.unlinked", subject=case, changes={}, exception=other.key)
        record("case.unlinked", subject=other, changes={}, exception=case.key)


@contextmanager
def _both(case_id: UUID, exception: str, by: Actor, now: datetime) -> Iterator[tuple[ExceptionCase, ExceptionCase]]:
    """Both, locked in the order of their keys."""
    with acting(by, at=now):
        other_id = case_for(by, exception.strip()).pk
        rows = ExceptionCase.objects.select_for_update().filter(pk__in=[case_id, other_id]).order_by("pk")
        locked = {case.pk: case for case in rows}
        if case_id not in locked:
            raise NotFound("There is no such exception, or it is not yours to see.")
        for case in locked.values():
            require(by, "exceptions.work_case", case)
        if case_id == other_id:
            detail = said("Name another exception: this is the same one.")
            raise Invalid(detail, errors=[FieldError("/exception", "the-same", detail)])
        yield locked[case_id], locked[other_id]
