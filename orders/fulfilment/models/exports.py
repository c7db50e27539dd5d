"""Orders as other systems are told of them, and who has read them."""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Func

from audit.canonical import canonical_json, sha256_hex
from audit.models import Accountable
from audit.models.events import CurrentTransaction
from audit.triggers import APPEND_ONLY
from orders.fulfilment.models.orders import Order


class NextExport(Func):
    """The next number of an export."""

    template = "nextval('fulfilment_export_number')"
    output_field = models.BigIntegerField()


class Export(Accountable):
    """The ownership-friendly export of a routed order: the document, fixed when its facts changed last, and its audit token.

    Those who follow all orders read exports in the order of (`transaction`, `number`): transactions that are still open may yet add some,
    so they read only what comes before the oldest of these, and nothing is ever added behind what they have read. An order is locked
    while it is exported, so of several exports of one order the highest number is the newest, in whichever order they are read.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="exports")
    facts_hash = models.CharField(max_length=64, help_text="SHA-256 of the document without its token and time")
    document = models.JSONField()
    number = models.BigIntegerField(unique=True, db_default=NextExport(), editable=False)
    transaction = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["order", "facts_hash"], name="export_same_facts_same_document"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["transaction", "number"], name="export_in_order_of_the_feed"),
        ]

    def __str__(self) -> str:
        return f"Export of {self.order_id}"

    @property
    def text(self) -> str:
        """The document in its one spelling: the same bytes whoever asks, whenever, and by whichever way."""
        return canonical_json(self.document)

    @property
    def mark(self) -> str:
        """What tells it from other exports of its order in the keys of messages."""
        return self.facts_hash[:16]

    @property
    def sha256(self) -> str:
        """SHA-256 of `text`, in hexadecimal."""
        return sha256_hex(self.text)


class ExportReading(models.Model):
    """That somebody has read an export, and when for the first time. Rows are only added."""

    export = models.ForeignKey(Export, on_delete=models.PROTECT, related_name="readings")
    reader = models.CharField(max_length=160, help_text="The actor, such as token:ab12cd34")
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["export", "reader"], name="exportreading_once_per_reader"),
        ]

    def __str__(self) -> str:
        return f"{self.reader} read {self.export_id}"


class FeedPlace(models.Model):
    """How far in the feed a follower is: behind the last export that any of its API tokens was given, or said to have."""

    reader = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    transaction = models.BigIntegerField()
    number = models.BigIntegerField()
    at = models.DateTimeField(help_text="When it got there.")

    def __str__(self) -> str:
        return f"{self.reader_id} at {self.transaction}.{self.number}"
