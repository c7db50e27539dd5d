"""What the sandbox did and has yet to say, on disk: a killed sandbox neither does anything twice nor forgets to answer."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
    CREATE TABLE IF NOT EXISTS executed (key TEXT PRIMARY KEY, system TEXT, task TEXT, kind TEXT, at REAL, times INTEGER DEFAULT 1);
    CREATE TABLE IF NOT EXISTS sayings (id TEXT PRIMARY KEY, system TEXT, body TEXT, due REAL, said REAL, answer INTEGER);
    CREATE INDEX IF NOT EXISTS sayings_due ON sayings (due) WHERE said IS NULL;
    CREATE TABLE IF NOT EXISTS copies (
        system TEXT, subject TEXT, token INTEGER, status TEXT, sha256 TEXT, PRIMARY KEY (system, subject));
    CREATE TABLE IF NOT EXISTS control (one INTEGER PRIMARY KEY CHECK (one = 1), document TEXT);
"""


class Journal:
    """One SQLite file; safe for the threads of one process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)
        self._lock = threading.Lock()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(
        self, *, key: str, system: str, task: str, kind: str, sayings: Sequence[tuple[str, dict[str, Any], float]]
    ) -> bool:
        """Do a task once: True the first time, with what is to be said of it (id, event, due); False for a key done before."""
        with self._transaction() as connection:
            done = connection.execute("UPDATE executed SET times = times + 1 WHERE key = ?", [key])
            if done.rowcount:
                return False
            connection.execute(
                "INSERT INTO executed (key, system, task, kind, at) VALUES (?, ?, ?, ?, ?)",
                [key, system, task, kind, time.time()],
            )
            connection.executemany(
                "INSERT INTO sayings (id, system, body, due) VALUES (?, ?, ?, ?)",
                [(saying_id, system, json.dumps(event), due) for saying_id, event, due in sayings],
            )
        return True

    def done(self, kind: str) -> int:
        """How many tasks of a kind were done."""
        with self._lock:
            (count,) = self._connection.execute("SELECT count(*) FROM executed WHERE kind = ?", [kind]).fetchone()
        return int(count)

    def copy(self, *, system: str, subject: str, token: int, status: str, sha256: str) -> bool:
        """Keep what a system was told of an order, unless it knows something newer by its change token; whether it was news."""
        with self._transaction() as connection:
            kept = connection.execute(
                """
                INSERT INTO copies (system, subject, token, status, sha256) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (system, subject) DO UPDATE
                SET token = excluded.token, status = excluded.status, sha256 = excluded.sha256
                WHERE excluded.token > copies.token
                """,
                [system, subject, token, status, sha256],
            )
        return kept.rowcount == 1

    def copies(self) -> dict[str, dict[str, Any]]:
        """What each system knows of each order: {system: {order: {status, token, sha256}}}."""
        with self._lock:
            rows = self._connection.execute("SELECT system, subject, token, status, sha256 FROM copies ORDER BY 1, 2")
            known: dict[str, dict[str, Any]] = {}
            for system, subject, token, status, sha256 in rows.fetchall():
                known.setdefault(system, {})[subject] = {"status": status, "token": token, "sha256": sha256}
        return known

    def due(self, *, limit: int = 100) -> list[tuple[str, str, str]]:
        """What has to be said now: (id, system, body)."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, system, body FROM sayings WHERE said IS NULL AND due <= ? ORDER BY due, id LIMIT ?",
                [time.time(), limit],
            )
            return rows.fetchall()

    def said(self, ids: Sequence[str], answer: int) -> None:
        """They were heard."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE sayings SET said = ?, answer = ? WHERE id = ?", [(time.time(), answer, one) for one in ids]
            )

    def put_off(self, ids: Sequence[str], seconds: float) -> None:
        """Nobody heard; again later."""
        due = time.time() + seconds
        with self._transaction() as connection:
            connection.executemany("UPDATE sayings SET due = ? WHERE id = ?", [(due, one) for one in ids])

    def control(self) -> dict[str, Any]:
        """How it misbehaves, as it was last told."""
        with self._lock:
            row = self._connection.execute("SELECT document FROM control").fetchone()
        return dict(json.loads(row[0])) if row else {}

    def set_control(self, document: dict[str, Any]) -> None:
        """Keep how to misbehave."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO control (one, document) VALUES (1, ?)", [json.dumps(document)])

    def summary(self) -> dict[str, Any]:
        """Counts for tests and the demo's page."""
        with self._lock:
            executed = self._connection.execute(
                "SELECT kind, count(*) FROM executed GROUP BY kind ORDER BY kind"
            ).fetchall()
            waiting = self._connection.execute("SELECT count(*) FROM sayings WHERE said IS NULL").fetchone()[0]
            answers = self._connection.execute(
                "SELECT answer, count(*) FROM sayings WHERE said IS NOT NULL GROUP BY answer"
            ).fetchall()
        return {
            "executed": dict(executed),
            "waiting": waiting,
            "answers": {str(answer): count for answer, count in answers},
        }

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
