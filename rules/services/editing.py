"""Editing what the next rule book will say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from audit.access import require
from audit.context import Actor, acting
from audit.errors import StaleVersion
from audit.models import Accountable
from audit.services.events import PERSONAL_KEYS, record


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

    `seen` is the version the person looked at. Raises `StaleVersion`, saying who was faster and when, if it is no longer the newest,
    and `Refused` without the permission.
    """
    with acting(by, at=now, reason=reason):
        require(by, permission)
        if seen is not None:
            _refuse_if_stale(edited, seen)
            edited.version = seen
        edited.save()
        changes = edited.last_changes()
        record(
            told_as,
            subject=edited,
            reason=reason,
            changes=_tellable(changes),
            fields=sorted(changes) if seen is not None else ["new"],
        )


def _refuse_if_stale(edited: Accountable, seen: int) -> None:
    model = type(edited)
    stored = model.objects.select_for_update(of=("self",)).only("version").get(pk=edited.pk)
    if stored.version == seen:
        return
    newest = model.history.filter(id=edited.pk).order_by("-history_id").first()
    who, at = (newest.history_actor, newest.history_date) if newest else ("", None)
    moment = f" at {at:%H:%M} UTC on {at.day} {at:%b}" if at else ""
    raise StaleVersion(
        f"{edited} was changed by {who}{moment}, after you opened it. Nothing was saved.", who=who, at=at
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
