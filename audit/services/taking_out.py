"""Who took which list out of the product."""

from datetime import datetime

from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef


def record_export(*, query: str, by: Actor, now: datetime, event: str = "list.exported") -> None:
    """Keep it in the trail; `query` is the list's address."""
    with acting(by, at=now):
        record_many([Entry(event, SubjectRef("audit.actor", by.id), data={"query": query[:500]})])
