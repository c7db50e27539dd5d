"""Bodies in, bodies out: strict JSON and nothing else."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from audit import strict_json
from audit.strict_json import Unparsable


class StrictJSONParser(BaseParser):
    """Reads what has one meaning; see `audit.strict_json`."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The body's value. Raises `Unparsable`."""
        del media_type, parser_context
        return strict_json.loads(stream.read())


def read_body(request: Request) -> bytes:
    """The raw body, read once and within the limit; a compressed one is refused. Raises `RequestDataTooBig`."""
    if encoding := request.headers.get("Content-Encoding", ""):
        raise UnsupportedMediaType(encoding, f"Send the body uncompressed, not as {encoding[:20]!a}.")
    if not request.META.get("CONTENT_LENGTH", "").isdigit() and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise Unparsable("Send a Content-Length.")
    body: bytes = request._request.body  # noqa: SLF001 -- DRF's own `body` is not typed and reads the same
    return body


class Input(serializers.Serializer[Any]):
    """A request body in which every field is known."""

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's, and a field nobody declared is an error at its own pointer."""
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                {name: [f"There is no field “{name[:60]}” here. Known are: {known}."] for name in unknown},
                code="unknown-field",
            )
        return super().to_internal_value(data)


class ReasonInput(Input):
    """Why."""

    reason = serializers.CharField(max_length=2000)


class NoInput(Input):
    """Nothing has to be said."""
