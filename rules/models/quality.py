"""What parcels are checked for before they are picked, labelled and handed over."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from audit.models import Accountable
from rules.models.clients import Client, ProductLine
from rules.models.owners import Owner
from rules.states import CheckKind, PhotoRule


class QualityCheck(Accountable):
    """A check that parcels have to pass before their next step, unless a time-limited exception covers it.

    One of a client stands instead of the house's of the same kind for that client's parcels, one of a brand or product line instead of
    the client's: what is said more closely counts.

    JSON shapes: items ["…"], cartons [[mm, mm, mm]], returns_say ["…"].
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    why = models.TextField(help_text="What would go wrong without this check")
    kind = models.CharField(max_length=12, choices=CheckKind)
    position = models.PositiveIntegerField(default=10, help_text="Checks before the same step are done in this order")
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, blank=True, related_name="quality_checks", help_text="Empty: any"
    )
    line = models.ForeignKey(
        ProductLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="quality_checks",
        help_text="One brand or product line of the client; empty: all of it",
    )
    predicate = models.TextField(
        blank=True, help_text="A CEL expression over the parcel: which parcels are checked. Empty: every parcel"
    )
    photo = models.CharField(max_length=10, choices=PhotoRule, default=PhotoRule.OPTIONAL)
    items = models.JSONField(default=list, blank=True, help_text="Of a checklist: what has to be so")
    tolerance_percent = models.PositiveSmallIntegerField(
        default=5, validators=[MaxValueValidator(100)], help_text="Of weight and size: so much more or less is fine"
    )
    packaging_grams = models.PositiveIntegerField(
        default=0, help_text="Of weight: what box and filling weigh beside the products"
    )
    cartons = models.JSONField(
        default=list, blank=True, help_text="Of size: the boxes there are, [[400, 300, 200]] in mm"
    )
    facts_max_age_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of product and lot: what is known of a product is not older than this"
    )
    label_pattern = models.CharField(
        max_length=200, blank=True, help_text="Of labels: a regular expression that the whole number has to fit"
    )
    late_by_days = models.PositiveSmallIntegerField(
        default=0, help_text="Of delivery dates: so many days after the promise are fine"
    )
    within_minutes = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(10_080)],
        help_text=(
            "So long before the parcel is due somebody has to have looked, but at least so long after they could: "
            "then it goes to who stands in, and as long after that an exception opens"
        ),
    )
    returns_say = models.JSONField(
        default=list,
        blank=True,
        help_text="What returns say when this check should not have been passed: [“wrong item”]",
    )
    remediation = models.TextField(help_text="What to do when it fails, for the person who holds the parcel")
    owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="quality_checks", help_text="Who gets it when it fails"
    )
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=CheckKind.values), name="qualitycheck_kind_is_known"),
            models.CheckConstraint(condition=Q(photo__in=PhotoRule.values), name="qualitycheck_photo_is_known"),
            models.CheckConstraint(condition=Q(tolerance_percent__lte=100), name="qualitycheck_tolerance_is_a_part"),
            models.CheckConstraint(condition=Q(within_minutes__gte=1), name="qualitycheck_leaves_time"),
            models.CheckConstraint(
                condition=Q(line__isnull=True) | Q(client__isnull=False),
                name="qualitycheck_of_a_line_is_of_its_client",
            ),
            models.CheckConstraint(condition=~Q(remediation=""), name="qualitycheck_says_what_to_do"),
            models.CheckConstraint(
                condition=~Q(kind=CheckKind.CHECKLIST) | ~Q(items=[]), name="qualitycheck_list_names_something"
            ),
        ]

    def __str__(self) -> str:
        return self.name
