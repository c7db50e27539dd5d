"""Seals kept outside the database, so that whoever can rewrite all of it is still found out: in a file, their digests in the log.

Copy the file (or the log) to where the database's administrators cannot write; `docs/audit-trail.md` says how.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """One seal as it left the database."""

    seal: int
    statement: str


class DatabaseFellBehind(RuntimeError):
    """The file holds seals the database no longer has: an old backup was restored, or its tail was cut."""


def checkpoint_file() -> Path:
    """Where they are appended."""
    return Path(settings.DATA_DIR) / "checkpoints.jsonl"


def kept() -> list[Checkpoint]:
    """Every checkpoint in the file, oldest first; a half-written last line (a crash) is no checkpoint."""
    if not checkpoint_file().exists():
        return []
    return list(_parsed(checkpoint_file().read_text()))


def as_text() -> str:
    """The file as it is; empty when nothing was sealed yet."""
    return checkpoint_file().read_text() if checkpoint_file().exists() else ""


def keep(seals: Sequence[Checkpoint]) -> int:
    """Append those not yet in the file, on disk when this returns; how many were new.

    Raises `DatabaseFellBehind` when the file knows a later seal than the last of `seals`: nothing is written then.
    """
    with _locked_file() as stream:
        text = stream.read()
        known = max((checkpoint.seal for checkpoint in _parsed(text)), default=0)
        if seals and seals[-1].seal < known:
            raise DatabaseFellBehind(f"Seal {known} is kept outside, but the database ends at seal {seals[-1].seal}.")
        new = [checkpoint for checkpoint in seals if checkpoint.seal > known]
        if text and not text.endswith("\n"):
            stream.write("\n")
        for checkpoint in new:
            stream.write(json.dumps({"seal": checkpoint.seal, "statement": checkpoint.statement}) + "\n")
            logger.info("seal %s %s", checkpoint.seal, hashlib.sha256(checkpoint.statement.encode()).hexdigest())
        stream.flush()
        os.fsync(stream.fileno())
    return len(new)


def last_kept() -> int:
    """The number of the newest seal in the file, 0 when there is none."""
    return max((checkpoint.seal for checkpoint in kept()), default=0)


def _parsed(text: str) -> Iterator[Checkpoint]:
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            yield Checkpoint(int(entry["seal"]), str(entry["statement"]))
        except (ValueError, KeyError, TypeError):
            continue


@contextmanager
def _locked_file() -> Iterator[TextIOWrapper]:
    file = checkpoint_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        yield stream
