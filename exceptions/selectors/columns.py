"""Which columns of a list somebody looks at. Columns keep their order; what tells rows apart cannot be left out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audit.errors import FieldError, Invalid
from audit.words import said


@dataclass(frozen=True)
class Column:
    """One column: always there, shown unless left out, or shown when asked for."""

    title: str
    is_fixed: bool = False
    is_shown: bool = True
    is_amount: bool = False


URGENT: Final = "urgent"
QUEUE_COLUMNS: Final[Mapping[str, Column]] = {
    "due": Column("Time left", is_fixed=True),
    "title": Column("What is wrong", is_fixed=True),
    "about": Column("About"),
    "risk": Column("At risk", is_amount=True),
    "owner": Column("Owner"),
    "next": Column("Next step, and what happens without you"),
    "backup": Column("Backup", is_shown=False),
    "cause": Column("Cause", is_shown=False),
    "opened": Column("Opened", is_shown=False),
    URGENT: Column("Counts as due", is_shown=False),
}


@dataclass(frozen=True)
class Choice:
    """A column as it can be chosen."""

    name: str
    title: str
    is_fixed: bool
    is_chosen: bool
    is_amount: bool


def asked_columns(values: Sequence[str]) -> tuple[str, ...]:
    """The columns an address names, each by itself or several with commas between them."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def refuse_unknown_columns(asked: Collection[str], known: Mapping[str, Column]) -> None:
    """Raises `Invalid` naming the columns this list does not have."""
    errors = [
        FieldError(
            "/cols",
            "unknown",
            said("This list has no column “%(name)s”. It has: %(known)s.", name=name[:60], known=", ".join(known)),
        )
        for name in asked
        if name not in known
    ]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def column_choices(asked: Collection[str], known: Mapping[str, Column]) -> list[Choice]:
    """Every column of the list and whether it is shown."""
    return [
        Choice(
            name=name,
            title=column.title,
            is_fixed=column.is_fixed,
            is_chosen=column.is_fixed or (name in asked if asked else column.is_shown),
            is_amount=column.is_amount,
        )
        for name, column in known.items()
    ]
