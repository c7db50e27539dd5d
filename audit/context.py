"""Who is acting, when and why. Set once at each edge; the database is told in the same transaction and refuses writes without it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from audit.canonical import timestamp


@dataclass(frozen=True)
class Actor:
    """A person, an integrator's token or a named part of the product, with what it may do and for which clients.

    `id` is stable and PII-free ("user:7", "token:ab12cd34", "system:timers"); `clients` of None means every client; `owners` are
    those the actor is, or is in the team of.
    """

    kind: str
    id: str
    name: str
    user_id: int | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    permissions: frozenset[str] = field(default_factory=frozenset)
    clients: frozenset[UUID] | None = field(default_factory=frozenset)
    teams: frozenset[UUID] = field(default_factory=frozenset)
    owners: frozenset[UUID] = field(default_factory=frozenset)
    channel: str = "web"
    request_id: str = ""

    def reaches(self, client_id: UUID | None) -> bool:
        """Whether records of this client (None: of the house) exist for the actor at all."""
        return self.clients is None or client_id in self.clients

    def may(self, permission: str, client_id: UUID | None = None) -> bool:
        """Whether the actor holds the permission, and for this client where one is given."""
        return permission in self.permissions and (client_id is None or self.reaches(client_id))


@dataclass(frozen=True)
class Act:
    """One actor acting at one moment for one reason; `heard_at` is when what led to it came in, where something did."""

    by: Actor
    at: datetime
    reason: str = ""
    heard_at: datetime | None = field(default=None, compare=False)


_act: ContextVar[Act | None] = ContextVar("act", default=None)

TELL_DATABASE = """
    SELECT set_config('handrail.actor', %s, true), set_config('handrail.user_id', %s, true),
           set_config('handrail.request_id', %s, true), set_config('handrail.now', %s, true),
           set_config('handrail.reason', %s, true)
"""


@contextmanager
def acting(by: Actor, *, at: datetime, reason: str = "", heard_at: datetime | None = None) -> Iterator[Actor]:
    """Open (or join) a transaction in which `by` acts at `at`; the database's triggers read the same facts.

    Nests: an inner act joins the outer transaction, for the outer's reason and cause unless it has its own, and the outer actor is
    restored afterwards.
    """
    outer = _act.get()
    act = Act(by, at, reason or (outer.reason if outer else ""), heard_at or (outer.heard_at if outer else None))
    with transaction.atomic(savepoint=outer is None):
        token = _act.set(act)
        try:
            _tell_database(act, unless=outer)
            yield by
        finally:
            _act.reset(token)
        if outer is not None:
            _tell_database(outer, unless=act)


def _tell_database(act: Act, *, unless: Act | None) -> None:
    if act == unless:
        return
    by = act.by
    user_id = "" if by.user_id is None else str(by.user_id)
    with connection.cursor() as cursor:
        cursor.execute(TELL_DATABASE, [by.id, user_id, by.request_id, timestamp(act.at), act.reason])


def current_act() -> Act:
    """The act under way. Raises `LookupError` outside `acting()`."""
    act = _act.get()
    if act is None:
        raise LookupError("Nobody is acting: wrap the edge in audit.context.acting().")
    return act


def current_actor() -> Actor:
    """Who acts. Raises `LookupError` outside `acting()`."""
    return current_act().by


def current_time() -> datetime:
    """When the act under way happens. Raises `LookupError` outside `acting()`."""
    return current_act().at


def cause_of_act() -> datetime | None:
    """When what led to the act under way came in; None where nothing did, or nobody acts."""
    act = _act.get()
    return act.heard_at if act else None
