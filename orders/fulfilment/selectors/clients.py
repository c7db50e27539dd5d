"""The clients one works for, what each consists of, and whether orders can come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.context import Actor
from audit.errors import NotFound
from orders.sync.models import Credential, System
from orders.sync.states import CredentialKind
from rules import selectors as rules
from rules.models import (
    Client,
    ClientAccess,
    HoldRule,
    OwnershipRule,
    ProductLine,
    QualityCheck,
    RuleBookVersion,
    SlaTarget,
)
from rules.selectors import registry
from rules.states import SELLING, FlowKind, Layer

SPOKEN: Final = ("order.placed", "payment.captured", "task.requested", "task.confirmed", "shipment.delivered")
LAYERS_OF_FLOWS: Final = {FlowKind.WAREHOUSE: (Layer.WMS, Layer.CARRIER), FlowKind.DROP_SHIP: (Layer.VENDOR,)}
SEES_SYSTEMS: Final = "sync.view_system"


@dataclass(frozen=True)
class Need:
    """Something an order of the client needs: whether it is there, in words, and where to see to it."""

    slug: str
    title: str
    is_met: bool
    words: str
    url: str


@dataclass(frozen=True)
class ClientPage:
    """A client with everything that is its own."""

    client: Client
    needs: Sequence[Need]
    people: Sequence[ClientAccess]
    lines: Sequence[ProductLine]
    rules: Sequence[OwnershipRule]
    holds: Sequence[HoldRule]
    targets: Sequence[SlaTarget]
    checks: Sequence[QualityCheck]
    systems: Sequence[System]

    @property
    def is_ready(self) -> bool:
        """Whether orders can come, go out and arrive."""
        return all(need.is_met for need in self.needs)

    @property
    def missing(self) -> list[Need]:
        """What keeps orders from it."""
        return [need for need in self.needs if not need.is_met]


def clients_page(by: Actor) -> QuerySet[Client]:
    """The actor's clients with how much is their own. Raises `Refused` without the permission."""
    return registry.clients_for(by).annotate(
        people=Count("accesses", filter=Q(accesses__is_active=True, accesses__user__is_active=True), distinct=True),
        rules=Count("ownership_rules", filter=Q(ownership_rules__is_active=True), distinct=True),
        parts=Count("lines", filter=Q(lines__is_active=True), distinct=True),
    )


def client_called(slug: str, *, by: Actor) -> Client:
    """The client. Raises `NotFound` for none and for somebody else's alike, `Refused` without the permission."""
    found = registry.clients_for(by).filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no such client, or it is not yours to see.")
    return found


def client_page(slug: str, *, by: Actor, now: datetime) -> ClientPage:
    """The page. Raises as `client_called`."""
    client = client_called(slug, by=by)
    systems = list(_systems_of(client, now))
    own_rules = list(
        OwnershipRule.objects.filter(client=client, is_active=True)
        .select_related("owner", "fallback", "flow", "sla", "line")
        .order_by("position")
    )
    people = list(
        ClientAccess.objects.filter(client=client, is_active=True, user__is_active=True)
        .select_related("user")
        .order_by("user__username")
    )
    return ClientPage(
        client=client,
        needs=_needs(client, own_rules, people, systems, now),
        people=people,
        lines=list(ProductLine.objects.filter(client=client, is_active=True).order_by("name")),
        rules=own_rules,
        holds=list(HoldRule.objects.filter(client=client, is_active=True).order_by("name")),
        targets=list(SlaTarget.objects.filter(client=client, is_active=True).select_related("sla").order_by("name")),
        checks=list(
            QualityCheck.objects.filter(client=client, is_active=True)
            .select_related("owner", "line")
            .order_by("kind", "position")
        ),
        systems=[one for one in systems if one.client_id == client.pk] if by.may(SEES_SYSTEMS) else [],
    )


def _systems_of(client: Client, now: datetime) -> QuerySet[Any]:
    """The systems that serve the client, each with whether a secret of each kind is in force."""
    in_force = Credential.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), system=OuterRef("pk"), revoked_at=None, not_before__lte=now
    )
    return (
        System.objects.filter(Q(client=None) | Q(client=client), is_active=True)
        .annotate(
            is_proven=Exists(in_force.filter(kind=CredentialKind.INBOUND)),
            is_trusted=Exists(in_force.filter(kind=CredentialKind.OUTBOUND)),
        )
        .order_by("slug")
    )


