"""What a trace is: numbers that programs pass on to each other (W3C Trace Context), and spans of what was done in between."""

import hashlib
import re
from collections.abc import Mapping
from typing import Literal, Protocol
from uuid import UUID

TRACE = re.compile(r"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")

Fact = str | int
Kind = Literal["server", "client", "consumer"]


class Span(Protocol):
    """Something that is being done."""

    @property
    def traceparent(self) -> str:
        """What continues it elsewhere; "" where nobody keeps it."""

    def note(self, facts: Mapping[str, Fact], *, name: str = "", failed: str = "") -> None:
        """What is known only once it is done: more facts, a better name, and the kind of failure where it is one."""


class Untraced:
    """Takes everything, keeps nothing."""

    traceparent = ""

    def note(self, facts: Mapping[str, Fact], *, name: str = "", failed: str = "") -> None:
        """Forget it."""


def traceparent(*, trace: str, span: str) -> str:
    """W3C Trace Context: one trace for all that one cause leads to (a UUID or a traceparent keeps its id), a span for each attempt."""
    return f"00-{trace_number(trace)}-{hashlib.sha256(span.encode()).hexdigest()[:16]}-01"


def trace_number(trace: str) -> str:
    """The number of the trace that this names, in hexadecimal."""
    if match := TRACE.match(trace):
        return match[1]
    try:
        return UUID(trace).hex
    except ValueError:
        return hashlib.sha256(trace.encode()).hexdigest()[:32]
