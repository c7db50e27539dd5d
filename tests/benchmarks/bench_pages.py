"""How soon a page is there in a browser four times slower than this machine, with twenty thousand open exceptions (`ux.md`, G12).

Chromium's own figures: first contentful paint; interactive, which is the end of loading plus what its long tasks block; how much moves
under one's eyes while it loads. Every visit is the first: nothing is in the cache. Beside them what the page weighs, compressed; style and
scripts are the same for all (G11).
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import override_settings
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, sync_playwright

from audit.access import system_actor
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from tests.benchmarks.bench_queue import SEED, seeding, signed_in
from tests.cast import House, furnish
from tests.chromium import find
from tests.factories import orders as make

CASES = int(os.environ.get("HANDRAIL_BENCH_PAGES", "40000"))  # half of them are open
VISITS = 5
SLOWER = 4
SHARED = ("ui/app.css", "ui/app.js", "django_htmx/htmx-2.min.js")
PAINT_MS, INTERACTIVE_MS, SHIFT = 1200, 1500, 0.01
WATCH = """
    window.shifted = 0; window.blocked = 0;
    new PerformanceObserver(list => list.getEntries().forEach(one => { if (!one.hadRecentInput) shifted += one.value }))
        .observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver(list => list.getEntries().forEach(one => { blocked += Math.max(0, one.duration - 50) }))
        .observe({ type: "longtask", buffered: true });
"""
READ = """() => new Promise(answer => requestAnimationFrame(() => setTimeout(() => answer([
    performance.getEntriesByName("first-contentful-paint")[0].startTime,
    performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd + blocked, shifted]), 100)))"""


@dataclass(frozen=True)
class Visit:
    """Milliseconds until something is seen and until it can be used, and the share of the window that moved."""

    paint: float
    interactive: float
    shift: float
    kilobytes: float = 0.0


@dataclass
class Visits:
    """The middle of some visits to each page, beside a page that only says hello and what is aimed at."""

    rows: dict[str, Visit] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"pages in a browser {SLOWER} times slower, {CASES // 2:,} open exceptions, median of {VISITS} first visits",
            f"  aimed at: {PAINT_MS} ms, {INTERACTIVE_MS} ms, {SHIFT}; floor: a page that says hello",
            f"  {'':32} {'first paint':>14} {'interactive':>14} {'shift':>8} {'HTML':>9}",
        ]
        lines += [
            f"  {page:32} {one.paint:>11,.0f} ms {one.interactive:>11,.0f} ms {one.shift:>8.3f} {one.kilobytes:>6.1f} kB"
            for page, one in self.rows.items()
        ]
        found = {name: Path(finders.find(name) or "") for name in SHARED}
        weights = [f"{path.name} {_compressed(path.read_bytes()):.1f} kB" for path in found.values()]
        return "\n".join([*lines, f"  on every page: {', '.join(weights)}"])


def run() -> Visits:
    """Visit each page as somebody who sees every client."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    found = find()
    if found is None:
        raise RuntimeError("This needs Chromium: apt-get install chromium")
    with override_settings(
        ROOT_URLCONF="tests.benchmarks.hello",
        ALLOWED_HOSTS=["localhost", "testserver"],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STORAGES={
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
    ):
        addresses = _filled()
        lee = signed_in("lee")
        session = lee.cookies[settings.SESSION_COOKIE_NAME].value
        weights = {page: _compressed(lee.get(address).content) for page, address in addresses.items()}
        with _server() as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
            visits = {
                page: [_visit(browser, f"{url}{address}", session) for _ in range(VISITS)]
                for page, address in addresses.items()
            }
            browser.close()
    return Visits({page: replace(_middle(measured), kilobytes=weights[page]) for page, measured in visits.items()})


def _filled() -> dict[str, str]:
    """An installed product with exceptions and an order; which pages to visit."""
    by, now = system_actor("benchmark"), datetime.now(tz=UTC)
    house = furnish(by=by, now=now)
    order = _order(house, now)
    with seeding() as cursor:
        cursor.execute(SEED, [1, CASES, now])
    case = ExceptionCase.objects.filter(state="in_progress").order_by("number").values_list("number", flat=True)[0]
    return {
        "hello": "/hello/",
        "my queue": "/queue/",
        "team queue": "/queue/team/",
        "by shared cause": "/queue/causes/",
        "exception": f"/exceptions/EX-{case}/",
        "approvals": "/approvals/",
        "orders": "/orders/",
        "order": f"/orders/{order}/",
    }


def _order(house: House, now: datetime) -> str:
    placed = make.placed(house.clients["northwind"], now)
    (order_id,) = place_orders(news=[placed], by=system_actor("benchmark"), now=now)
    return Order.objects.get(pk=order_id).key


@contextmanager
def _server() -> Iterator[str]:
    server = LiveServerThread("localhost", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield f"http://localhost:{server.port}"
    server.terminate()


def _visit(browser: Browser, url: str, session: str) -> Visit:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
    context.add_init_script(WATCH)
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(url, wait_until="load")
    measured = Visit(*page.evaluate(READ))
    context.close()
    return measured


def _compressed(content: bytes) -> float:
    """Kilobytes as they travel."""
    return len(gzip.compress(content)) / 1000


def _middle(measured: list[Visit]) -> Visit:
    return Visit(
        median(one.paint for one in measured),
        median(one.interactive for one in measured),
        median(one.shift for one in measured),
    )
