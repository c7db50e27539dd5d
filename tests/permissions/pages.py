"""Who may open which page and do what there: every address of the URLconf that is neither the API's nor the admin's.

The API's is `tests.api.world.MATRIX`; the admin's is in `test_admin`. What a role may do is `audit.access.GRANTS`,
from which docs/permissions.md is written too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

OPEN, SIGNED_IN, WHO_ASKED = "everybody", "whoever is signed in", "only who asked for it"
VIEW_CASE: Final = "exceptions.view_case"
WORK_CASE: Final = "exceptions.work_case"
VIEW_ORDER: Final = "orders.view_order"
VIEW_ASSET: Final = "content.view_asset"
WORK_ASSET: Final = "content.work_asset"
VIEW_SYSTEM: Final = "sync.view_system"
VIEW_RULES: Final = "rules.view_rules"
VIEW_RUNBOOK: Final = "rules.view_runbook"
WRITE_RUNBOOK: Final = "rules.write_runbook"
WRITE_POSTMORTEM: Final = "exceptions.write_postmortem"
MANAGE_CAUSE: Final = "exceptions.manage_cause"
PUBLISH_POSTMORTEM: Final = "exceptions.publish_postmortem"
REASON: Final = {"reason": "Because it has to be."}


@dataclass(frozen=True)
class Way:
    """What a method of an address needs: a permission, and to be one of `only` where it is about people somebody leads.

    `is_own`: about records of one's own, which nobody has here, so that whoever is let in is told that there is none.
    """

    needs: str
    given: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    only: Collection[str] = ()
    is_own: bool = False


def _get(needs: str, query: str = "", only: Collection[str] = ()) -> dict[str, Way]:
    return {"GET": Way(needs, query=query, only=only)}


def _post(needs: str, **given: Any) -> dict[str, Way]:
    return {"POST": Way(needs, given)}


def _own(needs: str) -> dict[str, Way]:
    return {"POST": Way(needs, is_own=True)}


def _again() -> dict[str, Way]:
    """Who came in a while ago is led to the sign-in page to show that it is still them."""
    return {"GET": Way(SIGNED_IN, only=("whoever gave their password just now",))}


ASKED: Final = {
    "gate": "ship-despite-open-case",
    "hours": 1,
    "owner": "amal",
    "reason_code": "customer",
    "reason": "The customer confirmed the address by phone.",
    "plan": "It is corrected in the store meanwhile.",
}
LEADS_OF_AMAL: Final = ("amal", "lee", "kim")

# URL name → method → what it needs. An address that is not here fails the test of the inventory.
PAGES: Final[dict[str, dict[str, Way]]] = {
    "home": _get(SIGNED_IN),
    "signin": _get(OPEN),
    "signout": _post(OPEN),
    "set_language": _post(OPEN, language="en-gb"),
    "account_login": _get(OPEN),
    "socialaccount_login_cancelled": _get(OPEN),
    "mfa_authenticate": _again(),
    "mfa_login_webauthn": _get(SIGNED_IN),
    "account_reauthenticate": _get(SIGNED_IN),
    "mfa_reauthenticate": _again(),
    "mfa_reauthenticate_webauthn": _again(),
    "openid_connect_login": {"GET": Way(OPEN, is_own=True)},
    "openid_connect_callback": {"GET": Way(OPEN, is_own=True)},
    "security": _get(SIGNED_IN),
    "mfa_index": _get(SIGNED_IN),
    "mfa_activate_totp": _again(),
    "mfa_deactivate_totp": {"GET": Way(SIGNED_IN, is_own=True)},
    "mfa_view_recovery_codes": {"GET": Way(SIGNED_IN, is_own=True)},
    "mfa_generate_recovery_codes": _again(),
    "mfa_add_webauthn": _again(),
    "mfa_remove_webauthn": _again(),
    "account_change_password": _get(SIGNED_IN),
    "sessions": _get(SIGNED_IN) | _post(SIGNED_IN),
    "search": _get(SIGNED_IN, "?q=tent"),
    "help": _get(SIGNED_IN),
    "help-part": _get(SIGNED_IN),
    "status": _get(SIGNED_IN),
    "status-document": _get(SIGNED_IN),
    "problems": _get(OPEN),
    "problem": _get(OPEN),
    "healthz": _get(OPEN),
    "readyz": _get(OPEN),
    "metrics": _get(OPEN),
    "jwks": _get(OPEN),
    "exceptions:queue": _get(VIEW_CASE),
    "exceptions:team": _get(VIEW_CASE),
    "exceptions:teams": _get(VIEW_CASE),
    "exceptions:of-team": _get(VIEW_CASE),
    "exceptions:unowned": _get(VIEW_CASE),
    "exceptions:causes": _get(VIEW_CASE),
    "exceptions:cause": _get(VIEW_CASE),
    "exceptions:cause-called": {"GET": Way(VIEW_CASE, is_own=True)},
    "exceptions:cause-merge": {"GET": Way(MANAGE_CAUSE, is_own=True)} | _own(MANAGE_CAUSE),
    "exceptions:cause-mute": {"GET": Way(MANAGE_CAUSE, is_own=True)} | _own(MANAGE_CAUSE),
    "exceptions:cause-part": _own(MANAGE_CAUSE),
    "exceptions:cause-split": {"POST": Way(MANAGE_CAUSE, {"id": "EX-1"}, is_own=True)},
    "exceptions:cause-rename": {"GET": Way(MANAGE_CAUSE, is_own=True)} | _own(MANAGE_CAUSE),
    "exceptions:export-csv": _get(VIEW_CASE),
    "exceptions:export-json": _get(VIEW_CASE),
    "exceptions:start-next": _post(WORK_CASE),
    "exceptions:bulk": _post(WORK_CASE, do="note"),
    "exceptions:case": _get(VIEW_CASE),
    "exceptions:payload": _get(VIEW_CASE),
    "exceptions:file": _get(VIEW_CASE),
    "exceptions:next": _get(WORK_CASE),
    "exceptions:act": _get(VIEW_CASE) | _post(WORK_CASE, text="Seen"),
    "exceptions:step": _get(WORK_CASE) | _post(WORK_CASE, outcome="Looked at"),
    "exceptions:ask": _get("exceptions.request_waiver", "?for={exception}")
    | {"POST": Way("exceptions.request_waiver", ASKED, query="?for={exception}")},
    "exceptions:waiver": _get(VIEW_CASE)
    | _post("exceptions.decide_waiver", decision="deny", comment="No", seen_hash="x"),
    "exceptions:answer": _post(WHO_ASKED, answer="It was said on the phone"),
    "exceptions:edit": _get("exceptions.request_waiver") | _post("exceptions.request_waiver"),
    "exceptions:ask-client": _get("exceptions.request_waiver") | _post("exceptions.request_waiver"),
    "exceptions:client-take-back": _own("exceptions.request_waiver"),
    "exceptions:client-approval": {"GET": Way(OPEN, is_own=True)},
    "exceptions:roll-back": _post("exceptions.revoke_waiver", **REASON),
    "exceptions:review": _post("exceptions.decide_waiver"),
    "exceptions:break-glass": _get("exceptions.break_glass", "?for={exception}")
    | {"POST": Way("exceptions.break_glass", ASKED, query="?for={exception}")},
    "exceptions:decide-many": _post("exceptions.decide_waiver", do="deny"),
    "exceptions:delegates": _get(VIEW_CASE),
    "exceptions:end-delegation": _own(VIEW_CASE),
    "exceptions:extend": _get("exceptions.request_waiver")
    | _post("exceptions.request_waiver", hours=1, reason="The carrier collects only tomorrow.", plan="Wait"),
    "exceptions:shorten": _get(VIEW_CASE)
    | {"POST": Way(VIEW_CASE, {"until": "2026-11-20T10:00", **REASON}, only=LEADS_OF_AMAL)},
    "exceptions:passing-csv": _get(VIEW_CASE),
    "exceptions:watch-waiver": _post(VIEW_CASE),
    "exceptions:unwatch-waiver": _post(VIEW_CASE),
    "exceptions:revoke": _get(VIEW_CASE) | _post("exceptions.revoke_waiver", comment="Not any more"),
    "exceptions:withdraw": _get(VIEW_CASE) | _post(WHO_ASKED, comment="Not any more"),
    "exceptions:notifications": _get(VIEW_CASE),
    "exceptions:notifications-read": _post(VIEW_CASE),
    "exceptions:preferences": _get(VIEW_CASE) | _post(VIEW_CASE),
    "exceptions:display": _get(SIGNED_IN) | _post(SIGNED_IN, theme="dark"),
    "exceptions:tokens": _get(SIGNED_IN) | _post(SIGNED_IN),
    "exceptions:token-revoke": _own(SIGNED_IN),
    "exceptions:test-notice": _own(VIEW_CASE),
    "exceptions:away": _get(VIEW_CASE) | _post(VIEW_CASE),
    "exceptions:back": _post(VIEW_CASE),
    "exceptions:take-back": {"POST": Way(WORK_CASE, {"who": "amal"}, only=LEADS_OF_AMAL)},
    "exceptions:queue-live": _get(VIEW_CASE),
    "exceptions:queue-values": _get(VIEW_CASE),
    "exceptions:case-live": _get(VIEW_CASE),
    "exceptions:presence": _post(VIEW_CASE, key="{exception}"),
    "exceptions:views": _get(VIEW_CASE),
    "exceptions:view-save": _get(VIEW_CASE) | _post(VIEW_CASE),
    "exceptions:view-default": _own(VIEW_CASE),
    "exceptions:view-change": _own(VIEW_CASE),
    "exceptions:view-query": _own(VIEW_CASE),
    "exceptions:view-delete": _own(VIEW_CASE),
    "exceptions:jobs": _get(VIEW_CASE),
    "exceptions:job": {"GET": Way(VIEW_CASE, is_own=True)},
    "exceptions:job-csv": {"GET": Way(VIEW_CASE, is_own=True)},
    "exceptions:job-cancel": _own(VIEW_CASE),
    "exceptions:job-undo": _own(WORK_CASE),
    "exceptions:accounting": _get(VIEW_CASE),
    "exceptions:runbooks": _get(VIEW_RUNBOOK),
    "exceptions:runbook": _get(VIEW_RUNBOOK),
    "exceptions:runbook-version": _get(VIEW_RUNBOOK),
    "exceptions:runbook-changes": _get(VIEW_RUNBOOK),
    "exceptions:runbook-new": _get(WRITE_RUNBOOK, "?case={exception}")
    | {"POST": Way(WRITE_RUNBOOK, {"title": "Rain"}, query="?case={exception}")},
    "exceptions:runbook-propose": _get(WRITE_RUNBOOK) | _post(WRITE_RUNBOOK),
    "exceptions:runbook-act": _post(VIEW_RUNBOOK),
    "exceptions:postmortems": _get(VIEW_CASE),
    "exceptions:postmortem": _get(VIEW_CASE),
    "exceptions:postmortem-draft": _post(WRITE_POSTMORTEM),
    "exceptions:postmortem-write": _get(WRITE_POSTMORTEM) | _post(WRITE_POSTMORTEM, summary="It rained"),
    "exceptions:postmortem-agree": _post(WRITE_POSTMORTEM, text="Look twice", owner="amal", due_on="2999-01-01"),
    "exceptions:postmortem-end": _own(WRITE_POSTMORTEM),
    "exceptions:postmortem-publish": _post(PUBLISH_POSTMORTEM),
    "exceptions:postmortem-dismiss": _post(PUBLISH_POSTMORTEM, comment="A false alarm"),
    "exceptions:escalate-overdue": _post("exceptions.fire_timers"),
    "exceptions:gaps": _get(VIEW_RULES),
    "exceptions:rotation": _get(VIEW_RULES),
    "exceptions:rotate": _post("rules.edit_rules", kind="flow", slug="manual-review"),
    "exceptions:temporary": _get(VIEW_RULES) | _post("rules.manage_absence"),
    "exceptions:gates": _get(VIEW_RULES),
    "exceptions:gate": _get(VIEW_RULES)
    | {
        "POST": Way(VIEW_RULES, {"seen": 1, "blocks": "It waits", "needs": "An answer", **REASON}, only=("amal", "kim"))
    },
    "exceptions:give-back": _post("rules.manage_absence"),
    "exceptions:handover": _get(VIEW_CASE, only=LEADS_OF_AMAL)
    | {"POST": Way("exceptions.reassign_case", {"to": "bo", **REASON}, only=LEADS_OF_AMAL)},
    "exceptions:approvals": _get(VIEW_CASE),
    "exceptions:decide": _get(VIEW_CASE)
    | _post("exceptions.decide_waiver", decision="deny", comment="No", seen_hash="x"),
    "fulfilment:orders": _get(VIEW_ORDER),
    "fulfilment:order-values": _get(VIEW_ORDER),
    "fulfilment:orders-csv": _get(VIEW_ORDER),
    "fulfilment:orders-json": _get(VIEW_ORDER),
    "fulfilment:order": _get(VIEW_ORDER),
    "fulfilment:trace": _get(VIEW_ORDER),
    "fulfilment:export": _get("orders.export_order"),
    "fulfilment:verify": _get("orders.export_order"),
    "fulfilment:return": _get("orders.work_order") | _post("orders.work_order", reason="Too small"),
    "fulfilment:doubt": _get("orders.work_order") | _post("orders.work_order", doubts="address", **REASON),
    "fulfilment:pack": _get("orders.work_order") | _post("orders.work_order"),
    "fulfilment:resend": _get("orders.work_order") | _post("orders.work_order"),
    "fulfilment:reroute": _get("orders.work_order") | _post("orders.work_order"),
    "fulfilment:same-order": _get("orders.work_order") | _post("orders.work_order", into="NW-1", **REASON),
    "fulfilment:gift": _get("orders.work_order") | _post("orders.work_order", is_gift="on", wrap="red", **REASON),
    "fulfilment:override": _get("orders.work_order")
    | _post("orders.work_order", field="segment", value="key-account", reason="They said so"),
    "fulfilment:overrides": _get(VIEW_ORDER),
    "fulfilment:override-stock": _get("orders.work_order") | _post("orders.work_order"),
    "fulfilment:review": _get(VIEW_ORDER) | _post("orders.review_override", decision="accept", comment="It is so"),
    "fulfilment:cancel": _get("orders.work_order") | _post("orders.work_order", reason="The customer asked"),
    "fulfilment:holds": _get(VIEW_ORDER) | _post("orders.work_order", words="Wait for the customer"),
    "fulfilment:release": _get("orders.work_order") | _post("orders.work_order"),
    "fulfilment:shipments": _get(VIEW_ORDER) | _post("orders.check_parcel", parcels="NW-1-1 NW-2-1", **REASON),
    "fulfilment:shipment": _get(VIEW_ORDER) | _post("orders.check_parcel", **REASON),
    "fulfilment:checks": _get(VIEW_ORDER),
    "fulfilment:parcel": _get(VIEW_ORDER) | _post("orders.check_parcel", code="TENT-2"),
    "fulfilment:hand-over": _post("orders.check_parcel", carrier="DPD"),
    "fulfilment:photo": _get(VIEW_ORDER),
    "fulfilment:product": _get("orders.work_order") | _post("orders.work_order", barcode="4006381333931"),
    "fulfilment:quality": _get(VIEW_ORDER),
    "fulfilment:client-report": _get(VIEW_RULES),
    "fulfilment:client-report-csv": _get(VIEW_RULES),
    "fulfilment:client-report-pdf": _get(VIEW_RULES),
    "fulfilment:stock": _get(VIEW_ORDER),
    "fulfilment:stock-of": _get(VIEW_ORDER),
    "fulfilment:receive": _get("orders.work_order") | _post("orders.work_order", quantity=1, location="main", **REASON),
    "fulfilment:keep-back": _get("orders.work_order") | _post("orders.work_order", units=1, location="main", **REASON),
    "fulfilment:recall": _get("orders.work_order") | _post("orders.work_order", lot="L1", **REASON),
    "fulfilment:parts": _get("orders.work_order") | _post("orders.work_order", **REASON),
    "fulfilment:readmit": _get("orders.work_order") | _post("orders.work_order", lot="L1", **REASON),
    "fulfilment:quarantine": _get(VIEW_ORDER),
    "fulfilment:resubmit": _post("orders.work_order", id="NW-1"),
    "fulfilment:quarantined": _get(VIEW_ORDER) | _post(VIEW_ORDER),
    "fulfilment:duplicates": _get(VIEW_ORDER),
    "fulfilment:duplicate": _get(VIEW_ORDER) | _post("orders.work_order", answer="apart", **REASON),
    "fulfilment:customer": _get(VIEW_ORDER),
    "fulfilment:customer-merge": _get("orders.work_order") | _post("orders.work_order", into="CU-1", **REASON),
    "fulfilment:customer-split": _get("orders.work_order") | _post("orders.work_order", **REASON),
    "fulfilment:clients": _get(VIEW_RULES),
    "fulfilment:client": _get(VIEW_RULES),
    "fulfilment:client-new": _get("rules.edit_rules") | _post("rules.edit_rules"),
    "fulfilment:client-store": _get("sync.edit_system") | _post("sync.edit_system"),
    "fulfilment:line-new": _get("rules.edit_rules") | _post("rules.edit_rules"),
    "campaigns:assets": _get(VIEW_ASSET),
    "campaigns:asset": _get(VIEW_ASSET),
    "campaigns:asset-new": _get(WORK_ASSET) | _post(WORK_ASSET),
    "campaigns:asset-edit": _get(WORK_ASSET) | _post(WORK_ASSET),
    "campaigns:asset-sign": _post(WORK_ASSET),
    "campaigns:asset-act": _get(WORK_ASSET) | _post(WORK_ASSET),
    "campaigns:asset-ask-client": _get(WORK_ASSET) | _post(WORK_ASSET),
    "campaigns:asset-client-take-back": _post(WORK_ASSET),
    "campaigns:client-answer": {"GET": Way(OPEN, is_own=True)},
    "campaigns:messaging": _get(WORK_ASSET) | _post(WORK_ASSET),
    "campaigns:messaging-decide": _get(WORK_ASSET) | _post(WORK_ASSET),
    "rules:books": _get(VIEW_RULES),
    "rules:book": _get(VIEW_RULES),
    "rules:contracts": _get(VIEW_RULES),
    "rules:contract": _get(VIEW_RULES),
    "rules:contract-act": _get(VIEW_RULES, only=("amal",)) | {"POST": Way(VIEW_RULES, only=("amal",))},
    "sync:systems": _get(VIEW_SYSTEM),
    "sync:system": _get(VIEW_SYSTEM),
    "sync:pause": _get("sync.pause_system") | _post("sync.pause_system", **REASON),
    "sync:call": _post("sync.pause_system"),
    "sync:flows": _get(VIEW_RULES),
    "sync:flow": _get(VIEW_RULES),
    "sync:go-live": _get("rules.edit_rules") | _post("rules.edit_rules", **REASON),
    "sync:dead-letters": _get(VIEW_SYSTEM),
    "sync:dead-letter": _get(VIEW_SYSTEM),
    "sync:bulk": _post("sync.replay", do="replay"),
    "fulfilment:why": _get("orders.view_order"),
    "fulfilment:bulk": _post("orders.work_order", do="hold"),
    "sync:replay": _post("sync.replay", **REASON),
    "sync:discard": _post("sync.replay", **REASON),
    "sync:sandbox": _get("sync.edit_system"),
    "audit:trail": _get("audit.view_trail"),
    "audit:event": _get("audit.view_trail"),
    "audit:history": _get("audit.view_trail"),
    "audit:verify": _get("audit.verify") | _post("audit.verify"),
    "audit:checkpoints": _get("audit.verify"),
    "audit:token": _get(OPEN),
}
# An address whose record is another than its parameter's name says.
RECORDS: Final = {
    "fulfilment:stock-of": "sku",
    "fulfilment:receive": "sku",
    "fulfilment:keep-back": "sku",
    "fulfilment:recall": "sku",
    "fulfilment:parts": "sku",
    "fulfilment:readmit": "sku",
    "exceptions:case": "exception",
    "exceptions:payload": "exception",
    "exceptions:file": "exception",
    "exceptions:next": "exception",
    "exceptions:act": "exception",
    "exceptions:step": "exception",
    "exceptions:case-live": "exception",
    "exceptions:presence": "exception",
    "exceptions:ask": "exception",
    "exceptions:waiver": "time-limited-exception",
    "exceptions:extend": "time-limited-exception",
    "exceptions:revoke": "time-limited-exception",
    "exceptions:shorten": "time-limited-exception",
    "exceptions:passing-csv": "time-limited-exception",
    "exceptions:watch-waiver": "time-limited-exception",
    "exceptions:unwatch-waiver": "time-limited-exception",
    "exceptions:withdraw": "time-limited-exception",
    "exceptions:answer": "time-limited-exception",
    "exceptions:edit": "time-limited-exception",
    "exceptions:ask-client": "time-limited-exception",
    "exceptions:client-take-back": "time-limited-exception",
    "exceptions:roll-back": "time-limited-exception",
    "exceptions:review": "time-limited-exception",
    "exceptions:break-glass": "exception",
    "exceptions:end-delegation": "nobodys",
    "exceptions:token-revoke": "nobodys",
    "exceptions:job": "nobodys",
    "exceptions:job-csv": "nobodys",
    "exceptions:job-cancel": "nobodys",
    "exceptions:job-undo": "nobodys",
    "exceptions:decide": "time-limited-exception",
    "exceptions:runbook-new": "exception",
    "exceptions:postmortem": "postmortem",
    "exceptions:postmortem-draft": "exception",
    "exceptions:postmortem-write": "postmortem",
    "exceptions:postmortem-agree": "postmortem",
    "exceptions:postmortem-end": "postmortem",
    "exceptions:postmortem-publish": "postmortem",
    "exceptions:postmortem-dismiss": "postmortem",
    "fulfilment:order": "order",
    "fulfilment:trace": "order",
    "fulfilment:why": "order",
    "fulfilment:export": "order",
    "fulfilment:verify": "order",
    "fulfilment:quarantined": "order",
    "fulfilment:cancel": "order",
    "fulfilment:return": "order",
    "fulfilment:doubt": "order",
    "fulfilment:pack": "order",
    "fulfilment:resend": "order",
    "fulfilment:reroute": "order",
    "fulfilment:same-order": "order",
    "fulfilment:gift": "order",
    "fulfilment:override": "order",
    "fulfilment:review": "override",
    "fulfilment:shipment": "shipment",
    "fulfilment:duplicate": "duplicate",
    "fulfilment:customer": "customer",
    "fulfilment:customer-merge": "customer",
    "fulfilment:customer-split": "customer",
    "fulfilment:holds": "order",
    "fulfilment:client": "client",
    "fulfilment:client-report": "client",
    "fulfilment:client-report-csv": "client",
    "fulfilment:client-report-pdf": "client",
    "fulfilment:client-store": "client",
    "fulfilment:line-new": "client",
    "fulfilment:release": "order",
    "fulfilment:parcel": "fulfilment",
    "fulfilment:hand-over": "fulfilment",
    "fulfilment:photo": "check",
    "fulfilment:product": "sku",
    **dict.fromkeys(
        (
            *("campaigns:asset", "campaigns:asset-edit", "campaigns:asset-sign", "campaigns:asset-act"),
            *("campaigns:messaging", "campaigns:messaging-decide"),
            *("campaigns:asset-ask-client", "campaigns:asset-client-take-back"),
        ),
        "asset",
    ),
    "sync:dead-letter": "dead-letter",
    "sync:replay": "dead-letter",
    "sync:discard": "dead-letter",
    "audit:event": "audit-event",
    "audit:history": "order",
}
