"""How the trail alone tells where records stand: each kind of record names the table that has to agree with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fold:
    """A column whose last word in the trail has to be what is stored.

    `label` is the subject's type in the trail, `key` an SQL expression for what people call a row `r`. The trail speaks of the column as
    before → after in `changes`, as it was at first in `data`, or by the type of the event: `told` says what each such type means.
    `at_first` is what a row begins with that the trail never spoke of; events of the types `of_others` speak of another record's column.
    """

    label: str
    table: str
    column: str
    key: str = "r.key"
    at_first: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
    of_others: Collection[str] = ()

    @property
    def name(self) -> str:
        """What it is about: “fulfilment.order.state”."""
        return f"{self.label}.{self.column}"

    @property
    def sql(self) -> str:
        """Every row: what it is called, what is stored, what the trail tells."""
        value = f"""e.body::jsonb -> 'changes' -> '{self.column}' ->> 1, e.body::jsonb -> 'data' ->> '{self.column}'"""
        speaks = f"""e.body LIKE '%"{self.column}":%'"""
        if self.told:
            value += (
                f""", CASE e.type {" ".join(f"WHEN '{one}' THEN '{means}'" for one, means in self.told.items())} END"""
            )
            speaks = f"""({speaks} OR e.type IN ({_listed(self.told)}))"""
        if self.of_others:
            speaks += f""" AND e.type NOT IN ({_listed(self.of_others)})"""
        at_first = f"'{self.at_first}'" if self.at_first else "NULL"
        return f"""
            SELECT ({self.key})::text, r."{self.column}"::text, coalesce(told.value, {at_first}) FROM "{self.table}" r
            LEFT JOIN LATERAL (
                SELECT coalesce({value}) AS value FROM audit_event e
                WHERE e.subject_type = '{self.label}' AND e.subject_id = r.id::text AND {speaks} AND coalesce({value}) IS NOT NULL
                ORDER BY e.seq DESC LIMIT 1
            ) told ON true
        """  # noqa: S608 -- names of our own tables, registered by our own apps


def _listed(types: Collection[str]) -> str:
    return ", ".join(f"'{one}'" for one in types)


@dataclass(frozen=True)
class SqlFold:
    """The same for records whose steps the trail tells of with another record: `sql` gives name, stored and told."""

    name: str
    sql: str


_folds: dict[str, Fold | SqlFold] = {}


def register(*folds: Fold | SqlFold) -> None:
    """Declare them. Raises `ValueError` for one that is there already."""
    for fold in folds:
        if fold.name in _folds:
            raise ValueError(f"{fold.name} is already folded")
        _folds[fold.name] = fold


def registered() -> Sequence[Fold | SqlFold]:
    """All of them, by name."""
    return [_folds[name] for name in sorted(_folds)]
