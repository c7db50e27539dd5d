"""The one shape of every command that reports: a table for people, one document for programs, an exit code for both."""

import json
from abc import abstractmethod
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand

from audit.clock import now
from audit.errors import DomainError

FINDINGS, USAGE, PARTIAL = 1, 2, 4


@dataclass(frozen=True)
class Report:
    """What a command found: `ok` decides the exit code, `items` share their keys, `summary` is a few numbers or words.

    `is_partial` where something was done and something was not.
    """

    ok: bool
    summary: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]] = field(default_factory=list)
    is_partial: bool = False


class ReportCommand(BaseCommand):
    """Print a report as text, with `--json` as one document, which keeps to `docs/report.schema.json`, or with `--jsonl` line by line.

    Exit 0 when all is well, 1 with findings, 2 when refused, 4 when only a part was done. 3, that nobody could be asked, is the answer of
    the way in that all commands share: no report can find that out by itself.
    """

    is_quiet = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Every report can be read by a program, and tells its times where its reader is."""
        shape = parser.add_mutually_exclusive_group()
        shape.add_argument("--json", action="store_true", help="Print one JSON document.")
        shape.add_argument(
            "--jsonl", action="store_true", help="Print the document without its items, then each item on a line."
        )
        parser.add_argument(
            "--quiet", action="store_true", help="No progress, and no words when all is well; the exit code says so."
        )
        parser.add_argument(
            "--tz", type=time_zone, default=UTC, metavar="ZONE", help="Times as in Europe/Berlin; in UTC unless told."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Make the report and say how it went with the exit code."""
        self.is_quiet = options["quiet"]
        try:
            made = self.report(**options)
        except DomainError as refused:
            self.stderr.write(refused.message)
            raise SystemExit(USAGE) from None
        zone = options["tz"]
        report = replace(made, summary=_told_in(zone, made.summary), items=_told_in(zone, made.items))
        for text in self._told(report, zone, options):
            self.stdout.write(text)
        if not report.ok:
            raise SystemExit(PARTIAL if report.is_partial else FINDINGS)

    def say(self, words: str) -> None:
        """How far it is, for who watches."""
        if not self.is_quiet:
            self.stderr.write(words)

    @property
    def name(self) -> str:
        """What the command is called."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def report(self, **options: Any) -> Report:
        """What there is to say."""

    def as_text(self, report: Report) -> str:
        """Summary and a plain table; a command with more to tell overrides this."""
        lines = [
            f"{'ok' if report.ok else 'FINDINGS'}  " + "  ".join(f"{k} {_cell(v)}" for k, v in report.summary.items())
        ]
        if report.items:
            columns = list(report.items[0])
            rows = [columns, *([_cell(item.get(column)) for column in columns] for item in report.items)]
            widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
            lines += [
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
            ]
        return "\n".join(lines)

    def _told(self, report: Report, zone: tzinfo, options: Mapping[str, Any]) -> Iterator[str]:
        head = {
            "schema": f"ops.{self.name}/1",
            "ok": report.ok,
            "generated_at": now().astimezone(zone),
            "summary": report.summary,
        }
        if options["json"]:
            yield json.dumps({**head, "items": report.items}, default=_spelled, indent=2)
        elif options["jsonl"]:
            yield from (json.dumps(one, default=_spelled) for one in (head, *report.items))
        elif not (report.ok and self.is_quiet):
            yield self.as_text(report)


def whole(least: int, most: int) -> Callable[[str], int]:
    """What an argument is read with that has to be a whole number from `least` to `most`."""

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else least - 1
        if not least <= number <= most:
            raise ArgumentTypeError(f"“{text}” is no whole number from {least} to {most}")
        return number

    return read


def time_zone(name: str) -> ZoneInfo:
    """The zone of this name. Raises `ArgumentTypeError`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a directory of zones
        raise ArgumentTypeError(f"there is no time zone “{name}”; name one such as Europe/Berlin") from None


def _told_in(zone: tzinfo, value: Any) -> Any:
    """The same, all moments in this zone."""
    if isinstance(value, datetime):
        return value.astimezone(zone)
    if isinstance(value, Mapping):
        return {name: _told_in(zone, inner) for name, inner in value.items()}
    return [_told_in(zone, inner) for inner in value] if isinstance(value, list | tuple) else value


def _spelled(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
