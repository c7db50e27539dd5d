"""The queue at ten thousand, a hundred thousand and a million cases, half of them open; beside a page that only says hello."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from audit.access import system_actor
from exceptions.models.case_words import words_of
from tests.benchmarks.table import Latencies
from tests.cast import PASSWORD, furnish

SIZES = [int(size) for size in os.environ.get("HANDRAIL_BENCH_QUEUE", "10000,100000,1000000").split(",")]
VISITS = 20
HELLO = "/hello/"
NEXT = re.compile(r'rel="next" href="[^"]*after=([\w-]+)')
PAGES = (
    ("all clients", "lee", "/queue/team/"),
    ("all clients, page 20", "lee", "/queue/team/?per=200&"),
    ("one client, of my teams", "amal", "/queue/"),
    ("one client, anybody's", "amal", "/queue/team/"),
    ("one client of three, filtered", "lee", "/queue/team/?client=fable"),
    ("one type of eight", "lee", "/queue/team/?type=inventory"),
    ("late", "lee", "/queue/team/?due=overdue"),
    ("state that is rare", "lee", "/queue/team/?state=waiting"),
    ("of one owner", "lee", "/queue/team/?owner=client-success"),
    ("by key", "lee", "/queue/team/?q=EX-777"),
    ("by a word that is rare", "lee", "/queue/team/?q=777"),
    ("by a word nothing has", "lee", "/queue/team/?q=nothing-has-this"),
    ("without owner", "lee", "/queue/unowned/"),
    ("grouped by cause", "lee", "/queue/team/?group=cause"),
    ("grouped by client", "lee", "/queue/team/?group=client"),
    ("grouped by owner", "lee", "/queue/team/?group=owner"),
    ("how many of each type", "lee", "/queue/values/team/type/"),
    ("how many of each type, of one client", "lee", "/queue/values/team/type/?client=fable&state=waiting"),
    ("how many of each owner", "lee", "/queue/values/team/owner/?type=inventory"),
    ("how many of each state, opened this week", "lee", "/queue/values/team/state/?created=7d"),
    ("how many on hold", "lee", "/queue/values/team/hold/"),
    ("how many of each channel", "lee", "/queue/values/team/channel/"),
    ("how many of each cause", "lee", "/queue/values/team/cause/"),
    ("opened on one day", "lee", "/queue/team/?created=2026-11-20"),
    ("of one channel", "lee", "/queue/team/?channel=web"),
    ("on hold", "lee", "/queue/team/?hold=person"),
)
SEED = """
    INSERT INTO exceptions_exceptioncase (
        id, version, created_at, updated_at, type, subject_type, subject_id, subject_key, client_id, state, severity, title, summary,
        cause, evidence, occurrences, owner_id, backup_id, at_risk_minor, currency, opened_at, acknowledge_by, due_at, due_words,
        acknowledged_by, acknowledged_at, waiting_until, waiting_for, resolved_at, outcome, reopened, book_number, route, ladder,
        ladder_step, playbook, acceptance, outcomes, gate, root_cause, waiting_on, acknowledge_words, pauses, severities)
    SELECT gen_random_uuid(), 1, due - interval '4 hours', due - interval '4 hours', t.slug, 'test.parcel', n::text,
        c.key_prefix || '-' || n, c.id, state, t.severity, 'Sent “1017CT” for parcel ' || n || ', the carrier wants “1017 CT”', '',
        t.slug || '/' || n %% 400, '{}', 1, o.id, o.backup_id, (n * 104729 %% 50000) * 10, c.currency, due - interval '4 hours',
        due - interval '3 hours', due, 'four hours of business time', '', NULL,
        CASE state WHEN 'waiting' THEN due END, '', CASE state WHEN 'resolved' THEN due END, '', 0, 1, t.route,
        '[{"to": "backup", "owner": "", "due_at": "2026-11-20T11:00:00+00:00"}]', 0, t.playbook, t.acceptance, t.outcomes,
        '', '', '', '', '[]', '[]'
    FROM generate_series(%s::bigint, %s) AS n
    CROSS JOIN LATERAL (SELECT %s + (n * 7919 %% 20160 - 2880) * interval '1 minute' AS due,
        CASE WHEN n %% 2 = 1 THEN 'resolved' WHEN n %% 5000 = 0 THEN 'waiting' WHEN n %% 6 = 0 THEN 'open' ELSE 'in_progress' END AS state
    ) AS facts
    JOIN (SELECT *, row_number() OVER (ORDER BY slug) - 1 AS turn, count(*) OVER () AS all FROM rules_exceptiontype) t
        ON t.turn = n / 2 %% t.all
    JOIN (SELECT *, row_number() OVER (ORDER BY slug) - 1 AS turn, count(*) OVER () AS all FROM rules_client) c ON c.turn = n / 3 %% c.all
    JOIN (SELECT *, row_number() OVER (ORDER BY slug) - 1 AS turn, count(*) OVER () AS all FROM rules_owner) o ON o.turn = n / 5 %% o.all
