"""Flows: what they declare of themselves, and whether they are live."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from audit import filtering
from audit.filtering import FilterSet
from audit.rest.parsing import ReasonInput
from audit.rest.views import ActResource, ListResource, RecordResource, Resource
from rules import serializers, services
from rules.selectors import registry
from rules.states import FlowKind, FlowState


class _Flows(Resource):
    permission = "rules.view_rules"
    key_field = "slug"
    noun = "flow"
    serializer_class = serializers.FlowSerializer

    def records(self) -> QuerySet[Any]:
        """All of them."""
        return registry.flows_for(self.by)


class FlowList(_Flows, ListResource):
    """The ways from trigger to outcome."""

    filters = FilterSet(
        filters=(
            filtering.choice("kind", "kind", FlowKind.values),
            filtering.choice("state", "state", FlowState.values),
            filtering.record_of("owner", "owner", registry.owners_for),
            filtering.flag("active", "is_active"),
        ),
        sorts={"key": ("slug", "pk"), "-key": ("-slug", "-pk")},
    )


class FlowRecord(_Flows, RecordResource):
    """One flow."""


class _FlowAct(_Flows, ActResource):
    permission = "rules.edit_rules"
    input_class = ReasonInput


class ActivateFlow(_FlowAct):
    """Let a flow be chosen from now on; refused, field by field, while it does not declare everything."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Let it go live."""
        services.activate_flow(slug=record.slug, seen=self.seen, by=self.by, now=now, **given)


class PauseFlow(_FlowAct):
    """Let a flow not be chosen any more: what a rule would send along it is left to a person; what is on its way goes on."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Pause it."""
        services.pause_flow(slug=record.slug, seen=self.seen, by=self.by, now=now, **given)
