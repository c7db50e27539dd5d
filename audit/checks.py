"""Invariants as SQL: each query returns the rows that violate it; none means it holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Invariant:
    """`sql` returns one text column naming each offender; it must be served by an index and end within its time budget."""

    id: str
    statement: str
    sql: str
    budget_ms: int = 5_000


_invariants: dict[str, Invariant] = {}


def register_check(id: str, *, statement: str, sql: str, budget_ms: int = 5_000) -> None:  # noqa: A002 -- the reader's word
    """Declare an invariant. Raises `ValueError` when the id is taken."""
    if id in _invariants:
        raise ValueError(f"{id} is already registered")
    _invariants[id] = Invariant(id, statement, sql, budget_ms)


def invariants() -> list[Invariant]:
    """Every declared invariant, by id."""
    return [_invariants[key] for key in sorted(_invariants)]
