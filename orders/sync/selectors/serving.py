"""Which systems serve which clients."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from orders.sync.models import System


def systems_serving(*, layer: str, client_id: object) -> list[System]:
    """The active systems of a layer that serve this client: its own before those that serve all; not those that only read our feed."""
    systems = list(_serving([layer]))
    own = [system for system in systems if system.client_id == client_id]
    return own or [system for system in systems if system.client_id is None]


def first_serving(layers: Iterable[str], client_ids: Iterable[UUID]) -> dict[tuple[str, UUID], System]:
    """For many clients and layers at once the first of `systems_serving`; nothing for a layer no system serves the client in."""
    systems = list(_serving(layers))
    own = {(one.layer, one.client_id): one for one in reversed(systems)}
    wanted = ((layer, client_id) for layer in {one.layer for one in systems} for client_id in client_ids)
    found = ((key, own.get(key) or own.get((key[0], None))) for key in wanted)
    return {key: system for key, system in found if system is not None}


def _serving(layers: Iterable[str]) -> QuerySet[System]:
    active = System.objects.filter(layer__in=list(layers), is_active=True).exclude(base_url="", reader__isnull=False)
    return active.order_by("slug")
