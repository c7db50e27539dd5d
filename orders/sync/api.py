"""Where other systems talk to us: signed events, and vendors' own formats. Every answer is a receipt or a problem document (RFC 9457)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audit import clock, strict_json
from audit.context import Actor
from audit.errors import DomainError
from audit.services.refusals import tally_refusal
from audit.strict_json import MAX_BYTES, TooLarge, Unparsable
from audit.words import said
from orders.sync import connectors, envelopes, selectors, signatures
from orders.sync.envelopes import Envelope
from orders.sync.errors import SignatureRefused, Unreadable
from orders.sync.models import System
from orders.sync.services import Receipt, read_payload, receive, secrets_in_force
from orders.sync.states import CredentialKind

PROBLEM = "application/problem+json"


@csrf_exempt
@require_POST
def events(request: HttpRequest) -> HttpResponse:
    """CloudEvents 1.0, structured, batched or binary, signed by Standard Webhooks; the system is named by `X-Handrail-System`.

    202 with a receipt after commit; 409 for a known id with other content; 422 for a contract violation, kept as a dead letter.
    """
    now = clock.now()
    system = None
    try:
        system = _system(request.headers.get("X-Handrail-System", ""))
        _refuse_encoding(request)
        body, headers = _body(request), _lower(request)
        secrets = secrets_in_force(system=system, kind=CredentialKind.INBOUND, now=now)
        signatures.verify(secrets_in_force=secrets, headers=headers, body=body, now=now)
        told = envelopes.read(content_type=headers.get("content-type", ""), headers=headers, body=body, now=now)
    except (Unreadable, Unparsable, TooLarge, SignatureRefused) as refused:
        return _refusal(request, refused, system)
    by = _system_actor(system)
    good = [one for one in told if isinstance(one, Envelope)]
    receipts = iter(receive(system=system, envelopes=good, by=by, now=now))
    items = [_item(next(receipts)) if isinstance(one, Envelope) else _unreadable_item(one) for one in told]
    return _answer(request, items, batch=len(told) != 1 or "batch" in request.headers.get("Content-Type", ""))


@csrf_exempt
@require_POST
def hooks(request: HttpRequest, system: str) -> HttpResponse:
    """What a vendor sends, as it sends it, through the system's connector; signed the standard way or the vendor's.

    Answers as `events` does; what no connector reads is kept as a dead letter too.
    """
    now = clock.now()
    known = None
    try:
        known = _system(system)
        _refuse_encoding(request)
        body = _body(request)
        secrets = secrets_in_force(system=known, kind=CredentialKind.INBOUND, now=now)
        if given := request.headers.get("X-Shopify-Hmac-Sha256"):
            signatures.verify_vendor(secrets_in_force=secrets, given=given, body=body)
        else:
            signatures.verify(secrets_in_force=secrets, headers=_lower(request), body=body, now=now)
        envelope = _read(known, request.headers.get("X-Shopify-Topic", ""), strict_json.loads(body), now)
    except (Unreadable, Unparsable, TooLarge, SignatureRefused) as refused:
        return _refusal(request, refused, known)
    (receipt,) = receive(system=known, envelopes=[envelope], by=_system_actor(known), now=now)
    return _answer(request, [_item(receipt)], batch=False)


def _system(slug: str) -> System:
    system = selectors.system_named(slug) if slug else None
    if system is None:
        raise SignatureRefused("Name your system in X-Handrail-System (or the address), and sign with its secret.")
    return system


def _read(system: System, topic: str, payload: Any, now: datetime) -> Envelope:
    """The event it means, or what to keep of it."""
    source = f"/hooks/{system.slug}"
    try:
        return read_payload(system=system, topic=topic, payload=payload, source=source, now=now)
    except Unreadable as why:
        return connectors.unread(topic=topic, payload=payload, source=source, why=why.message, now=now)


def _system_actor(system: System) -> Actor:
    return Actor(
        kind="integrator",
        id=f"sync:{system.slug}",
        name=system.name,
        permissions=frozenset({"sync.ingest"}),
        clients=None if system.client_id is None else frozenset({system.client_id}),
        channel="api",
    )


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length", "")
    if length and int(length) > MAX_BYTES:
        raise Unreadable(
            f"The body has {length} bytes; at most {MAX_BYTES} are accepted.", code="too-large", status=413
        )
    body: bytes = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise Unreadable(f"At most {MAX_BYTES} bytes are accepted.", code="too-large", status=413)
    return body


def _refuse_encoding(request: HttpRequest) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unreadable("Send the body as it is, without Content-Encoding.", code="content-encoding", status=415)


def _lower(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _item(receipt: Receipt) -> dict[str, Any]:
    if receipt.status == "violation":
        errors = [{"pointer": one.pointer, "detail": one.detail, "code": "contract"} for one in receipt.violations]
        first = errors[0]
        detail = (
            said("%(value)s: %(detail)s", value=first["pointer"], detail=first["detail"])
            if first["pointer"]
            else first["detail"]
        )
        return {
            "status": 422,
            "event": receipt.event_id,
            "dead_letter": receipt.key,
            "detail": detail,
            "errors": errors,
        }
    if receipt.status == "conflict":
        return {
            "status": 409,
            "event": receipt.event_id,
            "detail": "This id was sent before with other content; use a new id for a change.",
        }
    return {"status": 202, "event": receipt.event_id, "accepted": True, "duplicate": receipt.status == "duplicate"}


def _unreadable_item(refused: Unreadable) -> dict[str, Any]:
    return {
        "status": refused.status,
        "event": None,
        "detail": refused.message,
        "errors": [{"code": refused.code, "detail": refused.message}],
    }


def _answer(request: HttpRequest, items: Sequence[dict[str, Any]], *, batch: bool) -> HttpResponse:
    if batch:
        return JsonResponse({"results": items}, status=202)
    (item,) = items
    if item["status"] == 202:  # noqa: PLR2004 -- accepted
        return JsonResponse({key: item[key] for key in ("accepted", "duplicate", "event")}, status=202)
    titles = {409: "The same id with other content", 422: "The contract is broken"}
    slugs = {409: "id-conflict", 422: "contract-violation"}
    more = {key: value for key, value in item.items() if key not in {"status", "detail"} and value is not None}
    return _problem(
        request,
        item["status"],
        slugs.get(item["status"], "unreadable"),
        titles.get(item["status"], "Not readable"),
        item["detail"],
        more,
    )


def _refusal(request: HttpRequest, refused: DomainError, named: System | None) -> HttpResponse:
    if isinstance(refused, Unparsable | TooLarge):
        status = 413 if isinstance(refused, TooLarge) else 400
        return _problem(request, status, "unreadable", "Not readable", refused.message, {"code": refused.code})
    if isinstance(refused, Unreadable):
        return _problem(request, refused.status, "unreadable", "Not readable", refused.message, {"code": refused.code})
    route = request.resolver_match.route if request.resolver_match else ""
    source = f"system:{named.slug}" if named else "unknown system"
    tally_refusal(source=source, code=refused.code, what=f"POST /{route}", now=clock.now())
    return _problem(request, 401, "signature-refused", "The sender is not proven", refused.message, {})


def _problem(
    request: HttpRequest, status: int, slug: str, title: str, detail: str, more: dict[str, Any]
) -> HttpResponse:
    body = {
        "type": f"/problems/{slug}/",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "trace_id": getattr(request, "request_id", ""),
        **more,
    }
    return JsonResponse(body, status=status, content_type=PROBLEM)
