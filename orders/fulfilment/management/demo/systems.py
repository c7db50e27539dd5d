"""The sandbox systems the demo's clients work with, each with the secret it shares with us."""

from datetime import datetime
from typing import Final

from django.conf import settings

from audit.context import Actor, acting
from audit.services.events import record
from orders.sync.models import Credential, System
from orders.sync.sandbox import sandbox_secret
from orders.sync.services import add_credential
from orders.sync.states import CredentialKind
from rules.models import Owner
from rules.states import Layer

# slug: name, layer, who answers for it, whether it gets the export of every routed order
SYSTEMS: Final[dict[str, tuple[str, Layer, str, bool]]] = {
    "sandbox-pim": ("Sandbox product information", Layer.PIM, "client-success", False),
    "sandbox-store": ("Sandbox store", Layer.STORE, "client-success", False),
    "sandbox-marketplace": ("Sandbox marketplace", Layer.MARKETPLACE, "client-success", False),
    "sandbox-oms": ("Sandbox order management", Layer.OMS, "ops-team", False),
    "sandbox-wms": ("Sandbox warehouse", Layer.WMS, "ops-team", False),
    "sandbox-vendor": ("Sandbox vendor portal", Layer.VENDOR, "fulfillment-service-vendor", False),
    "sandbox-carrier": ("Sandbox carrier", Layer.CARRIER, "logistics", False),
    "sandbox-crm": ("Sandbox CRM", Layer.CRM, "client-success", True),
    "sandbox-cms": ("Sandbox content system", Layer.CMS, "client-success", False),
    "sandbox-dam": ("Sandbox digital assets", Layer.DAM, "client-success", False),
    "sandbox-localization": ("Sandbox localization", Layer.LOCALIZATION, "client-success", False),
    "sandbox-cdn": ("Sandbox CDN", Layer.CDN, "ops-team", False),
    "sandbox-ads": ("Sandbox ad platform", Layer.ADS, "client-success", False),
    "sandbox-payment": ("Sandbox payment provider", Layer.PAYMENT, "finance-ops", False),
    "sandbox-billing": ("Sandbox billing", Layer.BILLING, "finance-ops", True),
}


def add_systems(*, by: Actor, now: datetime) -> dict[str, System]:
    """The sandbox systems at this installation's sandbox address, with secrets both ways; those that are missing are added."""
    owners = {owner.slug: owner for owner in Owner.objects.all()}
    known = {system.slug: system for system in System.objects.filter(slug__in=SYSTEMS)}
    with acting(by, at=now, reason="sandbox systems"):
        for slug, (name, layer, owner, wants_exports) in SYSTEMS.items():
            address = f"{settings.SANDBOX_URL}/{layer.value}/{slug}"
            system = known.get(slug) or System(
                slug=slug, name=name, layer=layer, owner=owners[owner], wants_exports=wants_exports
            )
            if system.base_url != address:
                system.base_url = address
                system.save()
                record("system.set_up", subject=system, changes={}, layer=layer.value)
            known[slug] = system
            _share_secret(system, by, now)
    return known


def _share_secret(system: System, by: Actor, now: datetime) -> None:
    """Both sides derive the same secret; after a change of the installation's key the new one is added."""
    secret = sandbox_secret(settings.SECRET_KEY, system.slug)
    for kind in (CredentialKind.INBOUND, CredentialKind.OUTBOUND):
        if not Credential.objects.filter(system=system, kind=kind, revoked_at=None, hint=secret[-4:]).exists():
            add_credential(system=system, kind=kind, by=by, now=now, secret=secret)
