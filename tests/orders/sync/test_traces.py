"""Who collects traces is told what was done, in the traces of those who asked for it; and never about whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client as Browser
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pytest_django import Settings

from audit import clock, collecting
from audit.traces import trace_number
from config.celery import app
from orders.sync import services
from orders.sync.models import System
from orders.sync.sandbox import Sandbox
from orders.sync.services import exchanging
from tests.cast import House
from tests.orders.sync.conftest import task

ASKED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
Collected = Callable[[], list[Span]]


@pytest.fixture
def collected(settings: Settings) -> Iterator[Collected]:
    """What a collector was sent."""
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/otlp/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    settings.TRACES_ENDPOINT = f"http://127.0.0.1:{server.server_port}/otlp"
    collecting.provider.cache_clear()

    def spans() -> list[Span]:
        collecting.provider().force_flush()
        told = [ExportTraceServiceRequest.FromString(body) for body in bodies]
        return [
            span for one in told for group in one.resource_spans for scope in group.scope_spans for span in scope.spans
        ]

    yield spans
    collecting.provider().shutdown()
    collecting.provider.cache_clear()
    server.shutdown()
    server.server_close()


def facts(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.mark.django_db
def test_a_request_continues_the_trace_of_who_asks_and_is_told_by_its_route(collected: Collected) -> None:
    browser = Browser()
    browser.get("/api/v1/orders/NW-1?q=ann@example.org", headers={"traceparent": ASKED, "X-Request-Id": "till-7"})
    browser.get("/nothing/like/that", headers={"traceparent": "00-nonsense"})
    first, second = collected()
    assert (first.name, first.kind) == ("GET /api/v1/orders/<key:key>", Span.SPAN_KIND_SERVER)
    assert f"00-{first.trace_id.hex()}-{first.parent_span_id.hex()}-01" == ASKED
    assert facts(first) == {
        "http.request.method": "GET",
        "http.response.status_code": 401,
        "http.route": "/api/v1/orders/<key:key>",
        "handrail.request_id": "till-7",
    }
    assert (second.name, second.parent_span_id) == ("GET", b"")


def test_a_task_that_fails_tells_the_kind_of_its_failure_and_nothing_of_its_words(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise ValueError("ann@example.org is no number")

    failing = app.task(name="test.fails")(fails)
    try:
        with pytest.raises(ValueError, match="no number"):
            failing()
    finally:
        app.tasks.unregister("test.fails")
    (span,) = collected()
    assert (span.name, facts(span)["error.type"], span.status.code) == ("task test.fails", "ValueError", 2)
    assert b"example.org" not in span.SerializeToString()


def test_a_delivery_is_a_part_of_the_trace_of_what_it_is_about_and_says_so_to_its_receiver(
    warehouse: System, house: House, sandbox: Sandbox, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, str]] = []
    exchange = exchanging.exchange

    def listening(client: Any, url: str, body: bytes, headers: dict[str, str], personal: frozenset[str]) -> Any:
        told.append(headers)
        return exchange(client, url, body, headers, personal)

    monkeypatch.setattr("orders.sync.services.exchanging.exchange", listening)
    promises = [replace(task(warehouse, house, n), correlation_id="NW-1") for n in (1, 2)]
    services.promise_many(promises=promises, now=clock.now())
    while services.deliver_due(now=clock.now()):
        pass
    first, second = collected()
    for span, headers in zip((first, second), told, strict=True):
        assert headers["traceparent"] == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"
        assert facts(span)["handrail.message"] == headers["Idempotency-Key"]
    assert {span.trace_id.hex() for span in (first, second)} == {trace_number("NW-1")}
    assert (first.name, facts(first)["http.response.status_code"]) == ("deliver task.requested", 202)


def test_without_a_collector_nothing_is_made(settings: Settings) -> None:
    settings.TRACES_ENDPOINT = ""
    collecting.provider.cache_clear()
    Browser().get("/healthz", headers={"traceparent": ASKED})
    assert collecting.provider.cache_info().currsize == 0