"""
WORDS = f"""
    INSERT INTO exceptions_casewords (case_id, words) SELECT c.id, {words_of("c")} FROM exceptions_exceptioncase c
    WHERE NOT EXISTS (SELECT FROM exceptions_casewords w WHERE w.case_id = c.id)
"""  # noqa: S608 -- column names of our own model


def run() -> Latencies:
    """Milliseconds per page at each size."""
    table = Latencies(f"the queue, {VISITS} visits a page", "a page that says hello")
    now = datetime.now(tz=UTC)
    seeded = 0
    with override_settings(
        ROOT_URLCONF="tests.benchmarks.hello",
        ALLOWED_HOSTS=["testserver"],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STORAGES={
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
    ):
        furnish(by=system_actor("benchmark"), now=now)
        browsers = {name: signed_in(name) for name in ("lee", "amal")}
        for size in SIZES:
            with seeding() as cursor:
                cursor.execute(SEED, [seeded + 1, size, now])
            seeded = size
            lee, floor = browsers["lee"], _visits(browsers["lee"], HELLO)
            table.add(f"{size:>9,} cases: hello", floor, _queries(lee, HELLO), floor=floor)
            for what, who, address in PAGES:
                browser = browsers[who]
                path = _deep(browser, address) if address.endswith("&") else address
                table.add(f"{size:>9,} cases: {what}", _visits(browser, path), _queries(browser, path), floor=floor)
    return table


def signed_in(name: str) -> Browser:
    browser = Browser()
    if not browser.login(username=name, password=PASSWORD):
        raise RuntimeError(name)
    return browser


@contextmanager
def seeding() -> Iterator[Any]:
    """The owner of the tables lifts the triggers for the moment: what the trail costs is another benchmark's question."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE exceptions_exceptioncase DISABLE TRIGGER USER")
        yield cursor
        cursor.execute("ALTER TABLE exceptions_exceptioncase ENABLE TRIGGER USER")
        cursor.execute(WORDS)
        cursor.execute("VACUUM ANALYZE exceptions_exceptioncase, exceptions_casewords")


def _deep(browser: Browser, address: str) -> str:
    """The address twenty pages further on."""
    path = address.rstrip("&")
    for _ in range(20):
        mark = NEXT.search(browser.get(path).content.decode())
        if mark is None:
            raise RuntimeError(f"{path} is the last page")
        path = f"{address}after={mark[1]}"
    return path


def _visits(browser: Browser, path: str) -> list[float]:
    """How long each visit took, in milliseconds, after two that nobody counts."""
    measured = []
    for _ in range(VISITS + 2):
        started = time.perf_counter()
        answer = browser.get(path)
        measured.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
    return measured[2:]


def _queries(browser: Browser, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        browser.get(path)
    return len(captured)
