"""What came in, what goes out, what is expected; and what can be done about dead letters."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, filtering
from audit.errors import Conflict, NotFound
from audit.filtering import FilterSet, Question
from audit.rest.expanding import related
from audit.rest.pages import given_filters
from audit.rest.parsing import ReasonInput
from audit.rest.schema import MEDIA_TYPE, Problem
from audit.rest.views import ActResource, DeedResource, ListResource, RecordResource, Resource
from audit.words import said
from exceptions.api.job_shapes import PlanRecordSerializer
from orders.sync import api, selectors, serializers, services
from orders.sync.models import DEAD_LETTER_PREFIX
from orders.sync.services import bulk
from orders.sync.services.replaying import Verdict
from orders.sync.states import InboundState, OutboundState, RunState
from rules import selectors as rules
from rules.api import ClientList, OwnerList
from rules.api.flows import FlowList
from rules.selectors import registry
from rules.states import Layer

LETTER: Final = re.compile(r"^DL-(\d{1,15})$")
SIGNED: Final = [
    OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True, description=words)
    for name, words in (
        ("webhook-id", "Standard Webhooks: stable across retries."),
        ("webhook-timestamp", "Standard Webhooks: unix seconds, at most 300 s off."),
        ("webhook-signature", "Standard Webhooks: v1,<base64 HMAC-SHA256 of id.timestamp.body>."),
    )
]
TAKEN: Final[dict[Any, Any]] = {
    202: OpenApiResponse(serializers.ReceiptSerializer, description="Kept, after commit."),
    **{
        (code, MEDIA_TYPE): OpenApiResponse(Problem, description=words)
        for code, words in (
            (400, "Not readable"),
            (401, "The sender is not proven"),
            (409, "The same id with other content"),
            (413, "Too large"),
            (415, "Compressed, or no JSON"),
            (422, "The contract is broken; kept as a dead letter"),
        )
    },
}


class _Systems(Resource):
    permission = "sync.view_system"
    noun = "system"
    key_field = "slug"
    serializer_class: Any = serializers.SystemSerializer
    expands = related(client=ClientList, owner=OwnerList)

    def records(self) -> QuerySet[Any]:
        """Those that serve the asker's clients."""
        return selectors.systems_for(self.by)


class SystemList(_Systems, ListResource):
    """The systems that are told and that tell."""

    filters = FilterSet(
        (
            filtering.choice("layer", "layer", Layer.values),
            filtering.record_of("owner", "owner", registry.owners_for),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.flag("active", "is_active"),
        ),
        {"key": ("slug", "pk"), "-key": ("-slug", "-pk")},
    )


class SystemRecord(_Systems, RecordResource):
    """One system."""


class _Events(Resource):
    permission = "sync.view_system"
    noun = "event"
    key_field = "pk"
    serializer_class: Any = serializers.InboundEventSerializer
    expands = related(system=SystemList, client=ClientList)

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.events_for(self.by)


EVENT_FILTERS: Final = (
    filtering.exact("type", "type"),
    filtering.record_of("system", "system", selectors.systems_for),
    filtering.record_of("client", "client", rules.clients_of),
    filtering.exact("subject", "subject"),
    filtering.exact("event_id", "event_id", label="Event id"),
    filtering.exact("correlation_id", "correlation_id", label="Correlation id"),
    filtering.moment("received", "received_at"),
)

EVENT_SORTS: Final = {"-number": ("-number",), "number": ("number",)}


class Events(_Events, ListResource):
    """GET: what came in, newest first. POST: an event, proven by its signature rather than by a token."""

    filters = FilterSet((filtering.choice("state", "state", InboundState.values), *EVENT_FILTERS), EVENT_SORTS)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """What is signed is taken in by the intake; it needs the bytes as they came."""
        return api.events(request) if request.method == "POST" else super().dispatch(request, *args, **kwargs)

    @extend_schema(
        request={
            "application/cloudevents+json": serializers.CloudEventSerializer,
            "application/cloudevents-batch+json": serializers.CloudEventSerializer(many=True),
            "application/json": OpenApiTypes.OBJECT,
        },
        responses=TAKEN,
        parameters=[
            *SIGNED,
            OpenApiParameter(
                "X-Handrail-System", str, OpenApiParameter.HEADER, required=True, description="Your slug."
            ),
        ],
        auth=[],
        summary="Tell an event",
        description="CloudEvents 1.0, structured, batched (at most 100) or binary, signed by Standard Webhooks.",
    )
    def post(self, request: Request) -> Response:
        """Described here, done by the intake."""
        raise NotImplementedError


class EventRecord(_Events, RecordResource):
    """One event that came in."""


