"""A request whose length is no length is refused before anybody reads its body."""

import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse

LENGTH: Final = re.compile(r"^[0-9]{0,18}$")


class RefuseOddLengths:
    """`Content-Length` is ASCII digits: “²”, “-1” and “1e3” would be read as nothing, as everything, or not at all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let pass, or say what is wrong as a problem document."""
        if LENGTH.match(str(request.META.get("CONTENT_LENGTH", ""))):
            return self.get_response(request)
        problem = {
            "type": "/problems/unparsable/",
            "title": "The request cannot be read",
            "status": 400,
            "detail": "Content-Length has to be a whole number of bytes, in digits.",
            "instance": request.path,
            "trace_id": getattr(request, "request_id", ""),
        }
        return JsonResponse(problem, status=400, content_type="application/problem+json")
