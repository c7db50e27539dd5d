"""One name per request, from the caller's hand to every event it causes and every line of the log."""

import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bound_contextvars

from audit.identifiers import uuid7

GIVEN: Final = re.compile(r"^[A-Za-z0-9._:/+=-]{1,80}$")


class RequestIds:
    """Take the caller's X-Request-Id where it is one, else give a new one; say it in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Name the request."""
        given = request.headers.get("X-Request-Id", "")
        request_id = given if GIVEN.match(given) else str(uuid7())
        request.request_id = request_id  # type: ignore[attr-defined]
        with bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response
