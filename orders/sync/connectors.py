"""A vendor's payload as our event: the mapping is data, this only applies it. What no mapping reads is kept as it came."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from orders.sync.envelopes import Envelope, fingerprint, of_document
from orders.sync.errors import Unreadable
from rules.engine import Mapped, MappingFailed, compile_mapping

UNREAD: Final = "payload.unread"


@lru_cache(maxsize=256)
def _compiled(mapping: str) -> Mapped:
    return compile_mapping(json.loads(mapping))


def translate(*, mapping: Mapping[str, Any], event_type: str, source: str, payload: Any, now: datetime) -> Envelope:
    """The event a payload means. Raises `Unreadable` naming the field the payload does not carry."""
    try:
        document = _compiled(json.dumps(mapping, sort_keys=True)).apply(payload)
    except MappingFailed as failed:
        raise Unreadable(f"The connector cannot read this payload: {failed}", code="mapping") from None
    document = {
        key: str(value) if key in {"id", "subject", "changetoken"} else value for key, value in document.items()
    }
    return of_document({"specversion": "1.0", "source": source, "type": event_type, **document}, now=now)


def applies(*, when: str, payload: Any) -> bool:
    """Whether a payload is what a connector reads, by a CEL condition over `payload`; none reads all.

    Raises `Unreadable` where the condition names a field that the payload does not carry.
    """
    if not when:
        return True
    try:
        return _compiled(json.dumps({"when": when})).apply(payload)["when"] is True
    except MappingFailed as failed:
        raise Unreadable(f"The connector cannot read this payload: {failed}", code="mapping") from None


def unread(*, topic: str, payload: Any, source: str, why: str, now: datetime, client: str = "") -> Envelope:
    """What somebody who proved who they are has sent and no connector reads, to be kept as a dead letter with its cause."""
    data = {"topic": topic, "payload": payload} | ({"client": client} if client else {})
    digest = fingerprint({"data": data})
    return Envelope(f"unread/{digest[:32]}", source, UNREAD, now, data, sha256=digest, unread=why)
