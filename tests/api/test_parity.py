"""Whatever a page can be asked or told, a program can ask and tell too; the few pages that have nothing for programs say why."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern

from audit.api import EventList
from audit.selectors.pages import TrailFilters
from config.api.urls import urlpatterns
from exceptions import list_pages
from exceptions.api.cases import CASE_FILTERS
from exceptions.api.notifications import NotificationList
from exceptions.selectors.notifications import InboxFilters
from orders.fulfilment.selectors import ORDER_FILTERS
from orders.fulfilment.selectors.orders import SORTS as ORDER_SORTS
from tests.permissions.pages import PAGES

ACTS: Final = (
    "exception-acknowledge exception-start exception-wait exception-resume exception-reassign exception-severity "
    "exception-escalate exception-rebase exception-note exception-files exception-file-withdraw exception-link exception-unlink "
    "exception-resolve exception-reopen exception-undo"
)
DECISION: Final = "waiver-approve waiver-reject waiver-ask-for-more"
# Page → the operations that read what it shows and do what it does.
OPERATIONS: Final = {
    "search": "orders exceptions",
    "status": "status-document",
    "exceptions:queue": "exceptions exception-available-actions",
    "exceptions:team": "exceptions team-people",
    "exceptions:teams": "teams",
    "exceptions:of-team": "exceptions team-people",
    "exceptions:unowned": "exceptions ownership-gaps",
    "exceptions:queue-live": "exceptions",
    "exceptions:queue-values": "exceptions",
    "exceptions:causes": "causes exceptions",
    "exceptions:cause": "cause exceptions plans",
    "exceptions:cause-called": "cause",
    "exceptions:cause-rename": "cause cause-rename",
    "exceptions:cause-merge": "cause causes cause-merge",
    "exceptions:cause-mute": "cause gates cause-mute",
    "exceptions:cause-part": "cause-part",
    "exceptions:cause-split": "cause cause-split",
    "exceptions:export-csv": "exceptions",
    "exceptions:export-json": "exceptions",
    "exceptions:start-next": "next-exception",
    "exceptions:bulk": "plans plan-run",
    "exceptions:case": "exception exception-payload exception-available-actions",
    "exceptions:case-live": "exception",
    "exceptions:payload": "exception-payload",
    "exceptions:file": "exception-file",
    "exceptions:next": "exception-available-actions",
    "exceptions:act": f"exception {ACTS}",
    "exceptions:step": "exception exception-step",
    "exceptions:ask": "exception-gates time-limited-exceptions",
    "exceptions:waiver": f"time-limited-exception waiver-impact waiver-uses {DECISION}",
    "exceptions:decide": f"time-limited-exception waiver-impact waiver-uses {DECISION}",
    "exceptions:passing-csv": "waiver-impact",
    "exceptions:decide-many": "decision-plans plan-run",
    "exceptions:shorten": "time-limited-exception waiver-shorten",
    "exceptions:watch-waiver": "waiver-watch",
    "exceptions:unwatch-waiver": "waiver-unwatch",
    "exceptions:answer": "waiver-answer",
    "exceptions:edit": "time-limited-exception waiver-edit",
    "exceptions:ask-client": "time-limited-exception waiver-ask-client",
    "exceptions:client-take-back": "waiver-client-take-back",
    "exceptions:roll-back": "waiver-roll-back",
    "exceptions:review": "waiver-review",
    "exceptions:break-glass": "exception-gates exception-break-glass",
    "exceptions:extend": "time-limited-exception waiver-extend",
    "exceptions:revoke": "time-limited-exception waiver-revoke",
    "exceptions:withdraw": "time-limited-exception waiver-withdraw",
    "exceptions:approvals": "time-limited-exceptions ageing",
    "exceptions:delegates": "delegations",
    "exceptions:end-delegation": "delegation-end",
    "exceptions:notifications": "notifications",
    "exceptions:notifications-read": "notifications",
    "exceptions:preferences": "notification-preferences",
    "exceptions:test-notice": "notification-test",
    "exceptions:away": "people person absences",
    "exceptions:back": "absence-end",
    "exceptions:take-back": "person-take-back",
    "exceptions:handover": "person person-hand-over",
    "exceptions:gaps": "ownership-gaps",
    "exceptions:rotation": "rotation",
    "exceptions:rotate": "rotation",
    "exceptions:temporary": "temporary-ownerships",
    "exceptions:gates": "gates",
    "exceptions:gate": "gate gate-describe",
    "exceptions:give-back": "temporary-ownership-give-back",
    "exceptions:views": "views",
    "exceptions:view-save": "views",
    "exceptions:view-default": "view-first",
    "exceptions:view-change": "view-change",
    "exceptions:view-query": "view-query",
    "exceptions:view-delete": "view-delete",
    "exceptions:jobs": "jobs",
    "exceptions:job": "job job-items",
    "exceptions:job-csv": "job-items",
    "exceptions:job-cancel": "job-cancel",
    "exceptions:job-undo": "job-undo",
    "exceptions:accounting": "exception-accounting",
    "exceptions:runbooks": "runbooks",
    "exceptions:runbook": "runbook",
    "exceptions:runbook-version": "runbook",
    "exceptions:runbook-changes": "runbook",
    "exceptions:runbook-new": "runbooks exception-document-fix",
    "exceptions:runbook-propose": "runbook-propose exception-document-fix",
    "exceptions:runbook-act": "runbook-accept runbook-reject runbook-withdraw runbook-read",
    "exceptions:postmortems": "postmortems",
    "exceptions:postmortem": "postmortem",
    "exceptions:postmortem-draft": "postmortems",
    "exceptions:postmortem-write": "postmortem-write",
    "exceptions:postmortem-agree": "postmortem-actions",
    "exceptions:postmortem-end": "postmortem-action-end",
    "exceptions:postmortem-publish": "postmortem-publish",
    "exceptions:postmortem-dismiss": "postmortem-dismiss",
    "exceptions:escalate-overdue": "escalate-overdue",
    "fulfilment:orders": "orders",
    "fulfilment:order-values": "orders",
    "fulfilment:orders-csv": "orders",
    "fulfilment:orders-json": "orders",
    "fulfilment:bulk": "order-plans plan-run",
    "fulfilment:order": "order order-documents order-trace order-cancel order-resend-tasks",
    "fulfilment:why": "order-why",
    "fulfilment:cancel": "order order-cancel",
    "fulfilment:return": "order order-return",
    "fulfilment:doubt": "order order-quarantine",
    "fulfilment:verify": "order-export audit-token-check",
    "fulfilment:pack": "order order-pack",
    "fulfilment:resend": "order order-resend-tasks",
    "fulfilment:reroute": "order order-reroute",
    "fulfilment:same-order": "order order-same",
    "fulfilment:gift": "order order-gift",
    "fulfilment:override": "order order-override",
    "fulfilment:shipments": "shipments shipment-proposals",
    "fulfilment:shipment": "shipment shipment-undo",
    "fulfilment:overrides": "overrides",
    "fulfilment:override-stock": "overrides",
    "fulfilment:review": "override override-accept override-reject",
    "fulfilment:trace": "order-trace",
    "fulfilment:export": "order-export",
    "fulfilment:holds": "order-holds",
    "fulfilment:release": "order-holds order-hold-release",
    "fulfilment:duplicates": "duplicates",
    "fulfilment:duplicate": "duplicate duplicate-merge duplicate-keep-apart duplicate-ask-again",
    "fulfilment:customer": "customer customers",
    "fulfilment:customer-merge": "customer customer-merge",
    "fulfilment:customer-split": "customer customer-split",
    "fulfilment:checks": "checks fulfilments",
    "fulfilment:parcel": "checks check check-perform fulfilment",
    "fulfilment:hand-over": "fulfilment-hand-over",
    "fulfilment:photo": "check-photo",
    "fulfilment:product": "sku-facts",
    "fulfilment:quality": "quality-report",
    "fulfilment:stock": "skus",
    "fulfilment:stock-of": "sku sku-stock",
    "fulfilment:receive": "sku-stock sku-receive",
    "fulfilment:keep-back": "sku-stock sku-keep-back",
    "fulfilment:recall": "sku-stock sku-recall",
    "fulfilment:parts": "sku-stock sku-parts",
    "fulfilment:readmit": "sku-stock sku-readmit",
    "fulfilment:quarantine": "orders",
    "fulfilment:resubmit": "order-resubmissions plan-run",
    "fulfilment:quarantined": "order order-complete-address order-complete-lines order-note-address order-resubmit",
    "fulfilment:clients": "clients",
    "fulfilment:client": "client client-readiness",
    "fulfilment:client-report": "client-report",
    "fulfilment:client-report-csv": "client-report",
    "fulfilment:client-report-pdf": "client-report",
    "fulfilment:client-new": "set-up-templates set-up",
    "fulfilment:line-new": "client-lines",
    "campaigns:assets": "assets",
    "campaigns:asset": "asset runs",
    "campaigns:asset-new": "assets",
    "campaigns:asset-edit": "asset asset-describe",
    "campaigns:asset-sign": "asset-sign",
    "campaigns:asset-ask-client": "asset asset-ask-client",
    "campaigns:asset-client-take-back": "asset-client-take-back",
    "campaigns:asset-act": "asset asset-submit asset-approve asset-send-back asset-withdraw",
    "campaigns:messaging": "asset asset-messaging",
    "campaigns:messaging-decide": "asset asset-messaging-decide",
    "rules:books": "rule-versions",
    "rules:book": "rule-version decisions",
    "rules:contracts": "contracts",
    "rules:contract": "contract",
    "rules:contract-act": "contract-draft contract-publish contract-retire contract-describe contract-runbook contract-accept-risk",
    "sync:systems": "systems system-lag",
    "sync:system": "system system-lag outbox",
    "sync:pause": "system system-pause system-resume",
    "sync:call": "system-call",
    "sync:flows": "flows",
    "sync:flow": "flow",
    "sync:go-live": "flow flow-activate flow-pause",
    "sync:dead-letters": "dead-letters",
    "sync:dead-letter": "dead-letter",
    "sync:replay": "dead-letter-replay",
    "sync:discard": "dead-letter-discard",
    "sync:bulk": "dead-letter-plans plan-run",
    "audit:trail": "audit-events",
    "audit:event": "audit-event",
    "audit:history": "audit-records audit-events",
    "audit:verify": "audit-verifications audit-chains seals",
    "audit:checkpoints": "seals",
    "audit:token": "audit-token-check",
}
SIGNING_IN: Final = "a person signs in; a program has a token, which a person makes"
NOTHING_FOR_PROGRAMS: Final = {
    "home": "leads to the page one sees first",
    "set_language": "chooses the language of pages; the API speaks one",
    "exceptions:display": "chooses how pages look; the API has none",
    "exceptions:tokens": "shows a secret to a person, once; a token makes no tokens",
    "exceptions:token-revoke": "a person ends what they made; a token ends no tokens",
    "exceptions:presence": "says in which window somebody is looking right now",
    "exceptions:client-approval": "answered by people of the client, through their signed link and nothing else",
    "campaigns:client-answer": "answered by people of the client, through their signed link and nothing else",
    "fulfilment:client-store": "takes a secret from hand to hand and tries a message; a program uses the hook itself, admins the connector",
    "sync:sandbox": "there in the demo alone; the sandbox systems have an address of their own for it",
    "help": "explains the pages",
    "help-part": "explains the pages",
    "problems": "explains the API's problems",
    "problem": "explains one of the API's problems",
    "status-document": "is for programs already",
    "healthz": "is for programs already",
    "readyz": "is for programs already",
    "metrics": "is for programs already",
    "jwks": "is for programs already",
    **dict.fromkeys(
        [
            "signin",
            "signout",
            "account_login",
            "socialaccount_login_cancelled",
            "mfa_authenticate",
            "mfa_login_webauthn",
            "account_reauthenticate",
            "mfa_reauthenticate",
            "mfa_reauthenticate_webauthn",
            "openid_connect_login",
            "openid_connect_callback",
            "security",
            "mfa_index",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes",
            "mfa_add_webauthn",
            "mfa_remove_webauthn",
            "sessions",
            "account_change_password",
        ],
        SIGNING_IN,
    ),
}
FORMS: Final = {"audit:token"}  # shows nothing but the form of its act
PLACES: Final = {"after", "per", "cols", "scope", "view", "group"}  # how a list is shown; `causes` is the list by cause


def methods_of(name: str) -> set[str]:
    if name == "status-document":
        return {"get"}
    pattern: URLPattern = next(one for one in urlpatterns if one.name == name)
    return {method for method in ("get", "post") if hasattr(vars(pattern.callback)["cls"], method)}


def test_every_page_has_its_operations_or_a_reason_why_it_has_none() -> None:
    assert set(PAGES) - NOTHING_FOR_PROGRAMS.keys() == OPERATIONS.keys()
    assert OPERATIONS.keys() & NOTHING_FOR_PROGRAMS.keys() == set()
    assert {name for names in OPERATIONS.values() for name in names.split()} - {
        str(one.name) for one in urlpatterns
    } == {"status-document"}


def test_what_a_page_does_an_operation_does() -> None:
    for page, names in OPERATIONS.items():
        offered = {method for name in names.split() for method in methods_of(name)}
        assert ("post" if "POST" in PAGES[page] or page in FORMS else "get") in offered, page


def test_every_filter_of_a_list_is_a_filter_of_its_operation() -> None:
    by_page = {"mine": CASE_FILTERS, "team": CASE_FILTERS, "unowned": CASE_FILTERS, "orders": ORDER_FILTERS}
    assert {page.slug for page in list_pages.registered()} == by_page.keys()
    for page in list_pages.registered():
        asked = {name.removesuffix("!") for name in page.parameters}
        assert asked - PLACES - {"sort"} <= set(by_page[page.slug].names()), page.slug
    assert {way + sort for sort in ORDER_SORTS for way in ("", "-")} == set(ORDER_FILTERS.sorts)
    assert set(TrailFilters.__dataclass_fields__) - PLACES <= set(EventList.filters.names())
    assert set(InboxFilters.__dataclass_fields__) - PLACES <= set(NotificationList.filters.names())
