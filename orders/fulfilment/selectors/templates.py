"""What a new client can be set up from: templates that are shipped, and clients there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from audit.context import Actor
from audit.errors import NotFound
from audit.models import User
from orders.fulfilment.decisions.clients import TEAM, of_house
from orders.sync.models import Connector, System
from rules import selectors as rules
from rules import shipped
from rules.models import (
    Calendar,
    Client,
    Flow,
    HoldRule,
    OpeningHours,
    Owner,
    OwnershipRule,
    QualityCheck,
    Sla,
    SlaTarget,
)
from rules.shipped import ClientTemplate
from rules.states import SELLING

SHIPPED, EXISTING = "shipped", "client"
RULE_FIELDS: Final = ("why", "position", "fallback_after_minutes")
RULE_NAMES: Final = ("owner", "flow", "sla", "fallback", "rule_owner")
HOLD_FIELDS: Final = ("why", "predicate", "customer_words", "release_when", "expires_after_minutes")


@dataclass(frozen=True)
class TemplateRow:
    """One to choose: its key, with what kind it is of, its version and what it says about itself."""

    key: str
    name: str
    about: str
    version: int
    is_shipped: bool


def templates_for(by: Actor) -> list[TemplateRow]:
    """The shipped ones, then the actor's clients."""
    ours = [
        TemplateRow(f"{SHIPPED}:{one.key}", one.name, one.about, one.version, is_shipped=True)
        for one in shipped.TEMPLATES.values()
    ]
    return ours + [
        TemplateRow(f"{EXISTING}:{one.slug}", one.name, "", one.version, is_shipped=False)
        for one in rules.clients_of(by)
    ]


def template_called(key: str, *, by: Actor) -> ClientTemplate:
    """The template. Raises `NotFound` for one that is not there, or a client that is not the actor's."""
    kind, _, name = key.partition(":")
    if kind == SHIPPED and name in shipped.TEMPLATES:
        return shipped.TEMPLATES[name]
    client = rules.clients_of(by).filter(slug=name).first() if kind == EXISTING else None
    if client is None:
        raise NotFound("There is no such template, or it is not yours to see.")
    return _template_of(client)


@dataclass(frozen=True)
class Place:
    """A system of a template that messages are sent to, or that may be: the form's field and what to type into it."""

    slug: str
    name: str
    hint: str

    @property
    def field(self) -> str:
        """As errors name it, too."""
        return f"address_{self.slug}"


@dataclass(frozen=True)
class ClientChoices:
    """What can be chosen for a new client from one template."""

    template: str
    title: str
    places: Sequence[Place]
    people: Sequence[User]
    owners: Sequence[Owner]
    calendars: Sequence[Calendar]
    checks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class LineChoices:
    """What can be chosen for a brand or product line."""

    owners: Sequence[Owner]
    flows: Sequence[Flow]
    slas: Sequence[Sla]


def client_choices(key: str, *, by: Actor) -> ClientChoices:
    """What the form offers. Raises as `template_called`."""
    template = template_called(key, by=by)
    return ClientChoices(
        template=key,
        title=template.name,
        places=[_place(row) for row in template.systems],
        people=list(User.objects.filter(is_active=True).order_by("first_name", "username")),
        owners=rules.active_owners(),
        calendars=list(Calendar.objects.filter(is_active=True).order_by("name")),
        checks=template.checks,
    )


def line_choices() -> LineChoices:
    """What the form offers."""
    return LineChoices(
        rules.active_owners(),
        list(Flow.objects.filter(is_active=True).order_by("name")),
        list(Sla.objects.filter(is_active=True).order_by("name")),
    )


def _place(row: Mapping[str, Any]) -> Place:
    if row["layer"] in SELLING:
        return Place(row["slug"], row["name"], _("Leave it empty for a store that only tells us things."))
    return Place(row["slug"], row["name"], _("Leave it empty where the house's own serves this client too."))


