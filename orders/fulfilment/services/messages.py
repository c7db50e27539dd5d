"""What other systems are asked to do or told, promised in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.subject_refs import SubjectRef


@dataclass(frozen=True)
class Message:
    """A message to every active system of a layer that serves the client."""

    layer: str
    type: str
    subject: SubjectRef
    key: str
    ordering_key: str
    correlation_id: str
    payload: Mapping[str, Any]


def send_all(messages: Sequence[Message], *, now: datetime) -> None:
    """Promise the messages."""
    del messages, now
