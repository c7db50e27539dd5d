"""Editing what the next rule book will say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, time
from typing import Any

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, StaleVersion
from audit.models import Accountable
from audit.services.events import PERSONAL_KEYS, record
from audit.words import said
from rules import appointments, selectors
from rules.appointments import Appointment
from rules.models import Owner


def save_edited(
    *,
    edited: Accountable,
    by: Actor,
    now: datetime,
    seen: int | None = None,
    reason: str = "",
    permission: str = "rules.edit_rules",
    told_as: str = "rules.edited",
) -> None:
    """Keep an edited or new record of the rules, with a history row and an event; higher apps name their own permission and event.

    Who comes to answer for it, the backup and who did so until now are told. `seen` is the version the person looked at. Raises
    `StaleVersion`, saying who was faster and when, if it is no longer the newest, `Refused` without the permission, and `Invalid` when
    it names no owner where it has to, or one who is switched off or has no backup who is there.
    """
    with acting(by, at=now, reason=reason):
        require(by, permission)
        if seen is not None:
            _refuse_if_stale(edited, seen)
            edited.version = seen
        _refuse_without_backup(edited)
        is_new = edited._state.adding
        edited.save()
        changes = edited.last_changes()
        record(
            told_as,
            subject=edited,
            reason=reason,
            changes=_tellable(changes),
            fields=sorted(changes) if seen is not None else ["new"],
        )
        named = {field.attname for field in selectors.owner_fields(type(edited))}
        appointments.tell(_appointments(edited, named if is_new else named & changes.keys(), changes), now=now)


def _refuse_without_backup(edited: Accountable) -> None:
    fields = selectors.owner_fields(type(edited))
    given = {field.name: getattr(edited, field.name) for field in fields if getattr(edited, field.attname) is not None}
    errors = [
        FieldError(
            f"/{field.name}",
            "required",
            said("Name the %(verbose_name)s: somebody has to answer for it.", verbose_name=field.verbose_name),
        )
        for field in fields
        if field.name not in given and not field.null
    ]
    errors += selectors.without_backup(type(edited), {**given, "is_active": getattr(edited, "is_active", True)})
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _appointments(
    edited: Accountable, columns: Collection[str], changes: Mapping[str, tuple[Any, Any]]
) -> list[Appointment]:
    """Who answers for the record from now on, by each of these columns."""
    fields = [field for field in selectors.owner_fields(type(edited)) if field.attname in columns]
    known = Owner.objects.select_related("backup").in_bulk(
        {pk for field in fields for pk in (getattr(edited, field.attname), *changes.get(field.attname, ())) if pk}
    )
    what = f"{edited._meta.verbose_name} “{edited}”"
    return [
        Appointment(known[owner_id], str(field.verbose_name), what, known.get(changes.get(field.attname, (None,))[0]))
        for field in fields
        if (owner_id := getattr(edited, field.attname)) in known
    ]


def _refuse_if_stale(edited: Accountable, seen: int) -> None:
    model = type(edited)
    stored = model.objects.select_for_update(of=("self",)).only("version").get(pk=edited.pk)
    if stored.version == seen:
        return
    newest = model.history.filter(id=edited.pk).order_by("-history_id").first()
    who, at = (newest.history_actor, newest.history_date) if newest else ("", None)
    moment = f" at {at:%H:%M} UTC on {at.day} {at:%b}" if at else ""
    raise StaleVersion(
        said(
            "%(edited)s was changed by %(who)s%(moment)s, after you opened it. Nothing was saved.",
            edited=edited,
            who=who,
            moment=moment,
        ),
        who=who,
        at=at,
    )


def _tellable(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """The changes the trail may carry: nothing personal, nothing without an exact spelling."""
    return {
        name: (_spelled(before), _spelled(after))
        for name, (before, after) in changes.items()
        if name not in PERSONAL_KEYS and name != "emails"
    }


def _spelled(value: Any) -> Any:
    return value.isoformat() if isinstance(value, time) else value
