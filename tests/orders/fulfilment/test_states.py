"""The machines: every published edge and no other, drawn in docs, and enough of them that no fact leaves an order without a way."""

from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django_fsm import TransitionNotAllowed, can_proceed
from hypothesis import HealthCheck, given
from hypothesis import settings as running
from hypothesis import strategies as st
from pytest_django import Settings

from audit.canonical import timestamp
from audit.context import Actor, acting
from audit.models.fields import StateField
from audit.triggers import published_edges
from orders.fulfilment.decisions.progress import OrderFacts, resting_state, way_to
from orders.fulfilment.models import Fulfilment, Order, OrderLine
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.settling import STEP_INTO, _enter
from orders.fulfilment.states import AddressVerdict, FulfilmentState, LineState, OrderState
from rules.shipped import OWNERS, STATUSES
from tests.factories import orders as make

EDGES = published_edges(Order)["state"]
# A row is put into each state while nothing watches, and from there moved to each under the guard; nothing of it stays.
TRIED = """
    SET CONSTRAINTS ALL IMMEDIATE;
    CREATE TEMPORARY TABLE tried (source text, target text, words text) ON COMMIT DROP;
    DO $do$
    DECLARE one text; other text;
    BEGIN
        FOR one IN SELECT conname FROM pg_constraint WHERE conrelid = '"{table}"'::regclass AND contype = 'c' LOOP
            EXECUTE format('ALTER TABLE "{table}" DROP CONSTRAINT %%I', one);
        END LOOP;
        FOREACH one IN ARRAY %s::text[] LOOP
            ALTER TABLE "{table}" DISABLE TRIGGER USER;
            UPDATE "{table}" SET state = one WHERE id = %s;
            ALTER TABLE "{table}" ENABLE TRIGGER USER;
            FOREACH other IN ARRAY %s::text[] LOOP
                BEGIN
                    UPDATE "{table}" SET state = other, version = version + 1 WHERE id = %s;
                    RAISE 'taken';
                EXCEPTION WHEN OTHERS THEN INSERT INTO tried VALUES (one, other, SQLERRM);
                END;
            END LOOP;
        END LOOP;
    END $do$;
    SET CONSTRAINTS ALL DEFERRED
"""
patiently = running(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # how fast the machine is proves nothing


def test_the_diagrams_in_docs_are_current() -> None:
    try:
        call_command("generate_diagrams", check=True)
    except CommandError as stale:
        pytest.fail(str(stale))


def test_a_diagram_that_is_missing_or_old_is_named_and_drawn_anew(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match=r"Out of date: .*order-states"):
        call_command("generate_diagrams", check=True)
    assert not (tmp_path / "docs").exists()
    call_command("generate_diagrams")
    assert {"order-states", "exceptioncase-states", "contractversion-states"} <= {
        line.removeprefix("drew docs/diagrams/").removesuffix(".md") for line in capsys.readouterr().out.splitlines()
    }
    call_command("generate_diagrams", check=True)
    drawn = tmp_path / "docs" / "diagrams" / "hold-states.md"
    drawn.write_text("old")
    call_command("generate_diagrams")
    assert capsys.readouterr().out == "drew docs/diagrams/hold-states.md\n"
    assert "active --> released" in drawn.read_text()


@pytest.mark.parametrize("source", OrderState)
def test_an_order_takes_published_edges_and_no_other(source: OrderState) -> None:
    for target in OrderState:
        step = getattr(Order(state=source), STEP_INTO[target])
        assert can_proceed(step) == ((source, target) in EDGES), target
        if not can_proceed(step):
            with pytest.raises(TransitionNotAllowed):
                step()


MACHINES = [
    model
    for model in apps.get_models()
    if not model.__name__.startswith("Historical")
    if any(isinstance(field, StateField) for field in model._meta.fields)
]


@pytest.mark.parametrize("model", MACHINES, ids=lambda model: model.__name__)
def test_every_machines_take_published_edges_and_no_other(model: Any) -> None:
    field = model._meta.get_field("state")
    legal = {(edge.source, edge.name) for edge in field.get_all_transitions(model)}
    names = {name for _, name in legal}
    assert {(source, target) for source, target in published_edges(model)["state"]} <= {
        (edge.source, edge.target) for edge in field.get_all_transitions(model)
    }
    for source, name in product([value for value, _ in field.choices], sorted(names)):
        step = getattr(model(state=source), name)
        assert can_proceed(step) == ((source, name) in legal)
        if (source, name) not in legal:
            with pytest.raises(TransitionNotAllowed):
                step()


def test_every_step_of_an_order_leaves_its_time(now: datetime) -> None:
    desk: Any = None
    for source, target in EDGES:
        order = Order(state=source, client_id=uuid4())
        _enter(Docket(order), OrderState(target), desk, Changes(now), last=False)
        assert order.stamps == {target: timestamp(now)}


def test_every_step_of_a_parcel_leaves_its_time_also_the_second_time(now: datetime) -> None:
    order = Order(client_id=uuid4())
    for source, target in published_edges(Fulfilment)["state"]:
        parcel = Fulfilment(order=order, state=target, stamps={target: "before"})
        parcel._loaded = {"state": source}
        Changes(now).tell("fulfilment.moved", parcel)
        assert parcel.stamps == {target: timestamp(now)}


def test_each_state_has_exactly_one_owner_by_rule() -> None:
    assert set(STATUSES) == set(OrderState.values)
    assert set(STATUSES.values()) <= set(OWNERS)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Order, OrderLine, Fulfilment])
