"""How quality checks are told to programs, and what programs may say about parcels and products."""

import base64
import binascii
from typing import Any

from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from orders.fulfilment.models import CheckResult, ParcelCheck, Sku
from orders.fulfilment.selectors.checks import opened_photo

LONGEST_PHOTO = 14 * 1024 * 1024


class ResultSerializer(serializers.ModelSerializer[CheckResult]):
    """One time somebody checked; `expected` and `seen` depend on the kind."""

    expected = serializers.DictField()
    seen = serializers.DictField()
    findings = serializers.SerializerMethodField()

    class Meta:
        model = CheckResult
        fields = (
            "number",
            "at",
            "by",
            "by_name",
            "verdict",
            "expected",
            "seen",
            "findings",
            "file_name",
            "content_type",
            "size",
            "sha256",
        )
        read_only_fields = fields

    def get_findings(self, result: CheckResult) -> list[str]:
        """What was not as expected, a sentence each."""
        return [str(one) for one in result.sentences]


class CheckSerializer(serializers.ModelSerializer[ParcelCheck]):
    """A quality check of one fulfilment: what it comes before, where it stands, what to do when it fails, and every result."""

    self = SelfLink("api:check", key="id")
    fulfilment = serializers.CharField(source="fulfilment.key", read_only=True)
    order = serializers.CharField(source="order.key", read_only=True)
    client = serializers.SlugField(source="client.slug", read_only=True)
    owner = serializers.SlugField(source="owner.slug", read_only=True)
    check = serializers.SlugField(source="slug", read_only=True)
    settings = serializers.DictField(read_only=True, help_text="What the rule book said of it.")
    results = ResultSerializer(many=True, read_only=True)

    class Meta:
        model = ParcelCheck
        fields = (
            "self",
            "id",
            "fulfilment",
            "order",
            "client",
            "owner",
            "check",
            "name",
            "kind",
            "point",
            "state",
            "decided_at",
            "ready_at",
            "due_at",
            "passed_on_at",
            "settings",
            "results",
            "version",
        )
        read_only_fields = fields


class PhotoInput(Input):
    """A picture: PNG, JPEG, GIF or WebP, at most 10 MB."""

    name = serializers.CharField(max_length=250)
    content = serializers.CharField(max_length=LONGEST_PHOTO, help_text="Base64.")

    def validate_content(self, value: str) -> bytes:
        """The bytes."""
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise serializers.ValidationError("This is not Base64.", code="invalid") from None


class FoundInput(Input):
    """What was found; which fields count depends on the kind of the check."""

    code = serializers.CharField(
        max_length=200, required=False, help_text="Of sku_lot, scan and label: what was scanned."
    )
    lot = serializers.CharField(max_length=200, required=False, help_text="Of sku_lot, where the code does not say it.")
    quantity = serializers.IntegerField(required=False, help_text="Of scan: how many of it; one unless told.")
    answers = serializers.DictField(
        child=serializers.BooleanField(), required=False, help_text="Of checklist: item → whether it is so."
    )
    weight_grams = serializers.IntegerField(required=False, help_text="Of measure.")
    length_mm = serializers.IntegerField(required=False, help_text="Of measure.")
    width_mm = serializers.IntegerField(required=False, help_text="Of measure.")
    height_mm = serializers.IntegerField(required=False, help_text="Of measure.")
    arrives_on = serializers.CharField(max_length=10, required=False, help_text="Of transit: a day, like 2026-11-25.")
    photo = PhotoInput(required=False)


class PhotoSerializer(serializers.ModelSerializer[CheckResult]):
    """A photo with what is in it."""

    content = serializers.SerializerMethodField(help_text="Base64.")

    class Meta:
        model = CheckResult
        fields = ("number", "at", "by", "file_name", "content_type", "size", "sha256", "content")
        read_only_fields = fields

    def get_content(self, result: CheckResult) -> str:
        """Read from where files are kept."""
        with opened_photo(result) as file:
            return base64.b64encode(file.read()).decode()


class LeavingInput(Input):
    """Who took it, and its number there."""

    carrier = serializers.CharField(max_length=60)
    tracking = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")


class ProductSerializer(serializers.ModelSerializer[Sku]):
    """What is known of a product; null where nobody has said it."""

    self = SelfLink("api:sku-facts", key="id")
    client = serializers.SlugField(source="client.slug", read_only=True)
    barcode = serializers.CharField(source="facts.barcode", read_only=True, default="")
    weight_grams = serializers.IntegerField(source="facts.weight_grams", read_only=True, default=None, allow_null=True)
    length_mm = serializers.IntegerField(source="facts.length_mm", read_only=True, default=None, allow_null=True)
    width_mm = serializers.IntegerField(source="facts.width_mm", read_only=True, default=None, allow_null=True)
    height_mm = serializers.IntegerField(source="facts.height_mm", read_only=True, default=None, allow_null=True)
    told_at = serializers.DateTimeField(source="facts.told_at", read_only=True, default=None, allow_null=True)

    class Meta:
        model = Sku
        fields = (
            "self",
            "client",
            "code",
            "barcode",
            "weight_grams",
            "length_mm",
            "width_mm",
            "height_mm",
            "told_at",
        )
        read_only_fields = fields


class ProductInput(Input):
    """What is known of a product; what is left out is not known any more."""

    barcode = serializers.CharField(max_length=48, required=False, allow_blank=True, default="")
    weight_grams = serializers.IntegerField(min_value=1, required=False, allow_null=True, default=None)
    size_mm = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        max_length=3,
        default=list,
        help_text="Length, width and height of one unit.",
    )


class RateSerializer(serializers.Serializer[Any]):
    """One kind of check."""

    kind = serializers.CharField()
    passed = serializers.IntegerField()
    false = serializers.IntegerField(help_text="Of them, how many came back for what the check should have found.")
    percent = serializers.FloatField()


class FalsePassSerializer(serializers.Serializer[Any]):
    """One parcel that should not have passed."""

    kind = serializers.CharField()
    check = serializers.CharField()
    order = serializers.CharField()
    fulfilment = serializers.CharField(source="parcel")
    reason = serializers.CharField()
    asked_at = serializers.DateTimeField()


class QualityReportSerializer(serializers.Serializer[Any]):
    """How far checks can be trusted, and the newest 50 parcels behind the numbers."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    rates = RateSerializer(many=True)
    found = FalsePassSerializer(many=True)
