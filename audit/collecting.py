"""Spans sent to a collector by the OpenTelemetry SDK, over OTLP and HTTP. Imported only where there is a collector."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Final

from django.conf import settings
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from audit.traces import TRACE, Fact, Kind, trace_number

KINDS: Final = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "consumer": SpanKind.CONSUMER}

_number: ContextVar[int] = ContextVar("number", default=0)


class Numbers(RandomIdGenerator):
    """Random, but for a trace that has its number from what caused it."""

    def generate_trace_id(self) -> int:
        """The number that is meant, or a new one."""
        return _number.get() or super().generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Whether receivers may draw lots by it; one that is made from a name is none to draw by."""
        return not _number.get()


class Collected:
    """A span of the SDK's, with what Handrail says of one."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """This very span, for who continues it."""
        known = self._span.get_span_context()
        return f"00-{known.trace_id:032x}-{known.span_id:016x}-{known.trace_flags:02x}"

    def note(self, facts: Mapping[str, Fact], *, name: str = "", failed: str = "") -> None:
        """Add to it."""
        self._span.set_attributes(facts)
        if name:
            self._span.update_name(name)
        if failed:
            self._span.set_attribute("error.type", failed)
            self._span.set_status(Status(StatusCode.ERROR))


@cache
def provider() -> TracerProvider:
    """Made with the first span, so that each process of a server that forks has its own."""
    made = TracerProvider(resource=Resource.create({"service.name": "handrail"}), id_generator=Numbers())
    exporter = OTLPSpanExporter(endpoint=f"{settings.TRACES_ENDPOINT}/v1/traces")
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


@contextmanager
def begun(name: str, kind: Kind, *, continues: str, facts: Mapping[str, Fact]) -> Iterator[Collected]:
    """A span that ends with what is done inside, also where that fails: then with the kind of failure, not with its words."""
    is_parent = TRACE.match(continues) is not None
    token = _number.set(int(trace_number(continues), 16) if continues and not is_parent else 0)
    try:
        span = (
            provider()
            .get_tracer("handrail")
            .start_span(
                name,
                TraceContextTextMapPropagator().extract({"traceparent": continues}) if is_parent else Context(),
                KINDS[kind],
                dict(facts),
            )
        )
    finally:
        _number.reset(token)
    collected = Collected(span)
    try:
        yield collected
    except BaseException as failure:
        collected.note({}, failed=type(failure).__name__)
        raise
    finally:
        span.end()
