"""Traces for a collector, where `OTEL_EXPORTER_OTLP_ENDPOINT` names one; without it nothing is loaded and nothing is kept.

A span says what was done, how long it took and how it ended, never about whom: routes instead of addresses, kinds of failures instead of
their texts, keys of ours instead of anybody's data.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings

from audit.traces import Fact, Kind, Span, Untraced


@contextmanager
def span(name: str, kind: Kind, *, continues: str = "", facts: Mapping[str, Fact] | None = None) -> Iterator[Span]:
    """Tell the collector what is done inside; `continues` is the traceparent that came along, or whatever names the trace it belongs to."""
    if not settings.TRACES_ENDPOINT:
        yield Untraced()
        return
    from audit import collecting  # noqa: PLC0415 -- only who has a collector waits for its libraries

    with collecting.begun(name, kind, continues=continues, facts=facts or {}) as begun:
        yield begun
