"""The people every test of permissions needs, and what they may see: amal and lee work for Northwind, noor must see nothing of it."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from audit.access import system_actor
from audit.context import Actor, acting
from audit.models import User
from orders.fulfilment.management.demo.people import add_clients, add_people
from rules.models import Client
from rules.selectors import actor_for
from rules.services.shipped import install_shipped_configuration


@dataclass(frozen=True)
class Cast:
    """Three clients and everybody who works for them."""

    clients: dict[str, Client]
    people: dict[str, User]

    def actor(self, name: str, *, channel: str = "web") -> Actor:
        """The person acting."""
        return actor_for(self.people[name], channel=channel)

    @property
    def northwind(self) -> Client:
        """The client most tests are about."""
        return self.clients["northwind"]


@pytest.fixture
def cast(db: None, now: datetime) -> Cast:
    """Amal, Lee, Kim, Ada, Sam, Ivy and Noor, with the shipped configuration in force."""
    by = system_actor("test")
    install_shipped_configuration(by=by, now=now)
    with acting(by, at=now):
        clients = add_clients()
        return Cast(clients, add_people(clients))
