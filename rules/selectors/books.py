"""Reading rule books: the one in force, any older one, and what would be frozen now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import holidays
from django.db.models import F

from audit.context import Actor
from rules import facts
from rules.business_time import BusinessCalendar
from rules.errors import NoRuleBook
from rules.models import (
    AssetKind,
    Calendar,
    Client,
    ExceptionType,
    Flow,
    Gate,
    HoldRule,
    Holiday,
    OpeningHours,
    Owner,
    OwnershipRule,
    ProductLine,
    QualityCheck,
    RequestRule,
    RuleBookVersion,
    Sla,
    SlaTarget,
    StatusOwnership,
)
from rules.quality_checks import PARCEL_CONTEXT
from rules.rulebook import SCHEMA, CompiledBook, compile_book
from rules.states import FlowState

ORDER_CONTEXT, HOLD_CONTEXT, REQUEST_CONTEXT = "order", "hold", "request"
HOLIDAY_YEARS_BACK, HOLIDAY_YEARS_AHEAD = 1, 4


def active_book() -> CompiledBook:
    """The rule book in force, compiled once per process. Raises `NoRuleBook`."""
    active = RuleBookVersion.objects.filter(is_active=True).values_list("id", flat=True).first()
    if active is None:
        raise NoRuleBook
    return book(active)


def book_knowing(type_slug: str, *, otherwise: int) -> CompiledBook:
    """The rule book in force, or the older one of this number where the one in force no longer has the exception type."""
    active = active_book()
    if any(spec.slug == type_slug for spec in active.exception_types()):
        return active
    return book(RuleBookVersion.objects.values_list("pk", flat=True).get(number=otherwise))


@lru_cache(maxsize=16)
def book(book_id: UUID) -> CompiledBook:
    """Any frozen book, compiled once per process; books never change. Raises `RuleBookVersion.DoesNotExist`."""
    version = RuleBookVersion.objects.only("document", "number").get(pk=book_id)
    return compile_book(version.document, id=book_id, number=version.number)


def book_numbered(number: int) -> CompiledBook:
    """The rule book of this number, as people call it."""
    return book(RuleBookVersion.objects.values_list("pk", flat=True).get(number=number))


def hours_in(known: CompiledBook, slug: str) -> BusinessCalendar:
    """The calendar of this slug, the house's where the book does not know it yet."""
    frozen = known.document["calendars"]
    return known.calendar(slug if slug in frozen else known.document["house_calendar"])


def document_to_freeze(*, at: datetime) -> dict[str, Any]:
    """Everything that is active now, as the document of a book frozen at `at`."""
    spec = facts.context(ORDER_CONTEXT)
    rules = list(
        OwnershipRule.objects.filter(is_active=True)
        .select_related("owner", "fallback", "flow", "sla", "rule_owner", "owner__calendar", "client", "line")
        .order_by("position", F("client__slug").asc(nulls_last=True))
    )
    default = next((rule for rule in rules if rule.is_default), None)
    return {
        "schema": SCHEMA,
        "context": {"name": spec.name, "attributes": dict(spec.attributes)},
        "calendars": _calendars(at),
        "house_calendar": default.owner.calendar.slug if default else "",
        "owners": _owners(at),
        "slas": {
            sla.slug: {
                "name": sla.name,
                "minutes": sla.minutes,
                "basis": sla.basis,
                "calendar": sla.calendar.slug if sla.calendar else None,
            }
            for sla in Sla.objects.filter(is_active=True).select_related("calendar").order_by("slug")
        },
        "flows": {
            flow.slug: {"name": flow.name, "kind": flow.kind, "owner": flow.owner.slug, "sla": flow.sla.slug}
            # One that is paused keeps its place: what leads to it is left to a person, and nobody has to take the rules apart.
            for flow in Flow.objects.exclude(state=FlowState.DRAFT).select_related("owner", "sla").order_by("slug")
        },
        "rules": [_rule(rule) for rule in rules],
        **_hold_rules(),
        **_quality_checks(),
        **_request_rules(),
        "asset_kinds": _asset_kinds(),
        "statuses": {
            row.status: row.owner.slug
            for row in StatusOwnership.objects.filter(is_active=True).select_related("owner").order_by("status")
        },
        "gates": _gates(),
        "exception_types": _exception_types(),
        "sla_targets": _sla_targets(),
        "client_calendars": dict(
            Client.objects.filter(is_active=True).order_by("slug").values_list("slug", "calendar__slug")
        ),
    }


