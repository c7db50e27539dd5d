"""Parts of pages that ask for themselves every few seconds."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from audit.errors import FieldError, Invalid
from audit.texts import whole_number
from audit.words import said

View = Callable[..., HttpResponse]


def fragment(view: View) -> View:
    """For who is not signed in (any more) 401, never the sign-in page in the middle of another one."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) if request.user.is_authenticated else HttpResponse(status=401)

    return require_GET(answer)


def unless_known(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response with its ETag, or 304 for who has it already."""
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


def moment_of(text: str) -> datetime:
    """A moment as we wrote it. Raises `Invalid`."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        detail = said("This is no moment of ours.")
        raise Invalid(detail, errors=[FieldError("/since", "unknown", detail)]) from None


def number_of(text: str) -> int:
    """A small number as we wrote it, 0 for anything else."""
    return whole_number(text, most_digits=9) or 0
