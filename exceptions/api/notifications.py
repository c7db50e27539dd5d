"""What one was told, how one wants to be told, and what comes back from on-call systems."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, filtering
from audit.errors import DomainError, Invalid
from audit.filtering import Filter, FilterSet, Question, UnknownValueError
from audit.rest.idempotency import once
from audit.rest.schema import MEDIA_TYPE, Problem
from audit.rest.views import DeedResource, ListResource, Resource
from audit.services.refusals import tally_refusal
from audit.strict_json import MAX_BYTES, TooLarge, Unparsable
from exceptions import services, signatures
from exceptions.api import notification_shapes as shapes
from exceptions.errors import AnswerRefused
from exceptions.selectors.notifications import SHOWN, notifications_for, preferences_of
from exceptions.services.reading import mark_all_read, mark_read
from rules import selectors as rules
from rules.states import Severity

REFUSED: Final[dict[Any, Any]] = {
    (code, MEDIA_TYPE): OpenApiResponse(Problem, description=words)
    for code, words in (
        (400, "Not readable"),
        (401, "Nobody is signed in"),
        (403, "Not permitted"),
        (409, "The same key with another request"),
        (422, "Something in the body cannot be accepted"),
        (429, "Too many requests"),
    )
}


def _show(value: str, _: Question) -> Any:
    if value not in SHOWN:
        raise UnknownValueError(f"Show “{value}” is not known. There are: {', '.join(SHOWN)}.")
    return SHOWN[value]


class NotificationList(ListResource):
    """What the asker and the asker's teams were told, the newest first, each with what became of it outside the product."""

    permission = "exceptions.view_case"
    noun = "notification"
    serializer_class = shapes.NotificationSerializer
    filters = FilterSet(
        filters=(
            Filter("show", "Show", _show, f"one of {', '.join(SHOWN)}", tuple(SHOWN)),
            filtering.choice("severity", "severity", Severity.values),
            filtering.exact("event", "event"),
            filtering.exact("cause", "cause"),
            filtering.exact("about", "url"),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.moment("told", "at"),
        ),
        sorts={"-told": ("-at", "-pk"), "told": ("at", "pk")},
    )

    def records(self) -> QuerySet[Any]:
        """Those of the asker."""
        found = notifications_for(self.by).select_related("owner", "client").prefetch_related("deliveries")
        return found.distinct()

    @extend_schema(request=shapes.ReadInput, responses={200: shapes.ReadSerializer, **REFUSED}, summary="Mark as read")
    def post(self, request: Request) -> Response:
        """Mark some, or everything told until a moment, as read. Reading is not acknowledging."""
        return once(request, self.by, self._read)

    def _read(self) -> Response:
        given = shapes.ReadInput(data=self.request.data)
        given.is_valid(raise_exception=True)
        now, asked = clock.now(), given.validated_data
        if "until" in asked:
            count = mark_all_read(until=min(asked["until"], now), by=self.by, now=now)
        else:
            count = mark_read(ids=asked.get("ids", []), by=self.by, now=now)
        return Response({"read": count})


class Preferences(Resource):
    """How the asker wants to be told outside the product."""

    permission = "exceptions.view_case"
    noun = "preference"
    serializer_class = shapes.PreferencesSerializer
    input_class = shapes.PreferencesInput

    def get(self, request: Request) -> Response:
        """What was chosen, or what holds as long as nothing is."""
        del request
        return Response(self.get_serializer(preferences_of(self.by)).data)

    def post(self, request: Request) -> Response:
        """Choose; wishes that are left out stay, times that are left out are taken back."""
        return once(request, self.by, self._choose)

    def _choose(self) -> Response:
        given = shapes.PreferencesInput(data=self.request.data)
        given.is_valid(raise_exception=True)
        chosen = _chosen(given.validated_data)
        kept = services.set_notification_preferences(by=self.by, now=clock.now(), **chosen)
        return Response(self.get_serializer(kept).data)


class TestNotice(DeedResource):
    """Try one of one's own ways out now: an e-mail address, or the id of a channel."""

    permission = "exceptions.view_case"
    noun = "channel"
    input_class = shapes.TestInput
    serializer_class = shapes.TriedSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Try it."""
        return services.send_test_notice(channel=given["channel"], by=self.by, now=now)


def _chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    apart = {"events", "digest_at", "quiet_from", "quiet_until", "language"}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if name in apart}
    return {**chosen, "wishes": {name: value for name, value in given.items() if name not in apart}}


class PageAnswers(Resource):
    """What an on-call system says about pages it was given."""

    serializer_class = shapes.AnswerTakenSerializer

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The signature is over the bytes as they came."""
        return answers(request, *args, **kwargs)

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={
            202: OpenApiResponse(shapes.AnswerTakenSerializer, description="What was done."),
            (400, MEDIA_TYPE): OpenApiResponse(Problem, description="Not readable"),
            (401, MEDIA_TYPE): OpenApiResponse(Problem, description="The sender is not proven"),
        },
        parameters=[
            OpenApiParameter(
                signatures.HEADER,
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="v1=<hex HMAC-SHA256 of the body with the channel's secret>.",
            )
        ],
        auth=[],
        summary="Answer a page",
        description="PagerDuty's v3 webhook: incident.acknowledged takes the page's exceptions, incident.resolved resolves those "
        "whose acceptance criteria are met and notes it on the others. `incident_key` is the `dedup_key` the page was given.",
    )
    def post(self, request: Request, channel: str) -> Response:
        """Described here, done below."""
        raise NotImplementedError


@csrf_exempt
@require_POST
def answers(request: HttpRequest, channel: Any) -> HttpResponse:
    """One signed event; 202 with what was done, 401 where the signature proves nothing, 400 for what cannot be read."""
    now: datetime = clock.now()
    try:
        body = _body(request)
        signature = request.headers.get(signatures.HEADER, "")
        done = services.take_answer(channel_id=channel, signature=signature, body=body, now=now)
    except (Unparsable, TooLarge, Invalid) as unreadable:
        status = 413 if isinstance(unreadable, TooLarge) else 400
        return _problem(request, status, "unreadable", "Not readable", unreadable)
    except AnswerRefused as refused:
        tally_refusal(source="on-call system", code=refused.code, what="POST /api/v1/pages/…/answers", now=now)
        return _problem(request, 401, "signature-refused", "The sender is not proven", refused)
    return JsonResponse({"done": done}, status=202)


def _body(request: HttpRequest) -> bytes:
    body: bytes = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise TooLarge(f"At most {MAX_BYTES} bytes are accepted.")
    return body


def _problem(request: HttpRequest, status: int, slug: str, title: str, error: DomainError) -> HttpResponse:
    body = {
        "type": f"/problems/{slug}/",
        "title": title,
        "status": status,
        "detail": error.message,
        "instance": request.path,
        "trace_id": getattr(request, "request_id", ""),
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")
