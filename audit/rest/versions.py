"""Which version somebody looked at: ETag out, If-Match and If-None-Match in."""

import re
from typing import Final

from django.http import HttpResponse
from rest_framework import status
from rest_framework.request import Request

from audit.canonical import canonical_json, sha256_hex
from audit.rest.problems import Demand

TAG: Final = re.compile(r'^(?:W/)?"v(\d{1,9})"$')


def etag(version: int) -> str:
    """The entity tag of a record's version."""
    return f'"v{version}"'


def seen_version(request: Request) -> int | None:
    """The version in If-Match; None for `*`. Raises `Demand` when there is none."""
    given = request.headers.get("If-Match", "").strip()
    if given == "*":
        return None
    found = TAG.match(given)
    if found is None:
        raise Demand('Send the ETag of what you looked at as If-Match, such as "v3".', code="version-missing")
    return int(found[1])


def is_known(request: Request, version: int) -> bool:
    """Whether the asker has this version already."""
    return _has(request, etag(version))


def exactly(request: Request, document: object) -> HttpResponse:
    """A document in its one spelling, the hash of these bytes as its ETag; or, to who has these bytes, that nothing is new."""
    text = canonical_json(document)
    headers = {"ETag": f'"{sha256_hex(text)}"'}
    if _has(request, headers["ETag"]):
        return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return HttpResponse(text, content_type="application/json", headers=headers)


def _has(request: Request, tag: str) -> bool:
    given = request.headers.get("If-None-Match", "")
    return tag in {one.strip().removeprefix("W/") for one in given.split(",")}
