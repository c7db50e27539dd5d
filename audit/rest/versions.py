"""Which version somebody looked at: ETag out, If-Match and If-None-Match in."""

import re
from typing import Final

from rest_framework.request import Request

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
    given = request.headers.get("If-None-Match", "")
    return etag(version) in {tag.strip().removeprefix("W/") for tag in given.split(",")}
