"""What a client is told: the same figures on the page, in the table, in the document and through the API, and only its own."""

import csv
import re
import zlib
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.utils.translation import override

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.models import Event
from exceptions.models import ExceptionCase
from exceptions.services import resolve_case
from orders.fulfilment.models import Fulfilment, Order, ParcelCheck
from orders.fulfilment.selectors.client_report import ClientReport, Row, Table, client_report
from orders.fulfilment.services.checking import perform_check
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.fulfilment.tables.client_report import pdf_of
from orders.sync.models import OutboundMessage, System
from rules.models import Client, QualityCheck
from rules.services import freeze_rule_book
from rules.states import Layer
from tests.cast import House
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import grant
from tests.pages.conftest import SignedIn

pytestmark = pytest.mark.django_db
REPORT = "/clients/northwind/report"


@pytest.fixture
def days(house: House) -> str:
    """Three tents sent: one in time, one late, one after a check had failed and kept back; one order that stays unpaid, one of fable."""
    client, now, by = house.clients["northwind"], clock.now() - timedelta(hours=1), system_actor("test")
    with acting(by, at=now):
        QualityCheck.objects.filter(slug="right-contents").update(is_active=True)
        owner = house.owners["logistics"]
        warehouse = System.objects.create(slug="wh", name="WH", layer=Layer.OTHER, client=client, owner=owner)
    freeze_rule_book(by=by, now=now, note="checks")
    for one in (client, house.clients["fable"]):
        count_stock(news=[make.stock(one, now, "TENT-2", 10)], by=by, now=now)
    paid = {"paid_at": now.isoformat(), "promised_at": (now + timedelta(minutes=20)).isoformat()}
    placed = [make.placed(client, now, **more) for more in (paid, paid, paid, {})]
    place_orders(news=[*placed, make.placed(house.clients["fable"], now, **paid)], by=by, now=now)
    parcels = list(Fulfilment.objects.filter(client=client).order_by("order__number"))
    with acting(by, at=now):
        for parcel, minutes in zip(parcels, (30, 5, 30), strict=True):
            parcel.due_at = now + timedelta(minutes=minutes)
            parcel.save()
    check = ParcelCheck.objects.get(fulfilment=parcels[2])
    for code in ("OTHER", "TENT-2"):
        perform_check(check_id=check.pk, seen={"code": code}, by=by, now=now + timedelta(minutes=1))
    for parcel in parcels[:2]:
        told = {"task": parcel.key, "at": (now + timedelta(minutes=10)).isoformat()}
        for kind in ("shipment.handed_over", "shipment.delivered"):
            take_news(news=[make.news(kind, client, parcel.key, now, **told)], by=by, now=now + timedelta(minutes=10))
    for number, seconds in enumerate((1, 60, 1_200)):
        sent = now + timedelta(seconds=seconds)
        OutboundMessage.objects.create(
            key=f"m{number}",
            system=warehouse,
            client=client,
            type="task.requested",
            caused_at=now,
            created_at=now,
            preview={},
            state="sent",
            sent_at=sent,
            due_at=now,
        )
    grant(Order.objects.get(pk=parcels[2].order_id), "skip-quality-check", client, now + timedelta(minutes=2))
    for case in ExceptionCase.objects.live().filter(client=client):
        resolve_case(case_id=case.pk, outcome="resolved", by=by, now=now + timedelta(minutes=40))
    return f"?since={now.date()}&until={clock.now().date()}"


def told_by(page: Any) -> dict[tuple[str, str, str], Any]:
    return {
        (table.slug, *figure[:2]): figure[2] for table in page.context["report"].tables for figure in table.figures()
    }


