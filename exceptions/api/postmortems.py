"""Postmortems: lists and records."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from audit import filtering
from audit.filtering import FilterSet
from audit.rest.views import ActResource, CreateMixin, ListResource, RecordResource, Resource
from exceptions import selectors, services
from exceptions.selectors.postmortems import action_of, postmortem_number, whole_postmortems
from exceptions.serializers.postmortems import (
    AboutInput,
    ActionInput,
    EndActionInput,
    NotNeededInput,
    PostmortemSerializer,
    TextsInput,
    WholePostmortemSerializer,
)
from exceptions.states import PostmortemReason, PostmortemState
from rules import selectors as rules
from rules.selectors import registry


class _Postmortems(Resource):
    permission = "exceptions.view_case"
    noun = "postmortem"
    serializer_class: Any = PostmortemSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.visible_postmortems(self.by)

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """By the number in the key."""
        return {"number": postmortem_number(key)}


class PostmortemList(_Postmortems, CreateMixin, ListResource):
    """Postmortems, the newest first; beginning one about an exception, or finding the one there is."""

    input_class = AboutInput

    filters = FilterSet(
        filters=(
            filtering.choice("state", "state", PostmortemState.values),
            filtering.choice("reason", "reason", PostmortemReason.values),
            filtering.record_kind("type", "type", registry.exception_types),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.moment("drafted", "drafted_at"),
        ),
        sorts={"-drafted": ("-drafted_at", "-pk"), "drafted": ("drafted_at", "pk")},
    )

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Begin it."""
        case = selectors.case_for(self.by, given["exception"])
        return services.draft_postmortem(case_id=case.pk, by=self.by, now=now)


class _WholePostmortems(_Postmortems):
    serializer_class = WholePostmortemSerializer

    def records(self) -> QuerySet[Any]:
        """With what it is about and what was agreed."""
        return whole_postmortems(self.by)


class PostmortemRecord(_WholePostmortems, RecordResource):
    """One postmortem with its timeline and its actions."""

    is_whole = False


class WritePostmortem(_WholePostmortems, ActResource):
    """Write what happened and why it could; while it is a draft."""

    input_class = TextsInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Write it."""
        services.edit_postmortem(postmortem_id=record.pk, **given, seen=self.seen, by=self.by, now=now)


class PublishPostmortem(_WholePostmortems, ActResource):
    """Freeze it; from now on neither texts nor timeline change."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Publish it."""
        services.publish_postmortem(postmortem_id=record.pk, **given, by=self.by, now=now)


class DismissPostmortem(_WholePostmortems, ActResource):
    """Say that none is needed, and why."""

    input_class = NotNeededInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Put it away."""
        services.dismiss_postmortem(postmortem_id=record.pk, **given, by=self.by, now=now)


class AddAction(_WholePostmortems, ActResource):
    """Agree who does what by which day; they are told."""

    input_class = ActionInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Agree on it."""
        services.add_action(postmortem_id=record.pk, **given, by=self.by, now=now)


class EndAction(_WholePostmortems, ActResource):
    """Say that an action is done or dropped; its owner does, or an ops lead."""

    input_class = EndActionInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Keep what came of it."""
        action = action_of(record, given["number"])
        services.end_action(
            action_id=action.pk, dropped=given["dropped"], comment=given["comment"], by=self.by, now=now
        )
