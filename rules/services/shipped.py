"""Installing the configuration the product is shipped with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from audit.context import Actor, acting
from audit.identifiers import uuid7
from audit.services.events import Entry, record, record_many
from audit.words import said
from rules import shipped
from rules.models import (
    AssetKind,
    Calendar,
    Contract,
    ContractVersion,
    ExceptionType,
    Flow,
    Gate,
    OpeningHours,
    Owner,
    OwnershipRule,
    QualityCheck,
    RequestRule,
    RuleBookVersion,
    Runbook,
    RunbookVersion,
    Sla,
    SlaTarget,
    StatusOwnership,
    Team,
)
from rules.services.books import freeze_rule_book
from rules.states import ContractState, FlowState, RunbookState

M = TypeVar(
    "M",
    AssetKind,
    Calendar,
    Contract,
    ExceptionType,
    Flow,
    Gate,
    Owner,
    OwnershipRule,
    QualityCheck,
    RequestRule,
    Runbook,
    Sla,
    SlaTarget,
    StatusOwnership,
    Team,
)


def install_shipped_configuration(*, by: Actor, now: datetime) -> RuleBookVersion:
    """Add what is missing of the shipped configuration and freeze it; what an admin has edited stays as it is.

    A second run changes nothing. Raises what `freeze_rule_book` raises.
    """
    with acting(by, at=now, reason=said("shipped configuration")):
        calendars = _add_calendars()
        owners = _add_owners(calendars)
        slas = _add_missing(
            Sla,
            {
                slug: {"name": name, "minutes": minutes, "basis": basis}
                for slug, (name, minutes, basis) in shipped.SLAS.items()
            },
        )
        _add_contracts(owners)
        _add_runbooks(owners, by, now)
        _add_routing(owners, slas)
        return freeze_rule_book(by=by, now=now, note="shipped configuration")


def _add_missing(model: type[M], rows: Mapping[str, dict[str, Any]], *, key: str = "slug") -> dict[str, M]:
    """All rows of the model by key, after those that were missing have been added."""
    present = {getattr(row, key): row for row in model.objects.all()}
    added = [model(**{key: slug}, **fields) for slug, fields in rows.items() if slug not in present]
    model.objects.bulk_create(added)
    return {**present, **{getattr(row, key): row for row in added}}


def _add_calendars() -> dict[str, Calendar]:
    known = set(Calendar.objects.values_list("slug", flat=True))
    rows = {
        slug: {name: value for name, value in row.items() if name != "hours"} for slug, row in shipped.CALENDARS.items()
    }
    calendars = _add_missing(Calendar, rows)
    OpeningHours.objects.bulk_create(
        OpeningHours(calendar=calendars[slug], weekday=weekday, opens=opens, closes=closes)
        for slug, row in shipped.CALENDARS.items()
        if slug not in known
        for weekday, opens, closes in row["hours"]
    )
    return calendars


def _add_owners(calendars: Mapping[str, Calendar]) -> dict[str, Owner]:
    """Owners back each other up in circles, so their ids are chosen before any of them is written."""
    of_teams = {slug: {"name": row[0]} for slug, row in shipped.OWNERS.items() if row[1] == "team"}
    teams = _add_missing(Team, of_teams)
    ids = {slug: uuid7() for slug in shipped.OWNERS} | dict(Owner.objects.values_list("slug", "pk"))
    rows = {
        slug: {
            "id": ids[slug],
            "name": name,
            "kind": kind,
            "team": teams.get(slug),
            "backup_id": ids[backup],
            "calendar": calendars[calendar],
        }
        for slug, (name, kind, backup, calendar) in shipped.OWNERS.items()
    }
    return _add_missing(Owner, rows)


def _add_gates(owners: Mapping[str, Owner]) -> dict[str, Gate]:
    return _add_missing(
        Gate,
        {
            slug: {
                "name": name,
                "blocks": blocks,
                "needs": needs,
                "content_owner": owners[owner],
                "max_hours": hours,
                "approver_role": role,
                "risk": risk,
                "break_glass_hours": emergency,
            }
            for slug, (name, blocks, needs, owner, hours, role, risk, emergency) in shipped.GATES.items()
        },
    )


def _add_routing(owners: Mapping[str, Owner], slas: Mapping[str, Sla]) -> None:
    gates = _add_gates(owners)
    references: dict[str, Callable[[str], Any]] = {
        **dict.fromkeys(("owner", "fallback", "rule_owner"), owners.__getitem__),
        **dict.fromkeys(("sla", "draft_sla", "review_sla", "publish_sla", "revise_sla"), slas.__getitem__),
        "gate": gates.__getitem__,
    }
    types = _add_missing(ExceptionType, _resolved(shipped.EXCEPTION_TYPES.items(), references))
    references["flow"] = _add_flows({**references, "exception_type": types.__getitem__}).__getitem__
    if not OwnershipRule.objects.exists():
        # All or none: a rule that an admin renamed or moved must not come back beside the new one.
        _add_missing(OwnershipRule, _resolved(((row["slug"], row) for row in shipped.RULES), references))
    if not RequestRule.objects.exists():
        _add_missing(RequestRule, _resolved(((row["slug"], row) for row in shipped.REQUEST_RULES), references))
    _add_missing(
        StatusOwnership, {status: {"owner": owners[owner]} for status, owner in shipped.STATUSES.items()}, key="status"
    )
    _add_missing(AssetKind, _resolved(shipped.ASSET_KINDS.items(), references))
    _add_missing(QualityCheck, _resolved(shipped.QUALITY_CHECKS.items(), references))
    _add_missing(
        SlaTarget,
        {
            slug: {
                "name": name,
                "type": types[kind],
                "severity": severity,
                "acknowledge_within_minutes": minutes,
                "sla": slas[sla],
            }
            for slug, (name, kind, severity, minutes, sla) in shipped.SLA_TARGETS.items()
            if types[kind].is_active
        },
    )


def _add_flows(references: Mapping[str, Callable[[str], Any]]) -> dict[str, Flow]:
    """The shipped flows declare everything, so they are live at once; so are those that were there before flows had to."""
    known = set(Flow.objects.values_list("slug", flat=True))
    contracts = {row.name: row for row in Contract.objects.all()}
    runbooks = {row.slug: row for row in Runbook.objects.all()}
    named = {
        **references,
        **dict.fromkeys(("trigger", "qa_signal"), contracts.__getitem__),
        "recovery": runbooks.__getitem__,
    }
    rows = _resolved(shipped.FLOWS.items(), named)
    flows = _add_missing(Flow, {slug: {**row, "state": FlowState.ACTIVE} for slug, row in rows.items()})
    _complete([(flows[slug], row) for slug, row in rows.items() if flows[slug].paused_because == shipped.SAYS_NOTHING])
    record_many([Entry("flow.activated", one) for slug, one in flows.items() if slug not in known])
    return flows


def _complete(flows: Iterable[tuple[Flow, Mapping[str, Any]]]) -> None:
    for flow, row in flows:
        for name in flow.undeclared:
            setattr(flow, name, row[name])
        flow.activate()
        flow.save()
        record("flow.activated", subject=flow)


def _resolved(
    rows: Iterable[tuple[str, Mapping[str, Any]]], references: Mapping[str, Callable[[str], Any]]
) -> dict[str, dict[str, Any]]:
    return {
        slug: {
            name: references[name](value) if name in references else value
            for name, value in row.items()
            if name != "slug"
        }
        for slug, row in rows
    }


def _add_contracts(owners: Mapping[str, Owner]) -> None:
    known = set(Contract.objects.values_list("name", flat=True))
    contracts = _add_missing(
        Contract,
        {
            contract.name: {
                "direction": contract.direction,
                "description": contract.description,
                "contract_owner": owners["integrations"],
                "execution_owner": owners[shipped.EXECUTION_OWNER],
                "business_owner": owners[contract.business_owner],
            }
            for contract in shipped.CONTRACTS
        },
        key="name",
    )
    versions = [
        ContractVersion(
            contract=contracts[contract.name],
            number=1,
            schema=contract.schema,
            pii=list(contract.pii),
            state=ContractState.ACTIVE,
        )
        for contract in shipped.CONTRACTS
        if contract.name not in known
    ]
    ContractVersion.objects.bulk_create(versions)
    record_many(
        [
            Entry("contract.published", version, data={"contract": version.contract.name, "number": 1})
            for version in versions
        ]
    )


def _add_runbooks(owners: Mapping[str, Owner], by: Actor, now: datetime) -> None:
    known = set(Runbook.objects.values_list("slug", flat=True))
    rows = {one.slug: {"title": one.title, "owner": owners[one.owner]} for one in shipped.RUNBOOKS}
    added = _add_missing(Runbook, rows)
    versions = [
        RunbookVersion(
            runbook=added[one.slug],
            number=1,
            state=RunbookState.CURRENT,
            body=one.body,
            covers=sorted(one.covers),
            note="Shipped with the product",
            proposed_by=by.id,
            proposed_by_name="Handrail",
            proposed_at=now,
            decided_at=now,
        )
        for one in shipped.RUNBOOKS
        if one.slug not in known
    ]
    RunbookVersion.objects.bulk_create(versions)
    record_many(
        [Entry("runbook.accepted", one, data={"runbook": one.runbook.slug, "number": one.number}) for one in versions]
    )
