"""What concerns a whole queue: the next exception, what is overdue; and files, which are no part of a record."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.parsing import Input, ReasonInput
from audit.rest.views import DeedResource, Resource
from exceptions import selectors, services
from exceptions.selectors.evidence import files_of
from exceptions.serializers import AttachmentSerializer

MOST_SWEEPS = 20
LONGEST_FILE = 1_000_000  # characters of base64: a request body has a mebibyte


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
    criterion = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1_000,
        help_text="Which acceptance criterion it is evidence of, counted from one.",
    )

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
        file = {name: given[name] for name in ("name", "content")}
        return services.attach_file(case_id=case.pk, **file, criterion=given.get("criterion"), by=self.by, now=now)


class WithdrawFile(DeedResource):
    """Say that a file was the wrong one: nobody is shown what is in it any more."""

    permission = "exceptions.work_case"
    noun = "file"
    input_class = ReasonInput
    serializer_class = AttachmentSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Withdraw it."""
        case = selectors.case_for(self.by, given["key"])
        services.withdraw_file(case_id=case.pk, number=given["number"], reason=given["reason"], by=self.by, now=now)
        return files_of(case)[given["number"] - 1]


class FileRecord(Resource):
    """One file on an exception, with what is in it."""

    permission = "exceptions.view_case"
    noun = "file"
    serializer_class = FileSerializer

    def get(self, request: Request, key: str, number: int) -> Response:
        """Read it."""
        del request
        return Response(self.get_serializer(selectors.attachment_for(by=self.by, key=key, number=number)).data)
