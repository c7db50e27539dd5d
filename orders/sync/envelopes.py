"""CloudEvents 1.0 in and out of HTTP: structured, batched and binary, held to the specification's required attributes."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from audit import strict_json
from audit.texts import whole_number
from orders.sync.errors import Unreadable

STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"
MOST_IN_A_BATCH = 100
LONGEST_ATTRIBUTE = 200
_ATTRIBUTE = re.compile(r"^[!-~]([ -~]*[!-~])?$")
_NAME = re.compile(r"^[a-z0-9]{1,60}$")
_MEDIA_TYPE = re.compile(r"^[\w!#$&^.+-]+/[\w!#$&^.+-]+( ?;.*)?$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$", re.ASCII)
_CONTRACT = re.compile(r"^(?:.*/)?([a-z_]+(?:\.[a-z_]+)+)/(\d{1,6})$")


@dataclass(frozen=True)
class Envelope:
    """One event as it came: what identifies it, what orders it, and its data.

    `unread` is why nobody could read it: then its data is what was sent, and it is kept as a dead letter.
    """

    id: str
    source: str
    type: str
    time: datetime
    data: Any
    subject: str = ""
    contract_version: int | None = None
    change_token: int | None = None
    based_on: int | None = None
    provenance: str = ""
    correlation_id: str = ""
    sha256: str = field(default="")
    unread: str = ""


def read(*, content_type: str, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Envelope | Unreadable]:
    """Every event of a request; in a batch each unreadable one is a refusal in its place.

    `headers` have lower-case names. Raises `Unreadable` when the request as a whole is none of the three forms.
    """
    media = content_type.split(";", 1)[0].strip().lower()
    if media == BATCHED:
        batch = strict_json.loads(body)
        if not isinstance(batch, list) or len(batch) > MOST_IN_A_BATCH:
            raise Unreadable(f"A batch is a JSON array of at most {MOST_IN_A_BATCH} events.", code="not-a-batch")
        return [_each(one, now) for one in batch]
    if media == STRUCTURED:
        return [of_document(strict_json.loads(body), now=now)]
    if media == "application/json" and "ce-id" in headers:
        attributes = {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
        return [of_document({**attributes, "data": strict_json.loads(body)}, now=now)]
    raise Unreadable(
        f"Send {STRUCTURED}, {BATCHED}, or application/json with ce- headers; this was {media or 'nothing'}.",
        code="content-type",
        status=415,
    )


def _each(document: Any, now: datetime) -> Envelope | Unreadable:
    try:
        return of_document(document, now=now)
    except Unreadable as unreadable:
        return unreadable


def of_document(document: Any, *, now: datetime) -> Envelope:
    """The event of a structured document. Raises `Unreadable` naming the attribute."""
    if not isinstance(document, dict):
        raise Unreadable("An event is a JSON object.", code="not-an-event")
    if document.get("specversion") != "1.0":
        raise Unreadable("specversion has to be “1.0”.", code="specversion")
    _refuse_odd_attributes(document)
    data = document.get("data")
    return Envelope(
        id=_attribute(document, "id"),
        source=_attribute(document, "source"),
        type=_attribute(document, "type"),
        time=_time(document, now),
        data=data,
        subject=_attribute(document, "subject", required=False),
        contract_version=_contract_version(document),
        change_token=_grown(document, "changetoken", "that grows with every change"),
        based_on=_grown(document, "basedon", "from 0, the change token of the export you knew"),
        provenance=_attribute(document, "provenance", required=False),
        correlation_id=_attribute(document, "correlationid", required=False),
        sha256=fingerprint(document),
    )


def _refuse_odd_attributes(document: Mapping[str, Any]) -> None:
    """What the specification allows of names and values, known to us or not."""
    if "data_base64" in document:
        raise Unreadable("Send the data as JSON in data; data_base64 is not read.", code="data_base64")
    for name, value in document.items():
        if not _NAME.match(name):
            raise Unreadable(
                f"“{name[:60]}” is no attribute: names are lower-case letters and digits.", code="attribute"
            )
        if name != "data" and not isinstance(value, str | int | None):
            raise Unreadable(f"{name} has to be text, a whole number or a yes or no.", code=name)
    media = document.get("datacontenttype")
    if media is not None and not (isinstance(media, str) and _MEDIA_TYPE.match(media)):
        raise Unreadable("datacontenttype has to be a media type, e.g. application/json.", code="datacontenttype")


def fingerprint(document: Any) -> str:
    """What makes two deliveries of one event the same: all of it but when it was sent."""
    told = {key: value for key, value in document.items() if key != "time"} if isinstance(document, dict) else document
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _attribute(document: Mapping[str, Any], name: str, *, required: bool = True) -> str:
    value = document.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ATTRIBUTE or not _ATTRIBUTE.match(value):
        raise Unreadable(f"{name} has to be 1 to {LONGEST_ATTRIBUTE} printable ASCII characters.", code=name)
    return value


def _time(document: Mapping[str, Any], now: datetime) -> datetime:
    value = document.get("time")
    if value is None:
        return now
    if not (isinstance(value, str) and _TIME.match(value)):
        raise Unreadable("time has to be an RFC 3339 timestamp with seconds and an offset, e.g. Z.", code="time")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("time has to be an RFC 3339 timestamp of a moment there is.", code="time") from None


def _contract_version(document: Mapping[str, Any]) -> int | None:
    value = document.get("dataschema")
    if value is None:
        return None
    match = _CONTRACT.match(value) if isinstance(value, str) else None
    if match is None or match[1] != document.get("type"):
        raise Unreadable(
            "dataschema has to end in the event's type, a slash and the contract's version.", code="dataschema"
        )
    return int(match[2])


def _grown(document: Mapping[str, Any], name: str, meaning: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    token = whole_number(str(value))
    if token is None:
        raise Unreadable(f"{name} has to be a whole number {meaning}.", code=name)
    return token
