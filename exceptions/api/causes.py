"""What exceptions share, and what people make of that."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from audit.errors import NotFound
from audit.rest.fields import money
from audit.rest.parsing import Input
from audit.rest.views import DeedResource, Resource
from audit.texts import LONGEST_REASON
from exceptions import selectors, services
from exceptions.api.cases import number_in
from exceptions.models import SharedCause
from exceptions.selectors import QueueFilters
from exceptions.selectors.cause_pages import CausePage, cause_page
from exceptions.selectors.groups import Group, group_page
from exceptions.selectors.shared_causes import MANAGE
from exceptions.serializers import WaiverSerializer
from exceptions.services.causes import LONGEST_NAME

LONGEST_CAUSE = 200
MOST_SPLIT = 500


class CauseSerializer(serializers.Serializer[Any]):
    """A cause open exceptions of one type share: how many, the worst deadline and the money at risk, per currency."""

    type = serializers.CharField()
    cause = serializers.CharField()
    name = serializers.CharField(allow_blank=True, help_text="How people call it; empty: as its text reads.")
    count = serializers.IntegerField(help_text=f"At most {selectors.MOST_COUNTED:,} are counted.")
    due_at = serializers.DateTimeField()
    at_risk = serializers.SerializerMethodField()

    def get_at_risk(self, group: Group) -> list[dict[str, str]]:
        """As amounts with their currency."""
        return [money(minor, currency) for currency, minor in sorted(group.at_risk.items())]


class EarlierChangeSerializer(serializers.Serializer[Any]):
    """Something that changed within the week before a cause was first seen."""

    at = serializers.DateTimeField()
    who = serializers.CharField()
    did = serializers.CharField(source="sentence")
    what = serializers.CharField(help_text="The version, flow or time-limited exception.")
    reason = serializers.CharField()


class HolderSerializer(serializers.Serializer[Any]):
    """Who has exceptions of a cause, and how many."""

    name = serializers.CharField()
    count = serializers.IntegerField()


class AgreedSerializer(serializers.Serializer[Any]):
    """What most exceptions of a cause have in common, and how many of them."""

    name = serializers.CharField()
    value = serializers.CharField()
    count = serializers.IntegerField()


class CauseRecordSerializer(serializers.Serializer[Any]):
    """One cause: of more than a thousand exceptions the most urgent are added up. `changed_before` is the nearest first, and no proof.

    `key` and `version` are there once somebody has acted on it.
    """

    key = serializers.CharField(source="record.key", allow_null=True, default=None)
    version = serializers.IntegerField(source="record.version", allow_null=True, default=None)
    type = serializers.CharField()
    cause = serializers.CharField()
    name = serializers.CharField(allow_blank=True, help_text="How people call it; empty: as its text reads.")
    count = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    at_risk = serializers.SerializerMethodField()
    owners = HolderSerializer(many=True)
    in_common = AgreedSerializer(source="agreed", many=True)
    changed_before = EarlierChangeSerializer(source="changes", many=True)

    def get_at_risk(self, page: CausePage) -> list[dict[str, str]]:
        """As amounts with their currency."""
        return [money(minor, currency) for currency, minor in page.at_risk.items()]


class CausesSerializer(serializers.Serializer[Any]):
    """Shared causes, the most urgent first."""

    causes = CauseSerializer(many=True)


class KeptCauseSerializer(serializers.ModelSerializer[SharedCause]):
    """What people made of a cause."""

    cause = serializers.CharField(source="text")
    name = serializers.CharField(source="title")

    class Meta:
        model = SharedCause
        fields = ("key", "type", "cause", "name", "version")
        read_only_fields = fields


class RegroupedSerializer(serializers.Serializer[Any]):
    """The cause, the one its exceptions go to, and the job that moves them: null where there was nothing to move."""

    cause = KeptCauseSerializer()
    into = KeptCauseSerializer()
    job = serializers.CharField(source="job.key", allow_null=True, default=None)


class CauseInput(Input):
    """Which cause, as `GET /causes` tells it."""

    type = serializers.SlugField(max_length=50)
    cause = serializers.CharField(max_length=LONGEST_CAUSE)


class RenameCauseInput(CauseInput):
    """The name, empty for as the sources tell it; `seen` is the version it is based on, where it has one."""

    name = serializers.CharField(max_length=LONGEST_NAME, allow_blank=True)
    seen = serializers.IntegerField(required=False, min_value=1)


class MergeCauseInput(CauseInput):
    """Into which other cause of the same type, and why."""

    into = serializers.CharField(max_length=LONGEST_CAUSE)
    reason = serializers.CharField(max_length=LONGEST_REASON)


class SplitCauseInput(Input):
    """Which exceptions, what their own cause is called, and why."""

    exceptions = serializers.ListField(child=serializers.CharField(max_length=20), min_length=1, max_length=MOST_SPLIT)
    name = serializers.CharField(max_length=LONGEST_NAME)
    reason = serializers.CharField(max_length=LONGEST_REASON)


class MuteCauseInput(CauseInput):
    """For how long, why, what is done until then, who answers for it; `answer_by` as for any time-limited exception."""

    reason = serializers.CharField(max_length=2_000)
    plan = serializers.CharField(max_length=2_000)
    minutes = serializers.IntegerField(min_value=1, max_value=43_200)
    owner = serializers.SlugField(help_text="Slug of who answers for it meanwhile.")
    answer_by = serializers.DateTimeField(required=False)


class Causes(Resource):
    """What several of the most urgent open exceptions share; `GET /exceptions?cause=…` lists them."""

    permission = "exceptions.view_case"
    noun = "cause"
    serializer_class = CausesSerializer

    def get(self, request: Request) -> Response:
        """Those of all teams' queues."""
        del request
        page = group_page(by=self.by, filters=QueueFilters(scope="team"), now=clock.now())
        return Response(self.get_serializer({"causes": [group for group in page.groups if group.cause]}).data)


