"""A furnished house and something to open exceptions about."""

from collections.abc import Callable
from datetime import datetime

import pytest

from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.models import ExceptionCase
from rules import facts
from tests.cast import House
from tests.rules.conftest import ORDER_ATTRIBUTES

OpenCase = Callable[..., ExceptionCase]
OpenCases = Callable[[int], list[ExceptionCase]]


@pytest.fixture(autouse=True, scope="session")
def order_context() -> None:
    """The context of orders, where the app that declares it does not yet."""
    try:
        facts.context("order")
    except LookupError:
        facts.declare_context("order", ORDER_ATTRIBUTES)


@pytest.fixture
def open_case(house: House, system: Actor, now: datetime) -> OpenCase:
    """Open an exception about parcel `n` of a client."""

    def open_one(
        n: int = 1, *, type: str = "address", client: str = "northwind", at: datetime = now, **more: object
    ) -> ExceptionCase:
        client_id = house.clients[client].pk
        return services.open_case(
            type=type,
            subject=SubjectRef("test.parcel", str(n), client_id),
            subject_key=f"{house.clients[client].key_prefix}-{n}",
            client_id=client_id,
            title=f"Parcel {n} cannot be delivered",
            by=system,
            now=at,
            **more,  # type: ignore[arg-type]
        )

    return open_one


@pytest.fixture
def open_cases(house: House, system: Actor, now: datetime) -> OpenCases:
    """Open exceptions about as many parcels of Northwind at once."""
    northwind = house.clients["northwind"]

    def open_all(count: int) -> list[ExceptionCase]:
        openings = [
            services.CaseOpening(
                "address",
                SubjectRef("test.parcel", str(n), northwind.pk),
                f"{northwind.key_prefix}-{n}",
                northwind.pk,
                f"Parcel {n} cannot be delivered",
            )
            for n in range(count)
        ]
        opened = services.open_cases(openings=openings, by=system, now=now)
        return [ExceptionCase.objects.get(pk=case.pk) for case in opened]

    return open_all
