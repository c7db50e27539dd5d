"""The trail and its seals."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from audit import filtering, signing
from audit.filtering import FilterSet
from audit.rest.views import ListResource, RecordResource, Resource
from audit.selectors import trail
from audit.serializers import EventSerializer, SealSerializer


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
            filtering.identifier("client_id", "client_id", label="Client id"),
            filtering.exact("actor", "actor"),
            filtering.exact("channel", "channel"),
            filtering.exact("request_id", "request_id"),
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


@require_safe
@cache_control(public=True, max_age=300)
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys of audit tokens and seals, for everyone."""
    del request
    return JsonResponse(signing.public_keys(), content_type="application/jwk-set+json")
