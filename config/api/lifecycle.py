"""What of the API is on its way out: declared here once, told in every answer it gives and in its description.

`/api/v1/` only ever gains; what has to go is declared first, with the day it stops and the page that says what to use instead. Keys are an
operation (`GET /api/v1/orders`), one parameter of it (`GET /api/v1/orders?per`), or a version as a whole (`/api/v1/`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date


@dataclass(frozen=True)
class Deprecation:
    """Since when, until when, and where to read what to do."""

    since: datetime
    sunset: datetime
    link: str


DEPRECATED: Final[Mapping[str, Deprecation]] = {}
PART: Final = re.compile(r"<(?:\w+:)?(\w+)>")


class Lifecycle:
    """Say it in the answer: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and a `Link` to the page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Where several things asked for are on their way out, the first to stop is told."""
        response = self.get_response(request)
        if not (DEPRECATED and request.resolver_match):
            return response
        path = "/" + PART.sub(r"{\1}", request.resolver_match.route)
        found = [DEPRECATED[key] for key in _keys(request, path) if key in DEPRECATED]
        if found:
            first = min(found, key=lambda one: one.sunset)
            response["Deprecation"] = f"@{int(first.since.timestamp())}"
            response["Sunset"] = http_date(first.sunset.timestamp())
            links = [response.get("Link", ""), f'<{first.link}>; rel="deprecation"; type="text/html"']
            response["Link"] = ", ".join(link for link in links if link)
        return response


def _keys(request: HttpRequest, path: str) -> Iterator[str]:
    operation = f"{request.method} {path}"
    yield from (f"{operation}?{name}" for name in request.GET)
    yield operation
    yield "/".join(request.path.split("/")[:3]) + "/"


def mark_deprecated(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Mark it in the description; a hook of drf-spectacular."""
    for key, told in DEPRECATED.items():
        words = f"Deprecated since {told.since:%Y-%m-%d}, stops on {told.sunset:%Y-%m-%d}: {told.link}"
        for marked in _described(result, key):
            marked["deprecated"] = True
            marked["description"] = "\n\n".join(filter(None, (marked.get("description", ""), words)))
    return result


def _described(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The operations or parameters a key means. Raises `KeyError` for one that means none."""
    if key.startswith("/"):
        return [one for path, item in document["paths"].items() if path.startswith(key) for one in item.values()]
    method, _, asked = key.partition(" ")
    path, _, name = asked.partition("?")
    operation = document["paths"][path][method.lower()]
    if not name:
        return [operation]
    found = [one for one in operation["parameters"] if one["in"] == "query" and one["name"] == name]
    if not found:
        raise KeyError(key)
    return found