def test_the_database_takes_published_edges_and_no_other(
    place: make.Place, model: Any, system: Actor, now: datetime
) -> None:
    place()
    row, states = model.objects.get(), [value for value, _ in model._meta.get_field("state").choices]
    with acting(system, at=now), connection.cursor() as cursor:
        cursor.execute(TRIED.format(table=model._meta.db_table), [states, row.pk, states, row.pk])
        cursor.execute("SELECT source, target, words FROM tried")
        tried = {(source, target): words for source, target, words in cursor.fetchall()}
    assert len(tried) == len(states) ** 2
    legal = set(published_edges(model)["state"]) | {(state, state) for state in states}
    refused = {pair for pair, words in tried.items() if words.endswith(f"no way from {pair[0]} to {pair[1]}")}
    assert tried.keys() - refused == legal


def test_no_state_is_a_dead_end_but_the_last_three() -> None:
    sources = {source for source, _ in EDGES}
    assert set(OrderState) - sources == {OrderState.CANCELLED, OrderState.RETURNED, OrderState.MERGED}
    assert {target for source, target in EDGES if source == OrderState.DELIVERED} == {
        OrderState.CANCEL_UNDECIDED,
        OrderState.PARTLY_RETURNED,
        OrderState.RETURNED,
        OrderState.RETURN_ANNOUNCED,
        OrderState.RETURNING,
    }


facts = st.builds(
    OrderFacts,
    is_paid=st.booleans(),
    is_cancelled=st.booleans(),
    is_held=st.booleans(),
    needs_review=st.booleans(),
    address=st.sampled_from(AddressVerdict),
    lines=st.lists(st.sampled_from(LineState), max_size=4),
    fulfilments=st.lists(st.sampled_from(FulfilmentState), max_size=3),
    return_is_over=st.booleans(),
    is_authorised=st.booleans(),
    is_partly_paid=st.booleans(),
    is_cancellation_undecided=st.booleans(),
    is_change_undecided=st.booleans(),
)


@patiently
@given(facts)
def test_any_facts_have_exactly_one_resting_state(known: OrderFacts) -> None:
    assert resting_state(known) in OrderState


@patiently
@given(facts)
def test_nothing_rests_as_delivered_unless_every_parcel_was_seen_to_arrive(known: OrderFacts) -> None:
    if resting_state(known) == OrderState.DELIVERED:
        live = [state for state in known.fulfilments if state != FulfilmentState.CANCELLED]
        assert live
        assert set(live) == {FulfilmentState.DELIVERED}


@patiently
@given(facts)
def test_nothing_unpaid_held_or_under_review_reads_as_in_fulfilment(known: OrderFacts) -> None:
    if resting_state(known) == OrderState.IN_FULFILMENT:
        assert (known.is_paid, known.is_held, known.needs_review) == (True, False, False)
        assert known.address != AddressVerdict.INVALID


@pytest.mark.parametrize(
    "state",
    [state for state in OrderState if state not in {OrderState.CANCELLED, OrderState.RETURNED, OrderState.MERGED}],
)
def test_every_open_state_has_a_way_to_being_cancelled_or_returned(state: OrderState) -> None:
    ways = [target for target in (OrderState.CANCELLED, OrderState.RETURNING) if _reaches(state, target)]
    assert ways


def _reaches(source: OrderState, target: OrderState) -> bool:
    try:
        return bool(way_to(source, target, EDGES))
    except LookupError:
        return False
