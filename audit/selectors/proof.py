"""What is known about the trail's soundness: the checks that were made, the seals, and which record a person means."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q

from audit import checkpoints
from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.models import Accountable, Event, Seal
from audit.selectors.pages import names_of
from audit.selectors.trail import events_for, seals_for
from audit.subject_refs import SubjectRef
from audit.texts import page_mark, whole_number
from audit.words import said

TRAIL = SubjectRef("audit.trail", "trail")
WHOLE, BROKEN = "trail.verified", "trail.found_broken"
SEALS_SHOWN = 25


@dataclass(frozen=True)
class Run:
    """One check of the trail, as it was recorded in the trail itself."""

    at: datetime
    who: str
    whole: bool
    events: int
    records: int
    checkpoints: int
    unsealed: int
    from_seal: int
    to_seal: int
    findings: int
    first: Sequence[str]
    head: str
    milliseconds: int


@dataclass(frozen=True)
class SealsPage:
    """Seals, newest first, and what is kept of them outside."""

    rows: Sequence[Seal]
    next_after: str
    newest: Seal | None
    kept_outside: int


def runs(*, by: Actor, most: int = 5) -> list[Run]:
    """The last checks of the trail, newest first. Raises `Refused`."""
    require(by, "audit.verify")
    made = Event.objects.filter(subject_type=TRAIL.type, subject_id=TRAIL.id, type__in=[WHOLE, BROKEN])
    events = list(made.order_by("-seq")[:most])
    names = names_of(event.actor for event in events)
    return [
        Run(at=event.at, who=names[event.actor], whole=event.type == WHOLE, **json.loads(event.body)["data"])
        for event in events
    ]


def seals_page(*, by: Actor, after: str = "") -> SealsPage:
    """A page of seals, newest first. Raises `Refused`, `Invalid` for a mark that is not ours."""
    seals = seals_for(by).order_by("-number")
    newest = seals.first()
    if after:
        seals = seals.filter(number__lt=page_mark(after))
    found = list(seals[: SEALS_SHOWN + 1])
    next_after = str(found[SEALS_SHOWN - 1].number) if len(found) > SEALS_SHOWN else ""
    return SealsPage(found[:SEALS_SHOWN], next_after, newest, checkpoints.last_kept())


def record_meant(*, by: Actor, words: str) -> SubjectRef:
    """The record a person names by its key, its id, “type id” or an id of its events. Raises `Invalid` when there is none to see."""
    visible = events_for(by)
    found: Any = None
    kind, _, rest = words.replace("/", " ").partition(" ")
    if rest and words.isprintable():
        found = visible.filter(subject_type=kind, subject_id=rest.strip()).first()
    elif (identity := _uuid(words)) is not None:
        found = visible.filter(pk=identity).first() or visible.filter(subject_id=str(identity)).first()
    elif words.isprintable():
        found = visible.filter(subject_id__in=_ids_of_key(words.upper())).first()
    if found is None:
        detail = said(
            "Nothing is recorded under “%(words)s”. Give a key, a record's id or an event's id.", words=words[:80]
        )
        raise Invalid(detail, errors=[FieldError("/record", "unknown", detail)])
    return SubjectRef(found.subject_type, found.subject_id, found.client_id)


def _uuid(words: str) -> UUID | None:
    try:
        return UUID(words)
    except ValueError:
        return None


def _ids_of_key(key: str) -> list[str]:
    """The ids of records people call this, whatever they are: some keep their key, some make it of their number."""
    ids: list[str] = []
    for model in apps.get_models():
        if issubclass(model, Accountable) and (lookup := _by_key(model, key)) is not None:
            ids += [str(pk) for pk in model._default_manager.filter(lookup).values_list("pk", flat=True)]
    return ids


def _by_key(model: type[models.Model], key: str) -> Q | None:
    fields = {field.name for field in model._meta.concrete_fields}
    number = whole_number(key.rpartition("-")[2])
    if "key" in fields:
        return Q(("key", key))
    if not ("number" in fields and number is not None):
        return None
    made_of: dict[str, Any] = {"number": number}
    named: Any = model(**made_of)
    return Q(("number", number)) if getattr(named, "key", "") == key else None
