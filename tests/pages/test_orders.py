"""Orders, dead letters and status, read as people read them, over a day of the demo."""

from django.test import Client as Browser

from audit import clock
from orders.fulfilment.management import demo
from orders.fulfilment.models import Order


def signed_in(name: str) -> Browser:
    browser = Browser()
    assert browser.login(username=name, password=demo.DEMO_PASSWORD)
    return browser


def test_a_day_of_the_demo_reads_well(db: None) -> None:
    demo.seed(now=clock.now())
    every_page_opens_with_work_on_it()
    an_unknown_order_filter_shows_nothing()
    a_routed_order_is_exported_with_its_token_and_personal_data_is_hidden()


def every_page_opens_with_work_on_it() -> None:
    amal, lee, noor = signed_in("amal"), signed_in("lee"), signed_in("noor")
    listed = amal.get("/orders/").context["page"]
    assert listed.rows
    assert {row.client for row in listed.rows} == {"Northwind Outdoor"}
    for row in listed.rows[:8]:
        assert amal.get(f"/orders/{row.key}/").status_code == 200
        assert amal.get(f"/orders/{row.key}/trace/").status_code == 200
        assert noor.get(f"/orders/{row.key}/").status_code == 404
    team = lee.get("/queue/team/").context["page"]
    assert team.rows
    for case in team.rows[:8]:
        assert lee.get(f"/exceptions/{case.key}/").status_code == 200
        payload = lee.get(f"/exceptions/{case.key}/payload.json").json()
        assert payload["owner"]
        assert payload["sla"]["due_at"]
        assert len(payload["last_events"]) <= 5
    waiting = lee.get("/approvals/").context["waivers"]
    assert waiting
    assert lee.get(f"/approvals/{waiting[0][0].key}/").status_code == 200
    for path in ("/dead-letters/", "/audit/", "/status/", "/search/?q=1017"):
        assert lee.get(path).status_code == 200, path


def an_unknown_order_filter_shows_nothing() -> None:
    answer = signed_in("amal").get("/orders/?state=flying")
    assert (answer.status_code, list(answer.context["page"].rows)) == (400, [])


def a_routed_order_is_exported_with_its_token_and_personal_data_is_hidden() -> None:
    amal = signed_in("amal")
    routed = Order.objects.filter(decision__isnull=False, client__slug="northwind").order_by("key").first()
    assert routed is not None
    document = amal.get(f"/orders/{routed.key}/export.json").json()
    assert (document["order"], document["audit_token"].count(".")) == (routed.key, 2)
    page = amal.get(f"/orders/{routed.key}/").content.decode()
    assert "•••" in page
    assert signed_in("sam").get(f"/orders/{routed.key}/export.json").status_code == 403
