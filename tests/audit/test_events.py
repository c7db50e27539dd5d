"""The trail's one door."""

import json

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


AWKWARD = ['say "so"', "back\\slash", "a,b{c}", "NULL", "", "line\nbreak", "Zoë 🚚", "it's"]


def test_whatever_a_text_contains_it_is_kept_and_chained(as_system: Actor) -> None:
    record_many([Entry("access.refused", SubjectRef("audit.actor", text), reason=text) for text in AWKWARD])

    events = list(Event.objects.order_by("id"))
    assert [event.subject_id for event in events] == AWKWARD
    assert [json.loads(event.body)["reason"] for event in events] == AWKWARD
    for event in events:
        assert bytes(event.hash) == chain.link(chain.GENESIS, chain.digest_of(line_of(event)))


def test_what_postgresql_cannot_store_is_refused_before_it_shifts_a_column(as_system: Actor) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        record_many([Entry("access.refused", SubjectRef("audit.actor", text)) for text in ("a\0b", "c")])


def test_entries_that_share_what_they_say_each_keep_their_own_event(as_system: Actor) -> None:
    said = {"what": "the same"}
    subjects = [SubjectRef("audit.actor", str(n)) for n in range(3)]
    record_many([Entry("access.refused", one, reason, said) for one in subjects for reason in ("first", "second")])
    for subject in subjects:
        bodies = Event.objects.filter(subject_id=subject.id).order_by("seq").values_list("body", flat=True)
        assert [json.loads(body)["reason"] for body in bodies] == ["first", "second"]
