"""Tables for spreadsheets, one line at a time."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

CALCULATED: Final = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    def write(self, line: str) -> str:
        """Hand the line back instead of keeping it."""
        return line


def csv_of(names: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """A table with these columns, one line at a time; no cell of it is ever calculated."""
    writer = csv.writer(_Echo())
    yield writer.writerow(names)
    for row in rows:
        yield writer.writerow([harmless(row[name]) for name in names])


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it, never as one calculates it."""
    return f"'{text}" if text.startswith(CALCULATED) else text