def _template_of(client: Client) -> ClientTemplate:
    """A client as a template: what is its own is said of the new one, what is the house's stays the house's."""
    own = {of_house(client.key_prefix, TEAM)}
    hours = OpeningHours.objects.filter(calendar=client.calendar_id, is_active=True).order_by("weekday", "opens")
    return ClientTemplate(
        key=client.slug,
        version=client.version,
        name=client.name,
        about="",
        hours=tuple(hours.values_list("weekday", "opens", "closes")),
        rules=tuple(_rule(row, client, own) for row in _of(client, OwnershipRule, *RULE_NAMES).filter(line=None)),
        holds=tuple(_hold(row, client, own) for row in _of(client, HoldRule, "rule_owner")),
        targets=tuple(_target(row, client) for row in _of(client, SlaTarget, "type", "sla")),
        checks=tuple(_check(row, client, own) for row in _of(client, QualityCheck, "owner").filter(line=None)),
        systems=tuple(_systems(client, own)),
    )


def _of(client: Client, model: Any, *named: str) -> Any:
    return model.objects.filter(client=client, is_active=True).select_related(*named).order_by("slug")


def _ending(slug: str, client: Client) -> str:
    return slug.removeprefix(f"{client.slug}-")


def _named(text: str, client: Client) -> str:
    return text.replace(client.name, "{client}")


def _owner(owner: Owner, own: set[str]) -> str:
    return shipped.OWN if owner.slug in own else owner.slug


def _same(row: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in fields}


def _rule(row: OwnershipRule, client: Client, own: set[str]) -> Mapping[str, Any]:
    return {
        "slug": _ending(row.slug, client),
        "name": _named(row.name, client),
        "predicate": row.predicate.replace(f'"{client.slug}"', '"{slug}"'),
        "owner": _owner(row.owner, own),
        "flow": row.flow.slug,
        "sla": row.sla.slug,
        "fallback": _owner(row.fallback, own),
        "rule_owner": _owner(row.rule_owner, own),
        **_same(row, RULE_FIELDS),
    }


def _hold(row: HoldRule, client: Client, own: set[str]) -> Mapping[str, Any]:
    return {
        "slug": _ending(row.slug, client),
        "name": _named(row.name, client),
        "words": _named(row.words, client),
        "rule_owner": _owner(row.rule_owner, own),
        **_same(row, HOLD_FIELDS),
    }


def _check(row: QualityCheck, client: Client, own: set[str]) -> Mapping[str, Any]:
    return {
        **rules.quality_check_settings(row),
        "slug": _ending(row.slug, client),
        "why": row.why,
        "is_active": True,
        "predicate": row.predicate.replace(f'"{client.slug}"', '"{slug}"'),
        "owner": _owner(row.owner, own),
    }


def _target(row: SlaTarget, client: Client) -> Mapping[str, Any]:
    return {
        "slug": _ending(row.slug, client),
        "name": _named(row.name, client),
        "type": row.type.slug if row.type else None,
        "severity": row.severity,
        "acknowledge_within_minutes": row.acknowledge_within_minutes,
        "sla": row.sla.slug,
    }


def _systems(client: Client, own: set[str]) -> list[Mapping[str, Any]]:
    connectors: dict[object, list[Mapping[str, Any]]] = {}
    for one in Connector.objects.filter(system__client=client, is_active=True).order_by("slug"):
        same = _same(one, ("name", "topic", "event_type"))
        row = {**same, "slug": _ending(one.slug, client), "mapping": _of_new_client(one.mapping, client)}
        connectors.setdefault(one.system_id, []).append(row)
    return [
        {
            "slug": _ending(one.slug, client),
            "name": _named(one.name, client),
            "layer": one.layer,
            "owner": _owner(one.owner, own),
            "connectors": tuple(connectors.get(one.pk, ())),
        }
        for one in System.objects.filter(client=client, is_active=True).select_related("owner").order_by("slug")
    ]


def _of_new_client(mapping: Any, client: Client) -> Any:
    """The mapping with the new client wherever it says the old one."""
    if isinstance(mapping, dict):
        return {name: _of_new_client(inner, client) for name, inner in mapping.items()}
    if isinstance(mapping, list):
        return [_of_new_client(inner, client) for inner in mapping]
    return mapping.replace(f'"{client.slug}"', '"{slug}"') if isinstance(mapping, str) else mapping