def document_for(by: Actor, document: Mapping[str, Any]) -> dict[str, Any]:
    """What a book says to the actor: without what is of single clients that do not exist for them."""
    if by.clients is None:
        return dict(document)
    reached = {None, *Client.objects.filter(pk__in=by.clients).values_list("slug", flat=True)}
    of_lists = {
        name: [row for row in document.get(name, ()) if row.get("client") in reached]
        for name in ("rules", "hold_rules")
    }
    targets = {slug: row for slug, row in document.get("sla_targets", {}).items() if row["client"] in reached}
    checks = {slug: row for slug, row in document.get("quality_checks", {}).items() if row.get("client") in reached}
    calendars = {slug: one for slug, one in document.get("client_calendars", {}).items() if slug in reached}
    return {**document, **of_lists, "sla_targets": targets, "quality_checks": checks, "client_calendars": calendars}


def _rule(rule: OwnershipRule) -> dict[str, Any]:
    return {
        "slug": rule.slug,
        "name": rule.name,
        "why": rule.why,
        "position": rule.position,
        **_narrowed(rule.predicate, rule.client, rule.line),
        "owner": rule.owner.slug,
        "flow": rule.flow.slug,
        "sla": rule.sla.slug,
        "fallback": rule.fallback.slug,
        "fallback_after_minutes": rule.fallback_after_minutes,
        "rule_owner": rule.rule_owner.slug,
        "is_default": rule.is_default,
    }


def _narrowed(predicate: str, client: Client | None, line: ProductLine | None = None) -> dict[str, Any]:
    """The predicate with whose orders it is asked about, and the client: what is of one is no business of another."""
    parts = [f'client == "{client.slug}"'] if client else []
    parts += [f"({line.predicate})"] if line else []
    if not parts:
        return {"predicate": predicate}
    own = [] if predicate.strip() in {"", "true"} else [f"({predicate})"]
    return {"predicate": " && ".join([*parts, *own]), "client": client.slug if client else None}


def _hold_rules() -> dict[str, Any]:
    """The hold rules, and the context their expressions ask about."""
    spec = facts.context(HOLD_CONTEXT)
    return {
        "hold_context": {"name": spec.name, "attributes": dict(spec.attributes)},
        "hold_rules": [
            _hold_rule(rule)
            for rule in HoldRule.objects.filter(is_active=True).select_related("client").order_by("slug")
        ],
    }


def _hold_rule(rule: HoldRule) -> dict[str, Any]:
    return {
        "slug": rule.slug,
        "name": rule.name,
        **_narrowed(rule.predicate, rule.client),
        "words": rule.words,
        "customer_words": rule.customer_words,
        "release_when": rule.release_when,
        "expires_after_minutes": rule.expires_after_minutes,
    }


def _request_rules() -> dict[str, Any]:
    """The rules about what is asked of orders, and the context their expressions ask about."""
    spec = facts.context(REQUEST_CONTEXT)
    rules = (
        RequestRule.objects.filter(is_active=True).select_related("owner", "rule_owner").order_by("kind", "position")
    )
    return {
        "request_context": {"name": spec.name, "attributes": dict(spec.attributes)},
        "request_rules": [_request_rule(rule) for rule in rules],
    }


def _request_rule(rule: RequestRule) -> dict[str, Any]:
    return {
        "slug": rule.slug,
        "name": rule.name,
        "why": rule.why,
        "kind": rule.kind,
        "position": rule.position,
        "predicate": rule.predicate,
        "answer": rule.answer,
        "words": rule.words,
        "owner": rule.owner.slug,
        "due_after_minutes": rule.due_after_minutes,
        "rule_owner": rule.rule_owner.slug,
    }


def _quality_checks() -> dict[str, Any]:
    """The quality checks, and the context their expressions ask about."""
    spec = facts.context(PARCEL_CONTEXT)
    rows = QualityCheck.objects.filter(is_active=True).select_related("owner", "client", "line").order_by("slug")
    return {
        "parcel_context": {"name": spec.name, "attributes": dict(spec.attributes)},
        "quality_checks": {row.slug: _quality_check(row) for row in rows},
    }


def _quality_check(row: QualityCheck) -> dict[str, Any]:
    line = {"line": row.line.slug} if row.line else {}
    whose = _narrowed(row.predicate, row.client, row.line)
    return {**quality_check_settings(row), **whose, **line, "owner": row.owner.slug}


def quality_check_settings(check: QualityCheck) -> dict[str, Any]:
    """What a check says, but whose it is and who answers for it."""
    named = (
        *("name", "kind", "position", "predicate", "photo", "items", "tolerance_percent", "packaging_grams", "cartons"),
        *("facts_max_age_days", "label_pattern", "late_by_days", "within_minutes", "returns_say", "remediation"),
    )
    return {name: getattr(check, name) for name in named}


