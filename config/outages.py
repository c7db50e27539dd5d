"""What a request gets that failed where nobody anticipated it: a page made without the database; programs get a problem document."""

import sys
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

from audit.rest.problems import RETRY_AFTER_SECONDS, answer_plainly

FOR_PROGRAMS: Final = ("/api/", "/status.json")


def failed(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`, called while the exception is handled. A database that is away is no mistake of ours: 503, come again."""
    error = sys.exc_info()[1]
    if request.path.startswith(FOR_PROGRAMS) and isinstance(error, Exception):
        return answer_plainly(error, request)
    if isinstance(error, OperationalError | InterfaceError):
        page = HttpResponse(loader.get_template("503.html").render(), status=503)
        page["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return page
    return HttpResponse(loader.get_template("500.html").render(), status=500)
