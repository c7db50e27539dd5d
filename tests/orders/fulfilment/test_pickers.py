"""Who picks: of those who pack for the client and are at work, whoever has the fewest; a system that names somebody knows better."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.access import Role
from audit.context import Actor, acting
from audit.models import User
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.services.news import take_news
from orders.fulfilment.services.picking import OWN_PEOPLE
from rules.models import Absence, Calendar, Client, ClientAccess, Owner, Team, TeamMember
from rules.states import OwnerKind
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def packer(northwind: Client, system: Actor, now: datetime) -> Any:
    def person(name: str, *, calendar: str = "berlin-business", team: str = "") -> Owner:
        user = User.objects.create(username=name, first_name=name.title(), last_name="Novak")
        user.groups.add(Group.objects.get_or_create(name=Role.PACKER.value)[0])
        with acting(system, at=now):
            ClientAccess.objects.create(user=user, client=northwind)
            if team:
                TeamMember.objects.create(team=Team.objects.get(slug=team), user=user)
            return Owner.objects.create(
                slug=name,
                name=name,
                kind=OwnerKind.PERSON,
                user=user,
                backup=Owner.objects.get(slug="ops-team"),
                calendar=Calendar.objects.get(slug=calendar),
            )

    return person


def pickers() -> dict[str, int]:
    return dict(Counter(Fulfilment.objects.values_list("picker", flat=True)))


def test_where_nobody_packs_with_handrail_the_warehouse_s_own_people_do(place: make.Place, packer: Any) -> None:
    place()
    assert pickers() == {OWN_PEOPLE: 1}
    packer("pia")
    place()
    assert pickers() == {OWN_PEOPLE: 1, "Pia Novak": 1}


def test_parcels_are_shared_out_by_what_everybody_has_to_pack(
    place: make.Place, tell: make.Tell, packer: Any, system: Actor, now: datetime
) -> None:
    packer("pia")
    packer("rob")
    orders = [place() for _ in range(4)]
    assert pickers() == {"Pia Novak": 2, "Rob Novak": 2}
    for order in orders:
        parcel = order.fulfilments.get()
        if parcel.picker == "Rob Novak":
            tell("shipment.packed", parcel.key)
    place()
    place()
    assert pickers() == {"Pia Novak": 2, "Rob Novak": 4}
    with acting(system, at=now):
        Absence.objects.create(
            owner=Owner.objects.get(slug="rob"),
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=3),
        )
    place()
    assert pickers() == {"Pia Novak": 3, "Rob Novak": 4}


def test_who_is_at_work_and_of_the_team_that_answers_comes_first(place: make.Place, packer: Any) -> None:
    """At 9:00 in Berlin it is night in New York."""
    packer("ann", calendar="new-york-business")
    place()
    assert pickers() == {"Ann Novak": 1}
    packer("bob")
    place()
    place()
    assert pickers() == {"Ann Novak": 1, "Bob Novak": 2}
    packer("cid", team="ops-team")
    place()
    assert pickers() == {"Ann Novak": 1, "Bob Novak": 2, "Cid Novak": 1}
    place()
    assert pickers()["Cid Novak"] == 2


def test_a_system_that_names_somebody_knows_better(place: make.Place, tell: make.Tell, packer: Any) -> None:
    packer("pia")
    first, second = place().fulfilments.get(), place().fulfilments.get()
    tell("shipment.picked", first.key, picker="Jo Ek")
    tell("shipment.picked", second.key)
    assert pickers() == {"Jo Ek": 1, "Pia Novak": 1}


def test_it_costs_the_same_for_one_and_for_three(
    northwind: Client, place: make.Place, packer: Any, system: Actor, now: datetime
) -> None:
    packer("pia")
    packer("rob")
    costs = []
    for count in (1, 3):
        numbers = [place(paid=False).number for _ in range(count)]
        paid = [make.news("payment.captured", northwind, one, now, captured_at=now.isoformat()) for one in numbers]
        with CaptureQueriesContext(connection) as asked:
            take_news(news=paid, by=system, now=now)
        costs.append(len(asked))
    assert costs[0] == costs[1]
    assert pickers() == {"Pia Novak": 2, "Rob Novak": 2}
