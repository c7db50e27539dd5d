"""How postmortems are told to programs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from exceptions.models import Postmortem, PostmortemAction


class PostmortemActionSerializer(serializers.ModelSerializer[PostmortemAction]):
    """Who does what by when, and what came of it."""

    owner = serializers.SlugField(source="owner.slug")

    class Meta:
        model = PostmortemAction
        fields = ("number", "text", "owner", "due_on", "state", "comment", "ended_at", "ended_by")
        read_only_fields = fields


class PostmortemSerializer(serializers.ModelSerializer[Postmortem]):
    """A postmortem without its texts."""

    self = SelfLink("api:postmortem", key="key")
    key = serializers.CharField(help_text="PM-7")
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)
    owner = serializers.SlugField(source="owner.slug")

    class Meta:
        model = Postmortem
        fields: tuple[str, ...] = (
            *("self", "key", "client", "reason", "type", "cause", "state", "title", "owner", "since", "until"),
            *("drafted_at", "ended_at", "version"),
        )
        read_only_fields: tuple[str, ...] = fields


class WholePostmortemSerializer(PostmortemSerializer):
    """A postmortem with what happened, why, the timeline from the trail, and its actions. Texts are Markdown."""

    exceptions = serializers.SerializerMethodField()
    actions = PostmortemActionSerializer(many=True)

    class Meta(PostmortemSerializer.Meta):
        fields = (
            *PostmortemSerializer.Meta.fields,
            "figures",
            "summary",
            "causes",
            "timeline",
            "exceptions",
            "actions",
        )
        read_only_fields = fields

    @extend_schema_field(
        serializers.ListField(child=serializers.CharField(), help_text="The keys of what it is about.")
    )
    def get_exceptions(self, postmortem: Any) -> list[str]:
        """The keys."""
        return [row.case.key for row in postmortem.cases.all()]


class AboutInput(Input):
    """About which exception."""

    exception = serializers.CharField(max_length=40, help_text="EX-20418")


class TextsInput(Input):
    """Both texts, in Markdown."""

    summary = serializers.CharField(max_length=20_000, allow_blank=True, help_text="What happened and whom it hurt.")
    causes = serializers.CharField(max_length=20_000, allow_blank=True, help_text="Why it could happen.")


class NotNeededInput(Input):
    """Why there is nothing to learn from it."""

    comment = serializers.CharField(max_length=280)


class ActionInput(Input):
    """Who does what by which day."""

    text = serializers.CharField(max_length=280)
    owner = serializers.SlugField(max_length=50, help_text="Slug of an owner.")
    due_on = serializers.DateField()


class EndActionInput(Input):
    """What came of it; dropped says why."""

    dropped = serializers.BooleanField(default=False)
    comment = serializers.CharField(max_length=280, allow_blank=True, default="")


class DocumentFixInput(Input):
    """What was learned, as what a runbook says from now on (its slug and the version in force), or as a new one (title and owner)."""

    runbook = serializers.SlugField(max_length=50, allow_blank=True, default="")
    base = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    title = serializers.CharField(max_length=120, allow_blank=True, default="")
    owner = serializers.SlugField(max_length=50, allow_blank=True, default="")
    body = serializers.CharField(max_length=20_000, help_text="Markdown, the whole text.")
    covers = serializers.ListField(child=serializers.CharField(max_length=200), max_length=60)
    note = serializers.CharField(max_length=280)