def test_page_table_document_and_program_say_the_same(signed_in: SignedIn, house: House, days: str) -> None:
    amal = signed_in("amal")
    page = amal.get(f"{REPORT}/{days}")
    told = told_by(page)
    counted_by_hand = {
        "orders": {"awaiting_payment": [1], "in_fulfilment": [1], "delivered": [2], "all": [4]},
        "on_time": {"sent": [3, 1, 2, 33.3], "confirmed": [0, 0, 0, None], "delivered": [3, 2, 1, 66.7]},
        "exceptions": {
            "moved-while-held": [2, 2, 30],
            "quality-check": [1, 0, None],
            "all": [3, 2, 30],
        },
        "time_limited_exceptions": {"skip-quality-check": [1, 1], "all": [1, 1]},
        "quality": {"scan": [1, 1, 0, 0.0]},
        "delay": {"systems": [3, 1, 60.0, 1086.0, 1200.0]},
    }
    assert {
        table.slug: {row.slug: list(row.values)[: 3 if table.slug == "exceptions" else None] for row in table.rows}
        for table in page.context["report"].tables
    } == counted_by_hand
    rows = csv.DictReader(b"".join(amal.get(f"{REPORT}.csv{days}")).decode().splitlines())
    assert {(row["table"], row["of"], row["figure"]): row["value"] for row in rows} == {
        names: "" if value is None else str(value) for names, value in told.items()
    }
    answer = amal.get(f"/api/v1/clients/northwind/report{days}").json()
    assert {
        (table["table"], row["of"], figure): value
        for table in answer["tables"]
        for row in table["rows"]
        for figure, value in row["values"].items()
    } == told
    document = amal.get(f"{REPORT}.pdf{days}").content
    written = " ".join(texts_of(document))
    for table in page.context["report"].tables:
        for row in table.rows:
            assert row.label.replace(" ", "") in written.replace(" ", ""), row.label
            assert all(text in written for text in row.shown), row
    assert Event.objects.filter(type="client.report_exported").count() == 2


def texts_of(document: bytes) -> list[str]:
    """What a PDF writes, piece by piece."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL)
    pages = [zlib.decompress(one).decode("latin-1") for one in streams if one.startswith(b"x")]
    found = [piece for page in pages for piece in re.findall(r"\((.*?)(?<!\\)\)\s*Tj", page)]
    return [re.sub(r"\\(.)", r"\1", piece.encode("latin-1").decode("cp1252")) for piece in found]


def test_a_report_is_of_its_days_and_of_its_client_alone(signed_in: SignedIn, house: House, days: str) -> None:
    """Noor works for fable: northwind does not exist for her, and nothing of it is in what she reads."""
    amal, noor = signed_in("amal"), signed_in("noor")
    before = told_by(amal.get(f"{REPORT}/?since=2026-01-01&until=2026-01-31"))
    assert {value for (table, *_), value in before.items()} <= {0, None}
    for ending in ("/", ".csv", ".pdf"):
        assert noor.get(f"{REPORT}{ending}{days}").status_code == 404
    assert noor.get(f"/api/v1/clients/northwind/report{days}").status_code == 404
    theirs = told_by(noor.get(f"/clients/fable/report/{days}"))
    assert (theirs["orders", "all", "orders"], theirs["delay", "systems", "messages"]) == (1, 0)
    wrong = amal.get(f"{REPORT}/?since=2026-02-01&until=2026-01-01")
    assert (wrong.status_code, "Choose a first day" in wrong.content.decode()) == (400, True)
    assert amal.get(f"{REPORT}.pdf?since=yesterday").status_code == 422
    assert not Event.objects.filter(type="client.report_exported").exists()


def test_every_figure_that_leads_to_orders_leads_to_as_many(signed_in: SignedIn, house: House, days: str) -> None:
    amal = signed_in("amal")
    page = amal.get(f"{REPORT}/{days}").content.decode()
    figures = re.findall(r'<a href="(/orders/\?[^"]*placed[^"]*)">(\d+)</a>', page)
    assert len(figures) >= 3
    assert [amal.get(unescape(link)).context["page"].count for link, _ in figures] == [int(n) for _, n in figures]


def test_a_document_in_german_has_every_letter_its_readers_have() -> None:
    client = Client(name="Łódź & Söhne 東")
    rows = [Row("all", "Alle zusammen", [1_234, None, 66.7])]
    table = Table("t", "Geprüft", "", "Zustand", [("a", "A"), ("b", "B"), ("c", "C")], rows)
    report = ClientReport(client, date(2026, 11, 1), date(2026, 11, 30), clock.now(), [table])
    with override("de"):
        written = " ".join(texts_of(pdf_of(report)))
    for text in ("?ódz & Söhne ?", "Geprüft", "1.234", "66,7", "\N{EN DASH}", "1. November 2026"):
        assert text in written, text


def test_what_was_promised_leads_to_just_those_orders_once_all_of_it_is_due(
    signed_in: SignedIn, house: House, days: str
) -> None:
    until = clock.now().date() + timedelta(days=1)
    about: Any = {"by": house.actor("amal"), "since": until - timedelta(days=30), "until": until}
    later, now = (
        {row.slug: row for table in client_report("northwind", **about, now=at).tables for row in table.rows}
        for at in (clock.now() + timedelta(days=3), clock.now())
    )
    page = signed_in("amal").get(f"/orders/?{later['delivered'].query}").context["page"]
    assert (now["delivered"].query, page.count) == ("", later["delivered"].values[0])
    assert page.count