def _asset_kinds() -> dict[str, Any]:
    named = ("decider", "flow", "draft_sla", "review_sla", "publish_sla", "revise_sla")
    return {
        kind.slug: {
            "name": kind.name,
            "checklist": kind.checklist,
            "outcomes": kind.outcomes,
            **({"client_agrees": True} if kind.client_agrees else {}),  # books from before know nothing of it
            **{name: one.slug if (one := getattr(kind, name)) else None for name in named},
        }
        for kind in AssetKind.objects.filter(is_active=True).select_related(*named).order_by("slug")
    }


def _owners(at: datetime) -> dict[str, Any]:
    rows = Owner.objects.filter(is_active=True).exclude(valid_until__lte=at).select_related("backup", "calendar")
    return {
        owner.slug: {
            "id": str(owner.pk),
            "name": owner.name,
            "kind": owner.kind,
            "backup": owner.backup.slug,
            "calendar": owner.calendar.slug,
        }
        for owner in rows.order_by("slug")
    }


def _calendars(at: datetime) -> dict[str, Any]:
    hours: dict[UUID, list[list[Any]]] = defaultdict(list)
    for shift in OpeningHours.objects.filter(is_active=True).order_by("weekday", "opens"):
        hours[shift.calendar_id].append([shift.weekday, f"{shift.opens:%H:%M}", f"{shift.closes:%H:%M}"])
    closed: dict[UUID, dict[str, str]] = defaultdict(dict)
    for holiday in Holiday.objects.filter(is_active=True).order_by("on"):
        closed[holiday.calendar_id][holiday.on.isoformat()] = holiday.name
    return {
        calendar.slug: {
            "name": calendar.name,
            "time_zone": calendar.time_zone,
            "hours": hours[calendar.pk],
            "holidays": dict(
                sorted(
                    {**_public_holidays(calendar.country, calendar.subdivision, at.year), **closed[calendar.pk]}.items()
                )
            ),
        }
        for calendar in Calendar.objects.filter(is_active=True).order_by("slug")
    }


@cache
def _public_holidays(country: str, subdivision: str, year: int) -> dict[str, str]:
    if not country:
        return {}
    years = range(year - HOLIDAY_YEARS_BACK, year + HOLIDAY_YEARS_AHEAD + 1)
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    return {day.isoformat(): name for day, name in found.items()}


def _gates() -> dict[str, Any]:
    return {
        gate.slug: {
            "name": gate.name,
            "blocks": gate.blocks,
            "needs": gate.needs,
            "max_hours": gate.max_hours,
            "approver_role": gate.approver_role,
            "other_roles": gate.other_roles,
            "approvals_needed": gate.approvals_needed,
            "client_agrees": gate.client_agrees,
            "risk": gate.risk,
            "break_glass_hours": gate.break_glass_hours,
            "content_owner": gate.content_owner.slug,
        }
        for gate in Gate.objects.filter(is_active=True).select_related("content_owner").order_by("slug")
    }


def _exception_types() -> dict[str, Any]:
    rows = ExceptionType.objects.filter(is_active=True).select_related("owner", "sla", "fallback", "gate")
    return {
        row.slug: {
            "name": row.name,
            "owner": row.owner.slug,
            "severity": row.severity,
            "sla": row.sla.slug,
            "acknowledge_within_minutes": row.acknowledge_within_minutes,
            "progress_within_minutes": row.progress_within_minutes,
            "route": row.route,
            "route_after_minutes": row.route_after_minutes,
            "route_approver_role": row.route_approver_role,
            "fallback": row.fallback.slug,
            "fallback_after_minutes": row.fallback_after_minutes,
            "ladder": row.ladder,
            "playbook": row.playbook,
            "acceptance": row.acceptance,
            "outcomes": row.outcomes,
            "weight_eur": row.weight_eur,
            "gate": row.gate.slug if row.gate else None,
        }
        for row in rows.order_by("slug")
    }


def _sla_targets() -> dict[str, Any]:
    rows = SlaTarget.objects.filter(is_active=True).select_related("type", "client", "sla")
    return {
        row.slug: {
            "name": row.name,
            "type": row.type.slug if row.type else None,
            "severity": row.severity,
            "client": row.client.slug if row.client else None,
            "acknowledge_within_minutes": row.acknowledge_within_minutes,
            "sla": row.sla.slug,
        }
        for row in rows.order_by("slug")
    }
