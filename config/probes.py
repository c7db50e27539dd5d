"""What machines ask to know whether all is well."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import clock
from audit.context import Actor
from config import health
from config.health import Light
from exceptions.selectors import pauses


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked, so that a database outage restarts nobody."""
    del request
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Database, broker and timers; 503 while one of them is down. Who asks while the timers stand still makes sure that somebody knows."""
    del request
    now = clock.now()
    parts = health.readiness(now)
    health.raise_alarm(parts, now)
    down = any(part.light is not Light.GREEN for part in parts)
    body = {"status": "not ready" if down else "ready", "parts": {part.name: part.words for part in parts}}
    return JsonResponse(body, status=503 if down else 200)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text."""
    del request
    registry = CollectorRegistry(auto_describe=False)
    registry.register(health.FromDatabase())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class StatusDocument(APIView):
    """The status page for programs, for everyone who may sign in; what is paused by hand within what exists for them."""

    schema = None

    def get(self, request: Request) -> Response:
        """How everything is."""
        now, actor = clock.now(), request.actor  # type: ignore[attr-defined]
        known = health.status(now)
        return Response(known.as_json() | {"paused": _paused(actor, now) if known.paused_by_hand else []})


def _paused(actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """What, who, why and until when."""
    return [
        {
            "key": one.waiver.key,
            "gate": one.waiver.gate,
            "subjects": one.waiver.allowed_keys,
            "client": one.waiver.client.slug if one.waiver.client else None,
            "owner": one.waiver.owner.slug,
            "by": one.waiver.requested_by_name,
            "reason": one.waiver.reason,
            "since": one.waiver.starts_at,
            "until": one.waiver.expires_at,
            "held_back": one.held_back,
        }
        for one in pauses(by=actor, now=now)
    ]
