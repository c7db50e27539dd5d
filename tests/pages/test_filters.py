"""Filters of lists: menus that say how many each value would leave, fields for days, and what only the orders know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict

from audit import clock
from exceptions import selectors, services
from exceptions.selectors import queue
from exceptions.selectors.facets import FACETS
from exceptions.views.origins import filters_in
from orders.fulfilment.services import holds
from tests.api.conftest import Api
from tests.cast import House
from tests.orders.fulfilment.conftest import paid
from tests.pages.conftest import SignedIn, open_cases

__all__ = ["paid"]


def values(answer: Any) -> dict[str, int]:
    assert answer.status_code == 200, answer.content
    return {one.value: one.count for one in answer.context["facet"].values}


def test_a_menu_counts_its_values_under_the_other_filters_only(
    signed_in: SignedIn, house: House, django_assert_max_num_queries: Any
) -> None:
    first, *_ = open_cases(house, 3)
    open_cases(house, 5, client="fable")  # of which three are about parcels that have one
    services.acknowledge_case(case_id=first.pk, by=house.actor("lee"), now=clock.now())
    lee = signed_in("lee")
    assert values(lee.get("/queue/values/team/client/?client=fable")) == {"northwind": 3, "fable": 2}
    assert values(lee.get("/queue/values/team/client/?state=open&client!=fable")) == {"northwind": 2, "fable": 2}
    assert values(lee.get("/queue/values/team/state/?client=fable&state=acknowledged")) == {
        "open": 2,
        "acknowledged": 0,
    }
    assert values(lee.get("/queue/values/team/type/?state=acknowledged")) == {"address": 1}
    assert values(lee.get("/queue/values/team/cause/")) == {"none": 5}
    teams = values(lee.get("/queue/values/team/owner/?client=northwind"))
    assert (teams["lee"], teams["team:client-success"], teams["client-success"]) == (1, 2, 2)
    assert values(signed_in("amal").get("/queue/values/team/client/")) == {"northwind": 3}
    for name in FACETS:
        with django_assert_max_num_queries(8):
            lee.get(f"/queue/values/team/{name}/?client=fable", headers={"HX-Request": "true"})


def test_counts_stop_where_the_page_says_and_a_cut_list_says_so(
    signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_COUNTED", 1)
    open_cases(house, 3)
    lee = signed_in("lee")
    page = lee.get("/queue/values/team/cause/")
    assert ("1+" in page.content.decode(), page.context["facet"].is_cut) == (True, True)
    assert "1+" in lee.get("/queue/values/team/state/").content.decode()


def test_a_menu_is_a_page_of_its_own_that_leads_back_with_the_other_filters(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 1)
    lee = signed_in("lee")
    menu = lee.get("/queue/team/?client=northwind&state!=waiting&due=today").content.decode()
    assert '<select class="input" name="type" aria-label="Type" multiple size="8">' in menu
    assert 'href="/queue/values/team/type/?client=northwind&amp;due=today&amp;state%21=waiting"' in menu
    page = lee.get("/queue/values/team/type/?client=northwind&state!=waiting&due=today")
    kept = [f'<input type="hidden" name="{n}" value="{v}">' for n, v in page.context["kept"]]
    assert page.context["kept"] == [("client", "northwind"), ("state!", "waiting"), ("due", "today")]
    assert all(one in page.content.decode() for one in kept)
    part = lee.get("/queue/values/team/type/", headers={"HX-Request": "true"}).content.decode()
    assert ("<html" in part, 'value="address"' in part) == (False, True)
    assert [lee.get(f"/queue/values/{one}/").status_code for one in ("team/colour", "house/type")] == [404, 404]
    assert lee.get("/queue/values/team/type/?client=acme").status_code == 422


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ("due=&due.from=2026-11-01&due.to=2026-11-20&due.was=", "due=2026-11-01..2026-11-20"),
        ("due=&due.from=2026-11-01&due.to=&due.was=", "due=2026-11-01.."),
        ("due=1h&due.from=2026-11-01&due.to=&due.was=2026-11-01..", "due=1h"),
        ("due=2026-11-01..&due.from=&due.to=&due.was=2026-11-01..", "view=all"),
        ("due=2026-11-01..&due.from=2026-11-02&due.to=&due.was=2026-11-01..", "due=2026-11-02.."),
        (
            "due=overdue&due.from=&due.to=&due.was=overdue&state=open&state=waiting&q=",
            "due=overdue&state=open&state=waiting",
        ),
        ("created.from=soon&created.to=&created.was=", "created=soon.."),
    ],
)
def test_fields_for_days_become_the_grammar_of_the_address(signed_in: SignedIn, sent: str, asked: str) -> None:
    answer = signed_in("lee").get(f"/queue/team/?{sent}")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/queue/team/?{asked}",
    )


def test_days_are_those_of_the_persons_zone_and_a_bad_one_shows_nothing(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    lee = signed_in("lee")
    today = case.opened_at.astimezone(ZoneInfo(house.users["lee"].time_zone)).date()
    assert [row.key for row in lee.get(f"/queue/team/?created={today}..{today}").context["page"].rows] == [case.key]
    page = lee.get(f"/queue/team/?created=..{today - timedelta(days=1)}")
    assert (page.context["page"].rows, page.context["chips"][0].label) == ([], "Opened")
    assert lee.get("/queue/team/?created=soon..").status_code == 400


def test_what_holds_an_order_and_where_it_was_placed_narrow_its_exceptions(
    signed_in: SignedIn, house: House, paid: Any
) -> None:
    (web,) = paid("W-1", fraud_score=85, channel="web")
    (market,) = paid("M-1", fraud_score=85, channel="marketplace")
    lee, now = house.actor("lee"), clock.now()
    holds.hold_order(order_id=web.pk, words="Ask first", by=lee, now=now)
    other, *_ = open_cases(house, 1)

    def asked(query: str) -> set[str]:
        filters = filters_in(QueryDict(query), "team")
        return {row.subject_key for row in selectors.queue_page(by=lee, filters=filters, now=now).rows}

    assert asked("channel=web") == asked("hold=person") == asked("channel=web&hold=person") == {web.key}
    assert asked("channel=web&channel=marketplace") == {web.key, market.key}
    assert asked("hold!=person") == asked("channel!=web") == {market.key, other.subject_key}
    assert asked("channel=nowhere") == asked("hold=stock") == set()
    visitor = signed_in("lee")
    assert values(visitor.get("/queue/values/team/channel/")) == {"web": 1, "marketplace": 1}
    assert values(visitor.get("/queue/values/team/hold/?channel=web")) == {"person": 1}
    assert values(visitor.get("/queue/values/team/hold/?channel=marketplace")) == {}
    api = Api(house.users["lee"])
    for query in ("channel=web", "hold=person", "created=7d&hold=person"):
        assert [one["subject_key"] for one in api.get(f"exceptions?state=live&{query}").json()["results"]] == [web.key]
    assert api.get("exceptions?hold=x").status_code == 400


def test_the_menus_of_orders_count_too(
    signed_in: SignedIn, house: House, paid: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = paid("W-1", channel="web")
    paid("M-1", channel="marketplace")
    holds.hold_order(order_id=first.pk, words="Ask first", by=house.actor("lee"), now=clock.now())
    lee = signed_in("lee")
    assert values(lee.get("/orders/values/channel/?channel=web")) == {"web": 1, "marketplace": 1}
    assert values(lee.get("/orders/values/client/?channel=web")) == {"northwind": 1}
    assert values(lee.get("/orders/values/hold/?channel=web")) == {"person": 1}
    assert values(lee.get("/orders/values/state/?channel=web")) == {"on_hold": 1}
    assert len(values(lee.get("/orders/values/flow/"))) == 1
    assert lee.get("/orders/values/colour/").status_code == 404
    moved = lee.get("/orders/?tab=all&placed=&placed.from=2026-11-01&placed.to=&placed.was=&channel=web")
    assert moved.headers["Location"] == "/orders/?tab=all&placed=2026-11-01..&channel=web"
