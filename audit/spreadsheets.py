"""Tables for spreadsheets and programs, one line at a time."""

import csv
import json
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


def json_of(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The same as a JSON array, a row a line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps({name: row[name] for name in names}, ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it, never as one calculates it."""
    return f"'{text}" if text.startswith(CALCULATED) else text