def _needs(
    client: Client, own: Sequence[OwnershipRule], people: Sequence[ClientAccess], systems: Sequence[Any], now: datetime
) -> list[Need]:
    return [
        _people_need(people),
        _owners_need(own, now),
        _book_need(client),
        _contracts_need(),
        _store_need(systems),
        *_sending_needs(own, systems),
    ]


def _people_need(people: Sequence[ClientAccess]) -> Need:
    words = ", ".join(one.user.display_name for one in people) or _("Nobody was given the client.")
    return Need("people", _("People work for it"), bool(people), words, reverse("admin:rules_clientaccess_changelist"))


def _owners_need(own: Sequence[OwnershipRule], now: datetime) -> Need:
    book = rules.active_book()
    named = {one.owner.slug for one in own} or {book.rules.default.owner}
    nobody = sorted(one.owner.name for one in rules.unreachable(now).values() if one.owner.slug in named)
    owners = ", ".join(sorted({one.owner.name for one in own} or {book.owner(book.rules.default.owner).name}))
    words = _("Nobody is behind %(names)s.") % {"names": ", ".join(nobody)} if nobody else owners
    return Need("owners", _("Somebody is behind every owner"), not nobody, words, reverse("exceptions:gaps"))


def _book_need(client: Client) -> Need:
    book = RuleBookVersion.objects.filter(is_active=True).only("number", "created_at").first()
    since = book.created_at if book else client.created_at
    edited = any(
        model._default_manager.filter(client=client, updated_at__gt=since).exists()
        for model in (OwnershipRule, HoldRule, SlaTarget, ProductLine, QualityCheck)
    )
    is_met = book is not None and not edited and rules.active_book().client_calendar(client.slug) is not None
    words = (
        _("Rule book v%(number)s knows it.") % {"number": book.number}
        if is_met and book
        else _("What was edited waits for the next rule book.")
    )
    return Need("rules", _("Its rules are in force"), is_met, words, reverse("admin:rules_rulebookversion_freeze"))


def _contracts_need() -> Need:
    known = {name for name, _version in rules.contracts([(name, None) for name in SPOKEN])}
    missing = [name for name in SPOKEN if name not in known]
    words = (
        _("Not in force: %(names)s") % {"names": ", ".join(missing)}
        if missing
        else _("What its systems say is agreed on.")
    )
    return Need("contracts", _("Contracts are in force"), not missing, words, reverse("rules:contracts"))


def _store_need(systems: Sequence[Any]) -> Need:
    stores = [one for one in systems if one.layer in SELLING]
    proven = [one for one in stores if one.is_proven]
    if proven:
        words = ", ".join(one.name for one in proven)
    elif stores:
        words = _("%(name)s has no secret that proves it.") % {"name": stores[0].name}
    else:
        words = _("No store tells us of its orders.")
    place = "admin:sync_credential_add" if stores else "admin:sync_system_add"
    return Need("store", _("A store can send orders"), bool(proven), words, reverse(place))


def _sending_needs(own: Sequence[OwnershipRule], systems: Sequence[Any]) -> list[Need]:
    kinds = {FlowKind(one.flow.kind) for one in own} or {FlowKind.WAREHOUSE}
    layers = dict.fromkeys(layer for kind in sorted(kinds) for layer in LAYERS_OF_FLOWS.get(kind, ()))
    return [_sending_need(layer, systems) for layer in layers]


def _sending_need(layer: Layer, systems: Sequence[Any]) -> Need:
    there = [one for one in systems if one.layer == layer]
    ready = [one for one in there if one.base_url and one.is_trusted]
    title = {
        Layer.WMS: _("A warehouse can be asked to send"),
        Layer.VENDOR: _("A vendor can be asked to send"),
        Layer.CARRIER: _("A carrier can be booked"),
    }[layer]
    if ready:
        words = ", ".join(one.name for one in ready)
    elif there:
        words = _("%(name)s has no address, or no secret to sign with.") % {"name": there[0].name}
    else:
        words = _("No such system serves it.")
    place = "admin:sync_credential_add" if there and there[0].base_url else "admin:sync_system_changelist"
    return Need(f"sends-{layer.value}", title, bool(ready), words, reverse(place))
