"""A house with a day of work in it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client as Browser

from audit import clock
from audit.access import system_actor
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.models import ExceptionCase
from tests import doors
from tests.cast import House

SignedIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def furnished_at() -> datetime:
    return clock.now() - timedelta(minutes=10)


@pytest.fixture
def signed_in(house: House) -> SignedIn:
    return lambda name: doors.signed_in(house.users[name])


def open_cases(house: House, count: int, *, client: str = "northwind") -> list[ExceptionCase]:
    openings = [
        services.CaseOpening(
            "address",
            SubjectRef("test.parcel", str(n), house.clients[client].pk),
            f"{house.clients[client].key_prefix}-{n}",
            house.clients[client].pk,
            f"Sent “1017CT” for parcel {n}, the carrier wants “1017 CT”",
        )
        for n in range(count)
    ]
    return services.open_cases(openings=openings, by=system_actor("test"), now=clock.now())
