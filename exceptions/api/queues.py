"""What concerns a whole queue: what its exceptions share, the next one, what is overdue; and files, which are no part of a record."""

import base64
import binascii
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
from exceptions import selectors, services
from exceptions.selectors import QueueFilters
from exceptions.selectors.cause_pages import CausePage, cause_page
from exceptions.selectors.groups import Group, group_page
from exceptions.serializers import AttachmentSerializer

MOST_SWEEPS = 20
LONGEST_FILE = 1_000_000  # characters of base64: a request body has a mebibyte


class CauseSerializer(serializers.Serializer[Any]):
    """A cause open exceptions of one type share: how many, the worst deadline and the money at risk, per currency."""

    type = serializers.CharField()
    cause = serializers.CharField()
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


class CauseRecordSerializer(serializers.Serializer[Any]):
    """One cause: of more than a thousand exceptions the most urgent are added up. `changed_before` is the nearest first, and no proof."""

    type = serializers.CharField()
    cause = serializers.CharField()
    count = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    at_risk = serializers.SerializerMethodField()
    owners = HolderSerializer(many=True)
    changed_before = EarlierChangeSerializer(source="changes", many=True)

    def get_at_risk(self, page: CausePage) -> list[dict[str, str]]:
        """As amounts with their currency."""
        return [money(minor, currency) for currency, minor in page.at_risk.items()]


class CausesSerializer(serializers.Serializer[Any]):
    """Shared causes, the most urgent first."""

    causes = CauseSerializer(many=True)


class TakenSerializer(serializers.Serializer[Any]):
    """Which exception was taken; null when none waits."""

    exception = serializers.CharField(source="key", allow_null=True, default=None)


class FiredSerializer(serializers.Serializer[Any]):
    """How many overdue steps were taken."""

    fired = serializers.IntegerField()


class FileInput(Input):
    """A file and its name; what is in it decides what it is."""

    name = serializers.CharField(max_length=250)
    content = serializers.CharField(max_length=LONGEST_FILE, help_text="Base64.")

    def validate_content(self, value: str) -> bytes:
        """The bytes."""
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise serializers.ValidationError("This is not Base64.", code="invalid") from None


class FileSerializer(AttachmentSerializer):
    """A file with what is in it."""

    content = serializers.SerializerMethodField(help_text="Base64.")

    class Meta(AttachmentSerializer.Meta):
        fields = (*AttachmentSerializer.Meta.fields, "content")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    def get_content(self, attachment: Any) -> str:
        """Read from where files are kept."""
        with selectors.opened(attachment) as file:
            return base64.b64encode(file.read()).decode()


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
        page = cause_page(by=self.by, now=clock.now(), type=asked["type"], cause=asked["cause"])
        if page is None:
            raise NotFound("Nothing of this cause is open, or it is not yours to see.")
        return Response(self.get_serializer(page).data)


class TakeNext(DeedResource):
    """Take the most urgent exception of one's own queue that nobody has taken."""

    permission = "exceptions.work_case"
    noun = "exception"
    serializer_class = TakenSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Take it."""
        del given
        return services.take_next(by=self.by, now=now) or {"key": None}


class EscalateOverdue(DeedResource):
    """Have every timer fired that is overdue, as far as one request reaches."""

    permission = "exceptions.fire_timers"
    noun = "timer"
    serializer_class = FiredSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Fire them."""
        del given
        return {"fired": services.escalate_overdue(by=self.by, now=now, most=MOST_SWEEPS)}


class AttachFile(DeedResource):
    """Keep a file with an exception: PDF, picture or plain text."""

    permission = "exceptions.work_case"
    noun = "exception"
    input_class = FileInput
    serializer_class = AttachmentSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Keep it."""
        case = selectors.case_for(self.by, given["key"])
        return services.attach_file(case_id=case.pk, name=given["name"], content=given["content"], by=self.by, now=now)


class FileRecord(Resource):
    """One file on an exception, with what is in it."""

    permission = "exceptions.view_case"
    noun = "file"
    serializer_class = FileSerializer

    def get(self, request: Request, key: str, number: int) -> Response:
        """Read it."""
        del request
        return Response(self.get_serializer(selectors.attachment_for(by=self.by, key=key, number=number)).data)
