"""What was skipped, said loudly at the end: a test that does not run shows nothing."""

from collections import Counter
from collections.abc import Iterable

import pytest

WIDTH = 100


def summary(reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> list[str]:
    """A box with every reason, and how many tests did not run for it; nothing where none was skipped."""
    reasons = Counter(_reason(report) for report in reports)
    if not reasons:
        return []
    lines = [f"{count} {'test' if count == 1 else 'tests'} did NOT run: {reason}" for reason, count in reasons.items()]
    bar = "─" * WIDTH
    return [f"┌{bar}┐", *(f"│ {line[: WIDTH - 2]:{WIDTH - 2}} │" for line in sorted(lines)), f"└{bar}┘"]


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return where[2].removeprefix("Skipped: ") if isinstance(where, tuple) else str(where)
