"""Flows go live, and are paused: the only doors through which one may be chosen or not."""

from __future__ import annotations

from datetime import datetime

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, StaleVersion
from audit.services.events import record
from audit.texts import reason_given
from audit.words import listed, said
from rules import selectors
from rules.models import Flow
from rules.models.flows import DECLARED, REFERENCES
from rules.services.editing import save_edited
from rules.states import SENDING, FlowKind, FlowState

EDIT = "rules.edit_rules"


def save_flow(*, flow: Flow, by: Actor, now: datetime, seen: int | None = None, reason: str = "") -> None:
    """Keep a new or edited flow. Raises as `save_edited` does, and `Invalid` when a live one would no longer say everything."""
    with acting(by, at=now, reason=reason):
        if flow.state == FlowState.ACTIVE and flow.undeclared:
            errors = [
                FieldError(
                    f"/{name}",
                    "required",
                    said("%(what)s: a live flow says it. Pause it first.", what=said(DECLARED[name])),
                )
                for name in flow.undeclared
            ]
            raise Invalid(" ".join(error.detail for error in errors), errors=errors)
        save_edited(edited=flow, by=by, now=now, seen=seen, reason=reason)


def activate_flow(*, slug: str, reason: str, by: Actor, now: datetime, seen: int | None = None) -> Flow:
    """Let a flow be chosen from now on.

    Raises `Invalid` naming every thing it does not declare, `Refused`, `NotFound`, `StaleVersion`, and `IllegalTransition` for one that is
    live already.
    """
    with acting(by, at=now, reason=reason):
        flow, why = _locked(slug, by, seen), reason_given(reason)
        if flow.state == FlowState.ACTIVE:
            raise IllegalTransition(said("%(flow)s is live already.", flow=flow.name))
        missing = [one for one in selectors.declarations(flow) if one.problem]
        if missing:
            errors = [
                FieldError(
                    f"/{one.name}",
                    "required",
                    said("%(what)s: %(problem)s", what=said(one.label), problem=said(one.problem)),
                )
                for one in missing
            ]
            raise Invalid(" ".join(error.detail for error in errors), errors=errors)
        flow.activate()
        flow.save()
        record("flow.activated", subject=flow, reason=why)
    return flow


def pause_flow(*, slug: str, reason: str, by: Actor, now: datetime, seen: int | None = None) -> Flow:
    """Let a flow not be chosen any more: what a rule would send along it is left to a person; what is on its way goes on.

    Raises `Conflict` where nobody could decide instead, `Refused`, `NotFound`, `Invalid`, `StaleVersion`, and `IllegalTransition` for one
    that is not live.
    """
    with acting(by, at=now, reason=reason):
        flow, why = _locked(slug, by, seen), reason_given(reason)
        if flow.state != FlowState.ACTIVE:
            raise IllegalTransition(said("%(flow)s is not live.", flow=flow.name))
        _refuse_if_needed(flow)
        flow.pause(because=why)
        flow.save()
        record("flow.paused", subject=flow, reason=why)
    return flow


def _locked(slug: str, by: Actor, seen: int | None) -> Flow:
    require(by, EDIT)
    found = selectors.flow_called(by, slug)
    flow = (
        Flow.objects.select_for_update(of=("self",))
        .select_related("owner__backup", "sla", *REFERENCES)
        .get(pk=found.pk)
    )
    if seen not in {None, flow.version}:
        raise StaleVersion(said("%(flow)s was changed after you opened it. Nothing was done.", flow=flow.name))
    return flow


def _refuse_if_needed(flow: Flow) -> None:
    kinds = selectors.leading_to(flow).kinds
    if kinds:
        names = listed([kind.name for kind in kinds])
        raise Conflict(
            said(
                "%(flow)s follows a publication of: %(kinds)s. Give them another flow first.",
                flow=flow.name,
                kinds=names,
            )
        )
    if flow.kind not in {*SENDING, FlowKind.MANUAL_REVIEW}:
        return
    others = Flow.objects.filter(kind=FlowKind.MANUAL_REVIEW, state=FlowState.ACTIVE).exclude(pk=flow.pk)
    if not others.exists():
        raise Conflict(
            said("Nobody could decide instead: no other flow of manual review is live beside %(flow)s.", flow=flow.name)
        )
