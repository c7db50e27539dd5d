"""How clients, what they lack and what is set up for them are told to programs, and what programs tell."""

from typing import Any

from rest_framework import serializers

from audit.rest.parsing import Input
from rules.states import LineKind


class TemplateSerializer(serializers.Serializer[Any]):
    """What a client can be set up from."""

    key = serializers.CharField(help_text="As `template` of a set-up: shipped:…, or client:… for one there is.")
    name = serializers.CharField()
    about = serializers.CharField()
    version = serializers.IntegerField()


class TemplatesSerializer(serializers.Serializer[Any]):
    """All of them."""

    results = TemplateSerializer(many=True)


class NeedSerializer(serializers.Serializer[Any]):
    """Something an order needs."""

    need = serializers.CharField(source="slug")
    title = serializers.CharField()
    is_met = serializers.BooleanField()
    words = serializers.CharField()
    url = serializers.CharField(help_text="The page where it is seen to.")


class ReadinessSerializer(serializers.Serializer[Any]):
    """Whether orders of a client can come, go out and arrive, and what is missing."""

    client = serializers.SlugField(source="client.slug")
    is_ready = serializers.BooleanField()
    needs = NeedSerializer(many=True)


class ReportRowSerializer(serializers.Serializer[Any]):
    """What is counted of one thing."""

    of = serializers.CharField(
        source="slug", help_text="A state, a kind of exception, a gate, a kind of check; all for the sum."
    )
    values = serializers.DictField(
        child=serializers.FloatField(allow_null=True), help_text="By the name of the figure."
    )


class ReportTableSerializer(serializers.Serializer[Any]):
    """One part of a report."""

    table = serializers.CharField(source="slug")
    rows = ReportRowSerializer(many=True, source="told")


class ReportSerializer(serializers.Serializer[Any]):
    """What a client is told of some days, both of them counted."""

    client = serializers.SlugField(source="client.slug")
    since = serializers.DateField()
    until = serializers.DateField()
    at = serializers.DateTimeField(help_text="As it was known then.")
    tables = ReportTableSerializer(many=True)


class SecretSerializer(serializers.Serializer[Any]):
    """A secret shared with a system, shown this once."""

    system = serializers.SlugField(source="system.slug")
    kind = serializers.CharField()
    secret = serializers.CharField(source="text")


class SetUpSerializer(serializers.Serializer[Any]):
    """What a set-up makes, or would make."""

    client = serializers.SlugField()
    plan = serializers.CharField(help_text="Send it with the same body to make exactly this, or be refused.")
    is_made = serializers.BooleanField(help_text="False for a dry run.")
    is_in_force = serializers.BooleanField(help_text="False where it waits for the next rule book with other edits.")
    makes = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    secrets = SecretSerializer(many=True, allow_null=True)


class _SetUpInput(Input):
    slug = serializers.CharField(max_length=30, help_text="Small letters, digits and hyphens. It stays as it is.")
    name = serializers.CharField(max_length=100)
    reason = serializers.CharField(max_length=280)
    plan = serializers.CharField(max_length=64, required=False, help_text="Of the dry run whose answer is meant.")
    dry_run = serializers.BooleanField(default=False, help_text="Say what it would make, and make nothing.")


class ClientSetUpInput(_SetUpInput):
    """A new client; what it consists of beside this comes from the template."""

    template = serializers.CharField(max_length=80)
    key_prefix = serializers.CharField(max_length=6, help_text="Two to six capital letters.")
    currency = serializers.CharField(max_length=3)
    time_zone = serializers.CharField(max_length=64)
    country = serializers.CharField(max_length=2, default="", allow_blank=True)
    calendar = serializers.CharField(
        max_length=50, default="", allow_blank=True, help_text="One there is; empty for its own."
    )
    backup = serializers.CharField(max_length=50, default="client-success", help_text="Who stands in for the team.")
    people = serializers.ListField(child=serializers.CharField(max_length=150), max_length=200)
    lead = serializers.CharField(max_length=150, default="", allow_blank=True)
    addresses = serializers.DictField(
        child=serializers.URLField(max_length=200),
        default=dict,
        help_text="Where systems of the template are sent messages, by the end of their name: warehouse.",
    )

    checks = serializers.ListField(
        child=serializers.CharField(max_length=50),
        default=None,
        allow_null=True,
        max_length=50,
        help_text="Quality checks of the template by the end of their name; left out, its usual ones.",
    )


class LineSetUpInput(_SetUpInput):
    """A brand or product line: which orders are of it, and who owns them."""

    kind = serializers.ChoiceField(choices=LineKind.values)
    owner = serializers.CharField(max_length=50)
    fallback = serializers.CharField(max_length=50)
    flow = serializers.CharField(max_length=50)
    sla = serializers.CharField(max_length=50)
    prefixes = serializers.ListField(child=serializers.CharField(max_length=80), default=list, max_length=50)
    channels = serializers.ListField(child=serializers.CharField(max_length=80), default=list, max_length=50)
    fallback_after_minutes = serializers.IntegerField(default=120, min_value=1, max_value=2**31 - 1)
