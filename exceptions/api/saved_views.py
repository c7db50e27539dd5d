"""Views people keep of the lists: saved, shared, changed, deleted, and which one is seen first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from audit import filtering
from audit.filtering import FilterSet
from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from audit.rest.views import ActResource, CreateMixin, DeedResource, ListResource, RecordResource, Resource
from exceptions import list_pages, services
from exceptions.models import SavedView
from exceptions.selectors.saved_views import views_for


class ViewSerializer(serializers.ModelSerializer[SavedView]):
    """A view: a list, and the query string that was kept of it."""

    self = SelfLink("api:view", key="number")
    owner = serializers.CharField(source="user.display_name", help_text="Who saved it.")
    team = serializers.SlugField(source="team.slug", allow_null=True, default=None, help_text="Who sees it too.")
    is_first = serializers.BooleanField(help_text="Whether the asker sees it first on its list.")

    class Meta:
        model = SavedView
        fields = ("self", "number", "page", "title", "query", "owner", "team", "is_first", "version")
        read_only_fields = fields


class ViewInput(Input):
    """What is kept, of which list, under which name, for whom."""

    page = serializers.SlugField(max_length=40, help_text="The list: mine, team, unowned or orders.")
    title = serializers.CharField(max_length=60)
    query = serializers.CharField(
        max_length=list_pages.LONGEST_QUERY,
        allow_blank=True,
        help_text="As in the address of the list: `type=address&due=overdue`.",
    )
    team = serializers.CharField(
        max_length=50, required=False, help_text="Slug of a team of one's own to share it with."
    )


class ChangeViewInput(Input):
    """The name, and the team it is shared with: none where it is empty."""

    title = serializers.CharField(max_length=60)
    team = serializers.CharField(max_length=50, allow_blank=True, default="")


class QueryInput(Input):
    """What it shows from now on."""

    query = serializers.CharField(max_length=list_pages.LONGEST_QUERY, allow_blank=True)


class FirstViewInput(Input):
    """Which view is seen first on a list; the whole list where none is given."""

    page = serializers.SlugField(max_length=40)
    view = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True)


class FirstViewSerializer(serializers.Serializer[Any]):
    """What is seen first."""

    page = serializers.CharField()
    view = serializers.IntegerField(source="view.number", allow_null=True, default=None)


class _Views(Resource):
    permission = "exceptions.view_case"
    noun = "view"
    key_field = "number"
    serializer_class: Any = ViewSerializer

    def records(self) -> QuerySet[Any]:
        """The asker's own and what is shared with the asker."""
        return views_for(self.by)


class ViewList(_Views, CreateMixin, ListResource):
    """Views of lists: the asker's own, and what the asker's teams share."""

    filters = FilterSet(
        filters=(filtering.exact("page", "page"), filtering.exact("team", "team__slug")),
        sorts={"title": ("title", "pk"), "-title": ("-title", "-pk")},
    )
    input_class = ViewInput

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Keep it."""
        saved = services.save_view(**given, by=self.by, now=now)
        return self.find(saved.number)


class ViewRecord(_Views, RecordResource):
    """One view."""

    is_whole = False


class _ViewAct(_Views, ActResource):
    tells_who_was_faster = False


class ChangeView(_ViewAct):
    """Give a view another name, or share it with another team or none."""

    input_class = ChangeViewInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Change it."""
        services.change_view(number=record.number, seen=self.seen, by=self.by, now=now, **given)


class ChangeViewQuery(_ViewAct):
    """Let a view show something else."""

    input_class = QueryInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Change what it shows."""
        services.change_view_query(number=record.number, seen=self.seen, by=self.by, now=now, **given)


class DeleteView(_ViewAct):
    """Take a view away from everybody who sees it; the trail stays."""

    is_last = True

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Delete it."""
        services.delete_view(number=record.number, seen=self.seen, by=self.by, now=now, **given)


class FirstView(DeedResource):
    """Choose which view of a list is seen first, or the whole list."""

    permission = "exceptions.view_case"
    noun = "view"
    input_class = FirstViewInput
    serializer_class = FirstViewSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Choose it."""
        return services.set_default_view(page=given["page"], number=given.get("view"), by=self.by, now=now)
