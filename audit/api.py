"""The trail and its seals."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from audit import filtering, signing
from audit.filtering import FilterSet
from audit.rest.views import DeedResource, ListResource, RecordResource, Resource
from audit.selectors import pages, proof, trail
from audit.selectors.verification import verify_chain
from audit.serializers import (
    ChainSerializer,
    EventSerializer,
    HistorySerializer,
    SealSerializer,
    TokenInput,
    TokenSerializer,
    TrailChecksSerializer,
    VerificationSerializer,
    VerifyInput,
)
from audit.services import tokens
from audit.services.verifying import verify_now


class _Events(Resource):
    permission = "audit.view_trail"
    noun = "event"
    key_field = "pk"
    serializer_class = EventSerializer

    def records(self) -> QuerySet[Any]:
        """Within the asker's clients."""
        return trail.events_for(self.by)


class EventList(_Events, ListResource):
    """What happened, newest first."""

    filters = FilterSet(
        filters=(
            filtering.exact("type", "type"),
            filtering.exact("subject_type", "subject_type"),
            filtering.exact("subject_id", "subject_id"),
            filtering.exact("subject", "subject_id"),
            filtering.identifier("client_id", "client_id", label="Client id"),
            filtering.exact("actor", "actor"),
            filtering.exact("channel", "channel"),
            filtering.exact("request_id", "request_id"),
            filtering.exact("request", "request_id"),
            filtering.moment("at", "at", label="Time"),
        ),
        sorts={"-at": ("-at", "-pk"), "at": ("at", "pk")},
    )


class EventRecord(_Events, RecordResource):
    """One event."""


class _Seals(Resource):
    permission = "audit.verify"
    noun = "seal"
    key_field = "pk"
    serializer_class = SealSerializer

    def records(self) -> QuerySet[Any]:
        """All of them."""
        return trail.seals_for(self.by)


class SealList(_Seals, ListResource):
    """Signed statements over the trail, newest first."""

    filters = FilterSet(filters=(filtering.moment("at", "sealed_at"),), sorts={"-number": ("-pk",), "number": ("pk",)})


class SealRecord(_Seals, RecordResource):
    """One seal."""


class Verifications(DeedResource):
    """The last checks of the trail; and checking it now, which the trail itself keeps."""

    permission = "audit.verify"
    noun = "check"
    serializer_class = TrailChecksSerializer
    input_class = VerifyInput
    answers: Mapping[str, Any] = {"POST": VerificationSerializer}

    def get(self, request: Request) -> Response:
        """The last ones."""
        del request
        return Response(self.get_serializer({"checks": proof.runs(by=self.by)}).data)

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Check it."""
        return verify_now(by=self.by, now=now, from_start=given["from_start"])


class Chain(Resource):
    """One record's chain, checked now."""

    permission = "audit.verify"
    noun = "record"
    serializer_class = ChainSerializer
    asks: ClassVar[dict[str, str]] = {"record": "A key, a record's id, “type id” or an event's id."}

    def get(self, request: Request) -> Response:
        """Check it."""
        record = proof.record_meant(by=self.by, words=request.query_params.get("record", "").strip())
        found = {**vars(verify_chain(record)), "subject_type": record.type, "subject_id": record.id}
        return Response(self.get_serializer({**found, "whole": not found["findings"]}).data)


class History(Resource):
    """Every version of one record, with what each changed."""

    permission = "audit.view_trail"
    noun = "record"
    serializer_class = HistorySerializer

    def get(self, request: Request, subject_type: str, subject_id: str) -> Response:
        """Look it up."""
        del request
        page = pages.history_page(by=self.by, subject_type=subject_type, subject_id=subject_id)
        told = [
            {**vars(row), "changes": [dict(zip(("field", "before", "after"), one, strict=True)) for one in row.changes]}
            for row in page.versions
        ]
        return Response(self.get_serializer({"name": page.name, "versions": told}).data)


class CheckToken(DeedResource):
    """Whether an audit token, or an exported document with its token, is genuine and fits the trail."""

    permission = "audit.verify"
    noun = "token"
    input_class = TokenInput
    serializer_class = TokenSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Hold it against the trail."""
        del now
        return tokens.check_proof(text=given["text"], by=self.by)


@require_safe
@cache_control(public=True, max_age=300)
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys of audit tokens and seals, for everyone."""
    del request
    return JsonResponse(signing.public_keys(), content_type="application/jwk-set+json")
