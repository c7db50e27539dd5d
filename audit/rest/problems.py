"""Every error as an RFC 9457 problem document, with the sentence a person would read on the page."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions as rest
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, errors
from audit.canonical import timestamp
from audit.context import Actor
from audit.filtering import BadQuery
from audit.rest.problem_types import PROBLEM_TYPES, ProblemType
from audit.services.events import record_refusal
from audit.services.refusals import tally_refusal
from audit.strict_json import TooLarge, Unparsable

CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 2
logger = logging.getLogger(__name__)


class Demand(errors.DomainError):
    """The request lacks, or misuses, what the API asks of every request; `code` is the problem's type."""


class Stale(errors.StaleVersion):
    """Somebody was faster; carries the record as it is now."""

    def __init__(self, message: str, *, current: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.current = dict(current)


BY_CLASS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (Unparsable, "unparsable"),
    (TooLarge, "too-large"),
    (BadQuery, "bad-query"),
    (errors.StaleVersion, "stale-version"),
    (errors.IllegalTransition, "illegal-transition"),
    (errors.Conflict, "conflict"),
    (errors.NotFound, "not-found"),
    (errors.Refused, "not-permitted"),
    (errors.Invalid, "invalid-input"),
    (errors.DomainError, "conflict"),
    (rest.ParseError, "unparsable"),
    (rest.AuthenticationFailed, "not-authenticated"),
    (rest.NotAuthenticated, "not-authenticated"),
    (rest.PermissionDenied, "not-permitted"),
    (PermissionDenied, "not-permitted"),
    (rest.NotFound, "not-found"),
    (Http404, "not-found"),
    (rest.MethodNotAllowed, "method-not-allowed"),
    (rest.NotAcceptable, "not-acceptable"),
    (rest.UnsupportedMediaType, "unsupported-media-type"),
    (rest.Throttled, "too-many-requests"),
    (rest.ValidationError, "invalid-input"),
    (RequestDataTooBig, "too-large"),
    (OperationalError, "unavailable"),
    (InterfaceError, "unavailable"),
)


def answer_with_problem(error: Exception, context: Mapping[str, Any]) -> Response:
    """The response to `error`; a refusal of permission is also kept in the trail, one of an unknown token is counted for it."""
    request: Request = context["request"]
    kind = problem_type(error)
    if kind.status >= PROBLEM_TYPES["internal-error"].status:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        if kind.slug == "internal-error":
            got_request_exception.send(sender=None, request=request._request)  # noqa: SLF001 -- DRF has no public name for it
    if isinstance(error, errors.Refused) and isinstance(request.auth, Actor):
        record_refusal(request.auth, error=error, what=f"{request.method} {request.path}"[:200], now=clock.now())
    if isinstance(error, rest.AuthenticationFailed):
        tally_refusal(source="token", code=kind.slug, what=f"{request.method} /api/", now=clock.now())
    response = Response(problem(error, kind, request), status=kind.status, content_type=CONTENT_TYPE)
    for name, value in _headers(error, kind).items():
        response[name] = value
    return response


def answer_plainly(error: Exception, request: HttpRequest) -> JsonResponse:
    """The same answer where no view of the framework was reached; nothing is logged or kept, as it may be the database that failed."""
    kind = problem_type(error)
    body = problem(error, kind, request)
    return JsonResponse(body, status=kind.status, content_type=CONTENT_TYPE, headers=_headers(error, kind))


def problem_type(error: Exception) -> ProblemType:
    """The kind of problem an exception is; what nobody anticipated is an internal error."""
    if isinstance(error, Demand):
        return PROBLEM_TYPES[error.code]
    slug = next((slug for kind, slug in BY_CLASS if isinstance(error, kind)), "internal-error")
    return PROBLEM_TYPES[slug]


def problem(error: Exception, kind: ProblemType, request: Request | HttpRequest) -> dict[str, Any]:
    """The document's members."""
    body: dict[str, Any] = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": _detail(error, kind),
        "instance": request.path,
        "trace_id": getattr(request, "request_id", ""),
    }
    if isinstance(error, errors.DomainError):
        body["code"] = error.code
    if isinstance(error, errors.Invalid):
        location = "query" if isinstance(error, BadQuery) else "body"
        body["errors"] = [
            {"pointer": one.pointer, "code": one.code, "detail": one.detail, "location": location}
            for one in error.errors
        ]
    if isinstance(error, rest.ValidationError):
        body["errors"] = [
            {"pointer": pointer, "code": detail.code, "detail": str(detail), "location": "body"}
            for pointer, detail in _flat(error.detail)
        ]
    if isinstance(error, errors.Refused) and error.permission:
        body |= {"missing_permission": error.permission, "who_can": list(error.who_can)}
    if isinstance(error, errors.Conflict):
        body |= {"who": error.who, "at": timestamp(error.at) if error.at else None}
    if isinstance(error, Stale):
        body["current"] = error.current
    return body


def _detail(error: Exception, kind: ProblemType) -> str:
    if isinstance(error, errors.DomainError):
        return error.message
    if isinstance(error, rest.ValidationError):
        return "; ".join(str(detail) for _, detail in _flat(error.detail))[:500]
    if isinstance(error, rest.APIException):
        return str(error.detail)
    return kind.detail if kind.slug != "not-found" else "There is nothing at this address."


def _flat(detail: Any, pointer: str = "") -> Iterator[tuple[str, rest.ErrorDetail]]:
    """DRF's nested messages as (JSON pointer, message)."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            whole = name == "non_field_errors"
            yield from _flat(inner, pointer if whole else f"{pointer}/{_escaped(str(name))}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            if isinstance(inner, rest.ErrorDetail):
                yield pointer, inner
            else:
                yield from _flat(inner, f"{pointer}/{index}")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _headers(error: Exception, kind: ProblemType) -> dict[str, str]:
    headers = {}
    if kind.slug == "not-authenticated":
        headers["WWW-Authenticate"] = 'Bearer realm="Handrail"'
    if isinstance(error, rest.Throttled):
        headers["Retry-After"] = str(int((getattr(error, "wait", None) or 0) + 1))
    if kind.slug in {"still-running", "unavailable"}:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return headers
