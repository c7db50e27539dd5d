"""Pages look as they did: key pages and the components, light and dark, against kept pictures; drawn by the same browser and fonts only.

Clock, numbers and identifiers are fixed and nothing moves, so that the same source draws the same picture. Another browser or other fonts
draw other letters: then this is skipped, loudly. `HANDRAIL_RENEW_PICTURES=1` keeps what is drawn now, for whoever has looked at it.
"""

from __future__ import annotations

import base64
import json
import os
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.template import engines
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails
from playwright.sync_api import FloatRect, Page

from audit import clock, identifiers
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.forms.waivers import WaiverForm
from exceptions.models import ExceptionCase, Waiver
from orders.fulfilment.models import Order
from tests.browser.conftest import Visitor
from tests.cast import House

pytestmark = pytest.mark.browser
KEPT = Path(__file__).parent / "pictures"
DRAWN_BY = KEPT / "drawn-by.json"
RENEW = "HANDRAIL_RENEW_PICTURES"
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
MOST = 0.001  # of the pixels; one counts as other when a channel differs by more than an eighth
INSIDE: FloatRect = {"x": 232, "y": 52, "width": 1208, "height": 848}
FONTS = """async () => { const pen = document.createElement("canvas").getContext("2d"), body = getComputedStyle(document.body).fontFamily
    return [body, "monospace"].flatMap(family => ["14px", "bold 20px"].map(size => {
        pen.font = `${size} ${family}`; return Math.round(pen.measureText("Handrail äöü 0123456789 → “quoted”").width * 100) })) }"""
SMALLER = """async data => { const image = await createImageBitmap(await (await fetch(data)).blob()),
        canvas = document.createElement("canvas"); canvas.width = image.width; canvas.height = image.height
        canvas.getContext("2d").drawImage(image, 0, 0); return canvas.toDataURL("image/webp", 1) }"""
DIFFERS = """async ([before, now]) => {
    const pixels = async data => { const image = await createImageBitmap(await (await fetch(data)).blob()),
        canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d")
        pen.drawImage(image, 0, 0); return pen.getImageData(0, 0, image.width, image.height) }
    const [was, is] = [await pixels(before), await pixels(now)]
    if (was.width !== is.width || was.height !== is.height) return 1
    let other = 0
    for (let at = 0; at < is.data.length; at += 4)
        if ([0, 1, 2].some(channel => Math.abs(is.data[at + channel] - was.data[at + channel]) > 32)) other++
    return other * 4 / is.data.length }"""


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    """One moment, and the same numbers and identifiers each time."""
    numbers = count(1)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(
        identifiers, "_uuid7", lambda: UUID(int=(0x0197A << 108) | (7 << 76) | (2 << 62) | next(numbers))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relkind = 'S' AND NOT EXISTS "
            "(SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')) OR c.relname = 'audit_user_id_seq'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER SEQUENCE {connection.ops.quote_name(name)} RESTART")


@pytest.fixture
def page(still: None, visit: Visitor) -> Iterator[Page]:
    """Lee's page, half its size; skipped where it would be drawn by another browser or with other fonts."""
    page = visit("lee", scale=0.5)
    drawn_by = {
        "browser": page.context.browser.version.split(".")[0] if page.context.browser else "",
        "fonts": page.evaluate(FONTS),
    }
    if RENEW in os.environ:
        KEPT.mkdir(exist_ok=True)
        DRAWN_BY.write_text(json.dumps(drawn_by) + "\n")
    kept = json.loads(DRAWN_BY.read_text())
    if kept != drawn_by:
        text = (
            f"The pictures were drawn by {kept}, this machine draws with {drawn_by}: pages are NOT compared with them."
        )
        warnings.warn(text, stacklevel=1)
        pytest.skip(text)
    yield page


def about_everything(house: House, order: Order) -> dict[str, str]:
    """Where the key pages are, with something on each."""
    case = ExceptionCase.objects.get(subject_id=str(order.pk))
    asked: Waiver = services.request_waiver(
        gate="ship-despite-open-case",
        subject=SubjectRef(case.subject_type, case.subject_id, case.client_id),
        subject_key=case.subject_key,
        client_id=case.client_id,
        case_id=case.pk,
        reason="The customer confirmed the address by telephone.",
        plan="Correct it on the way.",
        minutes=240,
        owner="client-success",
        by=house.actor("amal"),
        now=NOW,
    )
    return {
        "queue": "/queue/team/",
        "causes": "/queue/causes/",
        "exception": f"/exceptions/{case.key}/",
        "resolve": f"/exceptions/{case.key}/resolve/",
        "ask": f"/time-limited/new/?for={case.key}",
        "decide": f"/approvals/{asked.key}/",
        "approvals": "/approvals/",
        "orders": "/orders/",
        "order": f"/orders/{order.key}/",
        "notifications": "/notifications/",
        "preferences": "/settings/notifications/",
        "help": "/help/",
    }


def components(house: House, order: Order) -> str:
    """The page of components."""
    case = ExceptionCase.objects.get(subject_id=str(order.pk))
    template = engines["django"].from_string((Path(__file__).parent / "components.html").read_text())
    emergency = SimpleNamespace(subject_key="NW-1", requested_by_name="Lee Weber", expires_at=NOW, key="TLX-1")
    times = {
        "now": NOW,
        "later": NOW + timedelta(hours=3),
        "soon": NOW + timedelta(minutes=9),
        "past": NOW - timedelta(hours=2),
    }
    form = WaiverForm({"hours": "900"}, case=case, user_id=house.users["lee"].pk)
    request = RequestFactory().get("/components/")
    request.user, request.actor = house.users["lee"], house.actor("lee")  # type: ignore[attr-defined]
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]
    return str(template.render({"form": form, "emergency": emergency, **times}, request))


def picture(page: Page, scheme: Any, *, whole: bool) -> str:
    """The page as it is drawn now, as a data URL; without its frame, so that a new entry of the navigation is news once."""
    page.emulate_media(color_scheme=scheme)
    drawn = page.screenshot(caret="initial", clip=None if whole else INSIDE)
    return "data:image/png;base64," + base64.b64encode(drawn).decode()


def test_key_pages_and_components_look_as_they_did(page: Page, house: House, stopped: Order) -> None:
    judge = page.context.new_page()
    drawn = components(house, stopped)
    page.route("**/components/", lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=drawn))
    other = {}
    for name, path in {**about_everything(house, stopped), "components": "/components/"}.items():
        page.goto(path)
        for scheme in ("light", "dark"):
            now, file = picture(page, scheme, whole=name == "components"), KEPT / f"{name}-{scheme}.webp"
            if RENEW in os.environ:
                file.write_bytes(base64.b64decode(judge.evaluate(SMALLER, now).partition(",")[2]))
            before = "data:image/webp;base64," + base64.b64encode(file.read_bytes()).decode()
            if (share := judge.evaluate(DIFFERS, [before, now])) > MOST:
                other[file.name] = round(share, 4)
    assert other == {}, f"look at these, then keep them with {RENEW}=1"
