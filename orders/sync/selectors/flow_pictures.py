"""Where the lines of a flow's map are: one column for each system, one row for each step. What it says stands in the list beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

COLUMN: Final = 150
ROW: Final = 30
HEAD: Final = 34
TIP: Final = 6  # an arrow's head, and how far a line stays away from the column it comes from
BELOW: Final = 8


@dataclass(frozen=True)
class Column:
    """A system: its name, where its line is, and how far down it goes."""

    name: str
    x: int
    bottom: int


@dataclass(frozen=True)
class Arrow:
    """A step: its number in the list, the line from who takes it to who is told, and the tip; a dot where nobody is told."""

    number: int
    start: int
    end: int
    y: int
    tip: str

    @property
    def is_alone(self) -> bool:
        """Whether it is a step of one system alone."""
        return self.start == self.end

    @property
    def middle(self) -> int:
        """Where its number stands: between two columns, so that no line goes through it."""
        return self.start + (COLUMN // 2 if self.end > self.start else -COLUMN // 2)

    @property
    def above(self) -> int:
        """The line its number stands on."""
        return self.y - TIP


@dataclass(frozen=True)
class Picture:
    """The map of a flow, with its size."""

    columns: Sequence[Column]
    arrows: Sequence[Arrow]
    width: int
    height: int


def draw(steps: Sequence[tuple[str, str]]) -> Picture:
    """The picture of steps, each from whom to whom ("" is nobody), by name; systems stand in the order in which they first act."""
    names = list(dict.fromkeys(name for step in steps for name in step if name))
    at = {name: COLUMN // 2 + place * COLUMN for place, name in enumerate(names)}
    height = HEAD + len(steps) * ROW + BELOW
    arrows = [
        _arrow(number, at[by], at[to or by], HEAD + number * ROW - BELOW) for number, (by, to) in enumerate(steps, 1)
    ]
    return Picture([Column(name, x, height) for name, x in at.items()], arrows, COLUMN * len(names), height)


def _arrow(number: int, start: int, end: int, y: int) -> Arrow:
    back = -TIP if end > start else TIP
    tip = f"{end},{y} {end + back},{y - TIP // 2} {end + back},{y + TIP // 2}"
    return Arrow(number, start, end, y, tip)