class Hooks(Resource):
    """What a vendor sends, as it sends it, through the system's connector."""

    serializer_class = serializers.ReceiptSerializer

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The intake needs the bytes as they came."""
        return api.hooks(request, *args, **kwargs)

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses=TAKEN,
        auth=[],
        summary="Tell something in the vendor's own format",
        description="Signed the standard way, or the vendor's (X-Shopify-Hmac-Sha256).",
    )
    def post(self, request: Request, system: str) -> Response:
        """Described here, done by the intake."""
        raise NotImplementedError


class _Letters(_Events):
    noun = "dead letter"
    serializer_class = serializers.LetterSerializer

    def records(self) -> QuerySet[Any]:
        """Those that are or were dead letters."""
        return selectors.letters_for(self.by)

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """By the number in the key."""
        found = LETTER.match(key)
        if found is None:
            raise NotFound(said("There is no dead letter %(key)s, or it is not yours to see.", key=key[:40]))
        return {"number": int(found[1])}


LETTER_FILTERS: Final = FilterSet(EVENT_FILTERS, EVENT_SORTS)


class LetterList(_Letters, ListResource):
    """What could not be processed, newest first."""

    filters = LETTER_FILTERS

    def records(self) -> QuerySet[Any]:
        """Those that wait for somebody."""
        return super().records().filter(state=InboundState.DEAD)


class LetterRecord(_Letters, RecordResource):
    """One dead letter, with the places where it breaks its contract."""


class _LetterAct(_Letters, ActResource):
    input_class = ReasonInput
    is_versioned = False


class Replay(_LetterAct):
    """Put a dead letter back in line, once its cause is mended; it cannot take effect twice."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Replay it; what still breaks its contract stays."""
        verdicts = services.replay(event_ids=[record.pk], reason=given["reason"], by=self.by, now=now)
        verdict = verdicts.get(record.pk, Verdict("There is nothing to replay."))
        if not verdict.is_done:
            raise Conflict(verdict.words, code="not-replayed")


class Discard(_LetterAct):
    """Put a dead letter away for good."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Discard it."""
        if not services.discard(event_ids=[record.pk], reason=given["reason"], by=self.by, now=now):
            raise Conflict(said("%(key)s is no dead letter any more.", key=record.key), code="not-discarded")


class PlanLetters(DeedResource):
    """Plan to replay or discard many dead letters; `POST /plans/{key}/run` with a reason does exactly what was planned."""

    permission = "sync.replay"
    noun = "dead letter"
    input_class = serializers.PlanLettersInput
    serializer_class = PlanRecordSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Freeze which, and what stands in the way of the others."""
        if "keys" in given:
            numbers = [int(key.removeprefix(DEAD_LETTER_PREFIX)) for key in given["keys"]]
            return bulk.plan_chosen(action=given["action"], numbers=numbers, by=self.by, now=now)
        asked = given_filters(QueryDict(given["filter"]))
        found = LETTER_FILTERS.apply(selectors.dead_letters(self.by), asked, Question(self.by, now))
        return bulk.plan_found(action=given["action"], found=found, by=self.by, now=now)


class _Messages(Resource):
    permission = "sync.view_system"
    noun = "message"
    key_field = "pk"
    serializer_class = serializers.MessageSerializer
    expands = related(system=SystemList, client=ClientList)

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.messages_for(self.by)


class MessageList(_Messages, ListResource):
    """What was promised to other systems, newest first, with every attempt to keep it."""

    filters = FilterSet(
        (
            filtering.choice("state", "state", OutboundState.values),
            filtering.exact("type", "type"),
            filtering.record_of("system", "system", selectors.systems_for),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.exact("correlation_id", "correlation_id", label="Correlation id"),
            filtering.moment("created", "created_at"),
        ),
        EVENT_SORTS,
    )


class MessageRecord(_Messages, RecordResource):
    """One message with its attempts."""


class _Runs(Resource):
    permission = "orders.view_order"
    noun = "run"
    key_field = "pk"
    serializer_class = serializers.RunSerializer
    expands = related(flow=FlowList, client=ClientList, owner=OwnerList)

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.runs_for(self.by)


class RunList(_Runs, ListResource):
    """What triggers are expected to lead to, newest first."""

    filters = FilterSet(
        (
            filtering.choice("state", "state", RunState.values),
            filtering.record_of("flow", "flow", registry.flows_for),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.exact("subject", "subject_key"),
            filtering.moment("started", "started_at"),
        ),
        {"-started": ("-started_at", "-pk"), "started": ("started_at", "pk")},
    )


class RunRecord(_Runs, RecordResource):
    """One run with what it expects."""

    is_whole = False


class SystemLag(_Systems, RecordResource):
    """How soon a system was told in the last 24 hours, from the event to its word that it has it."""

    is_whole = False
    serializer_class = serializers.LagSerializer
    expands = related()

    def find(self, key: Any) -> Any:
        """The lag of the system of this key."""
        (lag,) = selectors.measured_lags([super().find(key)], now=clock.now())
        return lag


class _SystemAct(_Systems, ActResource):
    permission = "sync.pause_system"
    input_class = ReasonInput


class PauseSystem(_SystemAct):
    """Hold back what is told to a system until a moment; it waits in line and goes out in its order afterwards."""

    input_class = serializers.PauseInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Pause it."""
        services.pause_system(slug=record.slug, seen=self.seen, by=self.by, now=now, **given)


class ResumeSystem(_SystemAct):
    """Tell a paused system again, at once and in order."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Resume it."""
        services.resume_system(slug=record.slug, seen=self.seen, by=self.by, now=now, **given)


class CallSystem(_Systems, DeedResource):
    """Call a system once, now, with a signed message that asks for nothing; what it answered. Once in 30 seconds."""

    permission = "sync.pause_system"
    serializer_class = serializers.AnswerSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Call it."""
        return services.call_system(slug=given["key"], by=self.by, now=now)
