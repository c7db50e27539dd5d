"""Kinds of content: who decides about them, until when each step is done, what is signed, and what has to follow."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.models import Accountable
from rules.models.calendars import Sla
from rules.models.flows import Flow
from rules.models.owners import Owner


class AssetKind(Accountable):
    """What every piece of content of one kind has to pass, and what has to follow when it is published.

    JSON shapes: checklist ["…"], outcomes as `rules.asset_kinds` says.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    flow = models.ForeignKey(
        Flow, on_delete=models.PROTECT, related_name="asset_kinds", help_text="What follows when it is published"
    )
    decider = models.ForeignKey(
        Owner,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="asset_kinds",
        help_text="Who decides when sales needs different messaging; empty: the content owner of the asset",
    )
    draft_sla = models.ForeignKey(
        Sla, on_delete=models.PROTECT, related_name="+", help_text="Until when a draft is given to review"
    )
    review_sla = models.ForeignKey(
        Sla, on_delete=models.PROTECT, related_name="+", help_text="Until when the content owner has reviewed it"
    )
    publish_sla = models.ForeignKey(
        Sla, on_delete=models.PROTECT, related_name="+", help_text="Until when what is approved is published"
    )
    revise_sla = models.ForeignKey(
        Sla, on_delete=models.PROTECT, related_name="+", help_text="Until when a revision that was asked for is there"
    )
    checklist = models.JSONField(
        default=list, help_text="What has to be signed before it is approved: [“Facts checked”]"
    )
    client_agrees = models.BooleanField(
        default=False, db_default=False, help_text="The client's own people agree before it is approved, by signed link"
    )
    outcomes = models.JSONField(
        default=list,
        help_text="What has to be seen after it is published, and until when: "
        "[{“name”: “CRM tags”, “event_type”: “crm.tagged”, “sla”: “crm-tag”}]",
    )
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(checklist=[]), name="assetkind_is_signed_by_somebody"),
            models.CheckConstraint(condition=~Q(outcomes=[]), name="assetkind_leads_to_something"),
        ]

    def __str__(self) -> str:
        return self.name