class Cause(Resource):
    """One cause that open exceptions of a type share: how many, since when, who has them, and what changed shortly before."""

    permission = "exceptions.view_case"
    noun = "cause"
    serializer_class = CauseRecordSerializer
    asks: ClassVar[dict[str, str]] = {
        "type": "The type of exception, as `GET /causes` tells it.",
        "cause": "What they share, as `GET /causes` tells it.",
    }

    def get(self, request: Request) -> Response:
        """Look at it."""
        asked = {name: request.query_params.get(name, "") for name in self.asks}
        page = cause_page(by=self.by, type=asked["type"], cause=asked["cause"])
        if page is None:
            raise NotFound("Nothing of this cause is open, or it is not yours to see.")
        return Response(self.get_serializer(page).data)


class RenameCause(DeedResource):
    """Give a cause the name by which it is shown wherever it is."""

    permission = MANAGE
    noun = "cause"
    input_class = RenameCauseInput
    serializer_class = KeptCauseSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Name it."""
        return services.rename_cause(**given, by=self.by, now=now)


class MergeCause(DeedResource):
    """Make one cause of two: what is open of it moves, by a job where it is much, and what is told of it from now on opens there."""

    permission = MANAGE
    noun = "cause"
    input_class = MergeCauseInput
    serializer_class = RegroupedSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Merge it."""
        return services.merge_cause(**given, by=self.by, now=now)


class SplitCause(DeedResource):
    """Make a cause of its own of some exceptions of one; what is told from now on goes on to open under the old one."""

    permission = MANAGE
    noun = "cause"
    input_class = SplitCauseInput
    serializer_class = RegroupedSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Split them off."""
        numbers = [number_in(key) for key in given["exceptions"]]
        return services.split_cause(numbers=numbers, name=given["name"], reason=given["reason"], by=self.by, now=now)


class PartCause(DeedResource):
    """End the merging of a cause: what is told of it opens under it again; what was moved stays."""

    permission = MANAGE
    noun = "cause"
    input_class = CauseInput
    serializer_class = KeptCauseSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Part it."""
        return services.part_cause(**given, by=self.by, now=now)


class MuteCause(DeedResource):
    """Ask that nobody is told of what opens under a cause for a while; somebody else decides, and it ends by itself."""

    permission = MANAGE
    noun = "cause"
    input_class = MuteCauseInput
    serializer_class = WaiverSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Ask for it."""
        return services.mute_cause(**given, by=self.by, now=now)
