"""A vendor's payload as our event: the mapping is data, this only applies it."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from orders.sync.envelopes import Envelope, of_document
from orders.sync.errors import Unreadable
from rules.engine import Mapped, MappingFailed, compile_mapping


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
