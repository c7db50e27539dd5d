"""The trail's one door."""

import pytest
from django.db import DatabaseError, connection, transaction

from audit import chain
from audit.context import Actor
from audit.models import ChainHead, Event
from audit.services.events import Entry, record, record_many
from audit.subject_refs import SubjectRef

SUBJECT = SubjectRef("audit.actor", "1")


def line_of(event: Event) -> str:
    columns = {name: getattr(event, name) for name in chain.COLUMNS if name != "id"}
    return chain.spell(event_id=event.id, **columns)


def test_events_of_one_record_form_one_chain(as_system: Actor) -> None:
    record("access.refused", subject=SUBJECT, what="first")
    record_many([Entry("access.refused", SUBJECT, data={"n": n}) for n in range(3)])

    events = list(Event.objects.filter(subject_id="1").order_by("seq"))
    assert [event.seq for event in events] == [1, 2, 3, 4]
    head = chain.GENESIS
    for event in events:
        head = chain.link(head, chain.digest_of(line_of(event)))
        assert bytes(event.hash) == head
    assert bytes(ChainHead.objects.get(subject_id="1").hash) == head


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET type = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
def test_the_database_refuses_to_change_the_trail(as_system: Actor, statement: str) -> None:
    record("access.refused", subject=SUBJECT)
    with pytest.raises(DatabaseError, match="audit_event refuses"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Event.objects.count() == 1


def test_an_event_without_an_actor_is_a_programming_error(db: None) -> None:
    with pytest.raises(LookupError, match="Nobody is acting"):
        record("access.refused", subject=SUBJECT)


def test_an_unregistered_type_and_a_personal_key_are_refused(as_system: Actor) -> None:
    with pytest.raises(ValueError, match="has no sentence"):
        record("nothing.known", subject=SUBJECT)
    with pytest.raises(ValueError, match="personal data"):
        record("access.refused", subject=SUBJECT, email="a@example.org")
