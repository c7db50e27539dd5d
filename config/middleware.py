"""What every page request gets: an actor and the person's time zone; and what every refusal becomes."""

from collections.abc import Callable
from http import HTTPStatus
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from audit import clock
from audit.context import Actor
from audit.errors import Conflict, DomainError, Invalid, NotFound, Refused
from audit.services.events import record_refusal
from config.languages import speak
from rules.selectors import actor_for

GetResponse = Callable[[HttpRequest], HttpResponse]
SENT_ALONG = ("csrf", "return", "seen", "id", "plan", "query")
STATUS = ((NotFound, 404), (Refused, 403), (Invalid, 422), (Conflict, 409))


def actor_of(request: HttpRequest) -> Actor:
    """Who asks. Raises `Refused` for nobody."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Refused("Sign in first.")
    return actor


class ActingPerson:
    """Who is signed in, as an actor with roles and clients read anew on every request; their time zone; their refusals."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """A person's rights change with their next request, whatever their session is."""
        request.actor = None  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            channel = "admin" if request.path.startswith("/admin/") else "web"
            request.actor = actor_for(request.user, channel=channel, request_id=request.request_id)  # type: ignore[attr-defined]
            timezone.activate(ZoneInfo(request.user.time_zone))
            speak(request)
        try:
            response = self.get_response(request)
        finally:
            timezone.deactivate()
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A refusal that reached the edge becomes its page; permission and scope are kept in the trail."""
        if not isinstance(exception, DomainError):
            return None
        actor: Actor | None = getattr(request, "actor", None)
        if actor is not None and isinstance(exception, Refused | NotFound):
            record_refusal(actor, error=exception, what=f"{request.method} {request.path}", now=clock.now())
        status = next((code for kind, code in STATUS if isinstance(exception, kind)), 409)
        context = {
            "error": exception,
            "status": status,
            "typed": _typed(request) if status == HTTPStatus.CONFLICT else (),
        }
        return render(request, "errors/refused.html", context, status=status)


def _typed(request: HttpRequest) -> list[str]:
    """What somebody filled in and would have to write again; not what the page sent along."""
    given = [(name, str(value)) for name, value in request.POST.items() if "password" not in name]
    return [value for name, value in given if value.strip() and not name.startswith(SENT_ALONG)]
