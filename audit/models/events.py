"""The trail: append-only events in one hash chain per record, sealed in batches.

Four rules keep these tables honest and cheap. Rows are only ever inserted, by `audit.services.events` alone. A chain's head is one row,
locked by the very statement that extends it, so a chain cannot fork. Nothing here holds personal data. Sealing happens outside the
writer's transaction, over what lies below the transaction horizon.
"""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Func

from audit.identifiers import uuid7
from audit.triggers import APPEND_ONLY, REFUSE_DELETE, REFUSE_TRUNCATE


class CurrentTransaction(Func):
    """The 64-bit id of the top-level transaction; it never wraps within a cluster."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()


class ChainHead(models.Model):
    """The end of one record's chain: how many events, the last digest and the hash over all of them."""

    pk = models.CompositePrimaryKey("subject_type", "subject_id")
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    seq = models.BigIntegerField()
    digest = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [REFUSE_DELETE, REFUSE_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.subject_type} {self.subject_id}, {self.seq} events"


class Event(models.Model):
    """One thing that happened to one record: who, what, when, why, before → after.

    `body` is canonical JSON text with `data`, `changes`, `reason`, and `words` where the product said why: what the reader's language
    needs beside the English text. The chain is over the columns in `audit.chain.COLUMNS`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    type = models.CharField(max_length=80)
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    client_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=160)
    channel = models.CharField(max_length=20)
    request_id = models.CharField(max_length=80, blank=True)
    body = models.TextField()
    seq = models.BigIntegerField()
    hash = models.BinaryField()
    transaction = models.BigIntegerField(db_default=CurrentTransaction())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["subject_type", "subject_id", "seq"], name="event_one_per_place_in_chain"),
            models.CheckConstraint(condition=~models.Q(actor=""), name="event_has_an_actor"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["transaction", "id"], name="event_in_sealing_order"),
            models.Index(fields=["client_id", "-at", "-id"], name="event_of_client_by_time"),
            models.Index(fields=["actor", "-at", "-id"], name="event_of_actor_by_time"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.type} on {self.subject_type} {self.subject_id}"


class Seal(models.Model):
    """A signed statement over every event since the previous seal: their Merkle root and the seal before it.

    Covers events ordered by (transaction, id) after the previous seal's end up to (`last_transaction`, `last_event`).
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    sealed_at = models.DateTimeField()
    event_count = models.PositiveBigIntegerField()
    total_count = models.PositiveBigIntegerField()
    last_transaction = models.BigIntegerField()
    last_event = models.UUIDField()
    root = models.BinaryField()
    previous = models.BinaryField()
    statement = models.TextField(help_text="The signed statement, a compact JWS.")

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY

    def __str__(self) -> str:
        return f"seal {self.number}"

    def content(self) -> dict[str, Any]:
        """What the signed statement says of this row."""
        return {
            "seal": self.number,
            "sealed_at": self.sealed_at,
            "events": self.event_count,
            "total": self.total_count,
            "last_transaction": str(self.last_transaction),
            "last_event": str(self.last_event),
            "root": bytes(self.root).hex(),
            "previous": bytes(self.previous).hex(),
        }
