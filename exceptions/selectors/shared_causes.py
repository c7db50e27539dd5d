"""What people made of shared causes: how they are called, and which were merged away."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from audit.context import Actor
from audit.errors import NotFound
from audit.texts import whole_number
from exceptions.models import ExceptionCase, Notification, SharedCause
from exceptions.models.causes import CAUSE_PREFIX

MANAGE: Final = "exceptions.manage_cause"
MOST_BESIDE: Final = 100
# Within a statement about `urgent`, which has a type and a cause.
NAME_OF_URGENT: Final = (
    "coalesce((SELECT s.title FROM exceptions_sharedcause s WHERE (s.type, s.text) = (urgent.type, urgent.cause)), '')"
)


def may_manage(by: Actor) -> bool:
    """Whether the actor may act on shared causes, which exceptions of any client may have."""
    return by.may(MANAGE) and by.reaches(None)


def cause_record(kind: str, cause: str) -> SharedCause | None:
    """What is kept of the cause; None where nobody has acted on it."""
    return SharedCause.objects.select_related("merged_into").filter(type=kind, text=cause).first()


def cause_called(by: Actor, key: str) -> SharedCause:
    """The cause people call by this key; where it was merged, the other. Raises `NotFound`, also where the actor sees none of it."""
    number = whole_number(key.upper().removeprefix(CAUSE_PREFIX))
    found = None if number is None else SharedCause.objects.select_related("merged_into").filter(number=number).first()
    seen = visible_cause(by, found.merged_into or found) if found else None
    if seen is None:
        raise NotFound("There is no such cause, or it is not yours to see.")
    return seen


def visible_cause(by: Actor, found: SharedCause) -> SharedCause | None:
    """The cause, for who may act on causes or sees something open of it; None for others."""
    if may_manage(by):
        return found
    theirs = ExceptionCase.objects.of_clients(by.clients).live().filter(type=found.type, cause=found.text)
    return found if by.may("exceptions.view_case") and theirs.exists() else None


def name_of_cause(kind: str = "type", cause: str = "cause") -> Coalesce:
    """How people call the cause that stands in these columns, "" for as its text reads; asked within the statement that reads them."""
    names = SharedCause.objects.filter(type=OuterRef(kind), text=OuterRef(cause)).values("title")[:1]
    return Coalesce(Subquery(names), Value(""), output_field=TextField())


def names_of_causes(causes: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """How people call these (type, text), of those that have a name; one query at most."""
    texts = {text for _, text in causes if text}
    if not texts:
        return {}
    named = SharedCause.objects.filter(type__in={kind for kind, _ in causes}, text__in=texts).exclude(title="")
    return {(kind, text): name for kind, text, name in named.values_list("type", "text", "title")}


def causes_merged(causes: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The text of the cause into which each of these (type, text) was merged, of those that were; one query at most."""
    texts = {text for _, text in causes if text}
    if not texts:
        return {}
    merged = SharedCause.objects.filter(merged_into__isnull=False, text__in=texts)
    rows = merged.filter(type__in={kind for kind, _ in causes}).values_list("type", "text", "merged_into__text")
    return {(kind, text): other for kind, text, other in rows}


def causes_beside(kind: str, cause: str) -> list[tuple[str, str, int]]:
    """Into what a cause can be merged: the other causes open exceptions of its type have, most first, as (text, name, how many)."""
    others = ExceptionCase.objects.live().filter(type=kind).exclude(cause__in=["", cause])
    gone = SharedCause.objects.filter(type=kind, text=OuterRef("cause"), merged_into__isnull=False)
    found = others.exclude(Exists(gone)).order_by().values("cause").annotate(count=Count("pk"), called=name_of_cause())
    return list(found.order_by("-count", "cause").values_list("cause", "called", "count")[:MOST_BESIDE])


def names_told(notifications: Collection[UUID]) -> dict[UUID, str]:
    """How people call the causes these notifications tell of, of those that have a name; one query."""
    if not notifications:
        return {}
    told = Notification.objects.filter(pk__in=notifications).exclude(cause="")
    named = told.annotate(called=name_of_cause("case__type")).exclude(called="")
    return dict(named.values_list("pk", "called"))
