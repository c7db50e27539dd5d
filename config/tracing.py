"""A span for each request, where somebody collects them."""

from collections.abc import Callable
from http import HTTPMethod, HTTPStatus

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from audit import tracing
from audit.traces import TRACE, Fact


class Traced:
    """Continue the caller's trace: what was asked by its route, never by its address, in which keys and tokens stand."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.TRACES_ENDPOINT:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and tell how."""
        method = request.method if request.method in HTTPMethod.__members__ else "_OTHER"
        facts = {"http.request.method": str(method), "handrail.request_id": request.request_id}  # type: ignore[attr-defined]
        continues = request.headers.get("traceparent", "")
        continues = continues if TRACE.match(continues) else ""
        with tracing.span(str(method), "server", continues=continues, facts=facts) as span:
            response = self.get_response(request)
            route = request.resolver_match.route if request.resolver_match else ""
            failed = str(response.status_code) if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
            told: dict[str, Fact] = {"http.response.status_code": response.status_code}
            if route:
                told["http.route"] = f"/{route}"
            span.note(told, name=f"{method} /{route}" if route else "", failed=failed)
        return response
