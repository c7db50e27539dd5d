"""The store of a client: how it can be connected, what that needs, and how far it has come."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from audit.errors import NotFound
from audit.words import said
from orders.fulfilment.shipped import CONNECTOR_SETS, ConnectorSet
from orders.sync.models import Connector, Credential, System
from orders.sync.states import CredentialKind
from rules.models import Client
from rules.states import Layer


@dataclass(frozen=True)
class StorePage:
    """What the page shows: the ways to connect, those that are there already, and where messages go."""

    client: Client
    system: System
    kinds: Sequence[ConnectorSet]
    connected: Sequence[str]
    address: str
    has_secret: bool


def store_of(client: Client) -> System:
    """The client's own store. Raises `NotFound` where it has none."""
    found = System.objects.filter(client=client, layer=Layer.STORE, is_active=True).select_related("client")
    system = found.order_by("slug").first()
    if system is None:
        raise NotFound(said("%(name)s has no store of its own yet: add one under Systems first.", name=client.name))
    return system


def store_page(client: Client, *, now: datetime) -> StorePage:
    """The page of the client's store. Raises as `store_of`."""
    system = store_of(client)
    topics = set(Connector.objects.filter(system=system, is_active=True).values_list("topic", flat=True))
    there = [one.key for one in CONNECTOR_SETS.values() if {each.topic for each in one.connectors} <= topics]
    in_force = Credential.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), system=system, kind=CredentialKind.INBOUND, revoked_at=None
    )
    return StorePage(
        client=client,
        system=system,
        kinds=list(CONNECTOR_SETS.values()),
        connected=there,
        address=settings.PUBLIC_URL + reverse("api:hooks", args=[system.slug]),
        has_secret=in_force.filter(not_before__lte=now).exists(),
    )


def sample_of(kind: str) -> str:
    """A message to try this kind of store with, as JSON; "" for none."""
    return (
        ""
        if kind not in CONNECTOR_SETS
        else json.dumps(dict(CONNECTOR_SETS[kind].sample), indent=2, ensure_ascii=False)
    )
