"""What is new, as the change log says it."""

import re
from dataclasses import dataclass, field

from django.conf import settings

MOST_NEWS = 100


@dataclass
class Release:
    """What one release brought."""

    title: str
    changes: list[str] = field(default_factory=list)

    @property
    def shown(self) -> list[str]:
        """As many of them as a page of help has room for."""
        return self.changes[:MOST_NEWS]

    @property
    def more(self) -> int:
        """How many the page has no room for."""
        return max(len(self.changes) - MOST_NEWS, 0)


def releases() -> list[Release]:
    """The change log, newest first; empty where it was not installed along."""
    log = settings.BASE_DIR / "CHANGELOG.md"
    found: list[Release] = []
    for line in log.read_text().splitlines() if log.exists() else ():
        if line.startswith("## "):
            found.append(Release(line.removeprefix("## ")))
        elif found and line.startswith("- "):
            found[-1].changes.append(_plain(line.removeprefix("- ")))
        elif found and found[-1].changes and line.startswith("  "):
            found[-1].changes[-1] += f" {_plain(line.strip())}"
    return found


def _plain(text: str) -> str:
    return re.sub(r"[`*]", "", text)
