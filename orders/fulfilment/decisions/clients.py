"""What a client made from a template consists of: the records, none of them saved yet. No database, no clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.db.models import Model

from audit.models import Accountable, User
from orders.sync.models import Connector, System
from rules.models import (
    Calendar,
    Client,
    ClientAccess,
    Flow,
    HoldRule,
    OpeningHours,
    Owner,
    OwnershipRule,
    ProductLine,
    QualityCheck,
    Sla,
    SlaTarget,
    Team,
    TeamMember,
)
from rules.models.routing import ExceptionType
from rules.shipped import BACKUP, OWN, ClientTemplate
from rules.states import SELLING, OwnerKind

TEAM: Final = "team"
HOURS: Final = "hours"


@dataclass(frozen=True)
class NewClient:
    """What is asked for. `calendar` is one there is, or "" for its own with the template's hours.

    `addresses` are the systems' by their ending in the template: one without is not made, and the house's serves instead; a store is
    always the client's own. `checks` are the quality checks to take over, by their ending in the template; None takes the active ones.
    """

    template: str
    slug: str
    name: str
    key_prefix: str
    currency: str
    time_zone: str
    country: str = ""
    calendar: str = ""
    backup: str = "client-success"
    people: tuple[str, ...] = ()
    lead: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Known:
    """What there is already, by slug."""

    owners: Mapping[str, Owner]
    flows: Mapping[str, Flow]
    slas: Mapping[str, Sla]
    types: Mapping[str, ExceptionType]
    calendars: Mapping[str, Calendar]
    people: Mapping[str, User]


@dataclass(frozen=True)
class NewProductLine:
    """What is asked for: which orders are of it (by the beginnings of their products' codes, by channel, or both) and who owns them."""

    slug: str
    name: str
    kind: str
    owner: str
    fallback: str
    flow: str
    sla: str
    prefixes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    fallback_after_minutes: int = 120

    @property
    def predicate(self) -> str:
        """Which orders are of it, as an expression over the order."""
        begins = " || ".join(f"l.sku.startsWith({_text(one)})" for one in self.prefixes)
        parts = [f"lines.exists(l, {begins})"] if begins else []
        parts += [f"channel in [{', '.join(map(_text, self.channels))}]"] if self.channels else []
        return " && ".join(parts)


@dataclass(frozen=True)
class Draft:
    """The records in the order in which they are saved; `digest` says whether two drafts would make the same."""

    client: Client
    records: Sequence[Accountable]
    digest: str

    def of(self, *models: type[Model]) -> list[Any]:
        """Those of some kinds."""
        return [one for one in self.records if isinstance(one, models)]


def draft(wish: NewClient, template: ClientTemplate, known: Known) -> Draft:
    """Everything the wish makes. Raises `LookupError` naming what the template needs and the house does not have."""
    calendar = known.calendars[wish.calendar] if wish.calendar else _own_calendar(wish)
    client = Client(
        slug=wish.slug,
        name=wish.name,
        key_prefix=wish.key_prefix,
        time_zone=wish.time_zone,
        calendar=calendar,
        currency=wish.currency,
    )
    # A team and its hours are of the house: colleagues who work for others see them, so they carry the letters and not the name.
    team = Team(slug=of_house(wish.key_prefix, TEAM), name=f"Team {wish.key_prefix}")
    owner = Owner(
        slug=team.slug,
        name=team.name,
        kind=OwnerKind.TEAM,
        team=team,
        backup=_found(known.owners, wish.backup, "owner"),
        calendar=calendar,
    )
    owners = {**known.owners, OWN: owner, BACKUP: owner.backup}
    records: list[Accountable] = [
        *(() if wish.calendar else (calendar, *_hours(calendar, template))),
        client,
        team,
        *_people(wish, client, team, known),
        owner,
        *_rules(wish, client, template, owners, known),
        *_checks(wish, client, template, owners),
        *_systems(wish, client, template, owners),
    ]
    return Draft(client, records, _digest([asdict(wish), template.version], records))


def draft_line(wish: NewProductLine, client: Client, known: Known, *, position: int) -> Draft:
    """A brand or product line with the rule that is its own. Raises as `draft`."""
    line = ProductLine(
        client=client, slug=f"{client.slug}-{wish.slug}", name=wish.name, kind=wish.kind, predicate=wish.predicate
    )
    rule = OwnershipRule(
        slug=line.slug,
        name=f"{client.name}: {wish.name}",
        why=f"What is of {wish.name} is owned by who works for it.",
        position=position,
        client=client,
        line=line,
        predicate="true",
        owner=_found(known.owners, wish.owner, "owner"),
        fallback=_found(known.owners, wish.fallback, "owner"),
        rule_owner=_found(known.owners, wish.owner, "owner"),
        fallback_after_minutes=wish.fallback_after_minutes,
        flow=_found(known.flows, wish.flow, "flow"),
        sla=_found(known.slas, wish.sla, "SLA"),
    )
    records = [line, rule]
    return Draft(client, records, _digest([asdict(wish)], records))


def _text(value: str) -> str:
    """As an expression spells it."""
    return json.dumps(value, ensure_ascii=False)


def of_house(key_prefix: str, what: str) -> str:
    """The slug of what a client brings to the house."""
    return f"{key_prefix.lower()}-{what}"


def _own_calendar(wish: NewClient) -> Calendar:
    return Calendar(
        slug=of_house(wish.key_prefix, HOURS),
        name=f"Hours of {wish.key_prefix}",
        time_zone=wish.time_zone,
        country=wish.country,
    )


def _hours(calendar: Calendar, template: ClientTemplate) -> Iterator[OpeningHours]:
    for weekday, opens, closes in template.hours:
        yield OpeningHours(calendar=calendar, weekday=weekday, opens=opens, closes=closes)


def _people(wish: NewClient, client: Client, team: Team, known: Known) -> Iterator[Accountable]:
    for name in wish.people:
        person = _found(known.people, name, "person")
        yield ClientAccess(user=person, client=client)
        yield TeamMember(team=team, user=person, is_lead=name == wish.lead)


def _rules(
    wish: NewClient, client: Client, template: ClientTemplate, owners: Mapping[str, Owner], known: Known
) -> Iterator[Accountable]:
    for row in template.rules:
        named = {name: _found(owners, row[name], "owner") for name in ("owner", "fallback", "rule_owner")}
        way = {"flow": _found(known.flows, row["flow"], "flow"), "sla": _found(known.slas, row["sla"], "SLA")}
        yield OwnershipRule(client=client, **_own(row, wish), **named, **way)
    for row in template.holds:
        yield HoldRule(client=client, **_own(row, wish), rule_owner=_found(owners, row["rule_owner"], "owner"))
    for row in template.targets:
        kind = _found(known.types, row["type"], "kind of exception") if row["type"] else None
        yield SlaTarget(client=client, **_own(row, wish), type=kind, sla=_found(known.slas, row["sla"], "SLA"))


def _checks(
    wish: NewClient, client: Client, template: ClientTemplate, owners: Mapping[str, Owner]
) -> Iterator[QualityCheck]:
    rows = {row["slug"]: row for row in template.checks}
    usual = [slug for slug, row in rows.items() if row["is_active"]]
    for slug in usual if wish.checks is None else dict.fromkeys(wish.checks):
        row = _found(rows, slug, "quality check in the template")
        own = {**_own(row, wish), "is_active": True}
        yield QualityCheck(client=client, **own, owner=_found(owners, row["owner"], "owner"))


def _systems(
    wish: NewClient, client: Client, template: ClientTemplate, owners: Mapping[str, Owner]
) -> Iterator[Accountable]:
    for row in template.systems:
        address = wish.addresses.get(row["slug"], "")
        if row["layer"] not in SELLING and not address:
            continue
        system = System(
            client=client,
            layer=row["layer"],
            base_url=address,
            owner=_found(owners, row["owner"], "owner"),
            slug=f"{wish.slug}-{row['slug']}",
            name=_filled(row["name"], wish),
        )
        yield system
        for one in row["connectors"]:
            yield Connector(
                system=system,
                slug=f"{wish.slug}-{one['slug']}",
                **{name: _filled(one[name], wish) for name in ("name", "topic", "event_type", "mapping")},
            )


REFERENCES: Final = frozenset({"slug", "owner", "fallback", "rule_owner", "flow", "sla", "type"})


def _own(row: Mapping[str, Any], wish: NewClient) -> dict[str, Any]:
    """The fields of a row that are its own, in the new client's name."""
    own = {name: _filled(value, wish) for name, value in row.items() if name not in REFERENCES}
    return {"slug": f"{wish.slug}-{row['slug']}", **own}


def _filled(value: Any, wish: NewClient) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, wish) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, wish) for inner in value]
    return value.replace("{client}", wish.name).replace("{slug}", wish.slug) if isinstance(value, str) else value


def _found(known: Mapping[str, Any], slug: str, what: str) -> Any:
    if slug not in known:
        raise LookupError(f"There is no {what} “{slug}”.")
    return known[slug]


def _digest(asked: Sequence[Any], records: Sequence[Accountable]) -> str:
    told = [*asked, [_told(record) for record in records]]
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def _told(record: Accountable) -> dict[str, Any]:
    """What is said in it: ids are new each time, so a relation is told by its name."""
    return {
        field.name: str(getattr(record, field.name))
        for field in record._meta.concrete_fields
        if not field.primary_key and field.attname not in record.unaudited_fields
    }
