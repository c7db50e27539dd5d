"""What an event, a case, a timer or a waiver is about: a reference every app can hold without importing the record's app."""

from dataclasses import dataclass
from uuid import UUID

from django.db import models


@dataclass(frozen=True, order=True)
class SubjectRef:
    """`type` is a model's label ("fulfilment.order"), `id` its primary key as text."""

    type: str
    id: str
    client_id: UUID | None = None


def subject_ref(record: models.Model | SubjectRef) -> SubjectRef:
    """The reference to a record; a client is its own client."""
    if isinstance(record, SubjectRef):
        return record
    label = record._meta.label_lower
    client_id = record.pk if label == "rules.client" else getattr(record, "client_id", None)
    return SubjectRef(label, str(record.pk), client_id)
