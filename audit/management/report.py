"""The one shape of every command that reports: a table for people, one document for programs, an exit code for both."""

import json
from abc import abstractmethod
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

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
    """Print a report as text, or with `--json` as one document, which keeps to `docs/report.schema.json`.

    Exit 0 when all is well, 1 with findings, 2 when refused, 4 when only a part was done. 3, that nobody could be asked, is the answer of
    the way in that all commands share: no report can find that out by itself.
    """

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Every report can be read by a program."""
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Make the report and say how it went with the exit code."""
        try:
            report = self.report(**options)
        except DomainError as refused:
            self.stderr.write(refused.message)
            raise SystemExit(USAGE) from None
        self.stdout.write(self._as_json(report) if options["json"] else self.as_text(report))
        if not report.ok:
            raise SystemExit(PARTIAL if report.is_partial else FINDINGS)

    @property
    def name(self) -> str:
        """What the command is called."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def report(self, **options: Any) -> Report:
        """What there is to say."""

    def as_text(self, report: Report) -> str:
        """Summary and a plain table; a command with more to tell overrides this."""
        lines = [f"{'ok' if report.ok else 'FINDINGS'}  " + "  ".join(f"{k} {v}" for k, v in report.summary.items())]
        if report.items:
            columns = list(report.items[0])
            rows = [columns, *([_cell(item.get(column)) for column in columns] for item in report.items)]
            widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
            lines += [
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
            ]
        return "\n".join(lines)

    def _as_json(self, report: Report) -> str:
        document = {
            "schema": f"ops.{self.name}/1",
            "ok": report.ok,
            "generated_at": now(),
            "summary": report.summary,
            "items": report.items,
        }
        return json.dumps(document, default=_spelled, indent=2)


def _spelled(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
