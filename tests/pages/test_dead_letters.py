"""Dead letters in the browser: found, understood, replayed or put away; and the demo's sandbox told to misbehave."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.crypto import seal_secret
from audit.models import Event
from orders.sync.models import InboundEvent, System
from orders.sync.sandbox import Sandbox
from orders.sync.states import InboundState
from rules.states import Layer
from tests.cast import House
from tests.pages.conftest import SignedIn

GOOD = '{"client": "northwind", "sku": "TENT", "available": 5, "changed_at": "2026-11-20T09:00:00Z"}'
BAD = '{"client": "northwind", "sku": "TENT", "available": "many", "changed_at": "2026-11-20T09:00:00Z"}'


@pytest.fixture
def shop(house: House) -> System:
    with acting(system_actor("test"), at=clock.now()):
        return System.objects.create(
            slug="shop", name="Shop", layer=Layer.STORE, client=house.clients["northwind"], owner=house.owners["lee"]
        )


def letters(shop: System, count: int = 1, *, body: str = GOOD) -> list[InboundEvent]:
    now = clock.now()
    made = [
        InboundEvent.objects.create(
            system=shop,
            client=shop.client,
            event_id=f"e-{n}",
            source="/shop",
            type="stock.changed",
            subject="TENT",
            time=now,
            received_at=now,
            due_at=now,
            finished_at=now,
            sealed=seal_secret(body),
            sha256="",
            preview={"sku": "TENT"},
            lane=0,
            state=InboundState.DEAD,
            cause="The handler was not there",
            violations=[{"pointer": "/available", "detail": "is no number"}],
        )
        for n in range(count)
    ]
    for letter in made:
        letter.refresh_from_db()
    return made


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_for_one_and_for_three(
    signed_in: SignedIn, shop: System, count: int, django_assert_max_num_queries: Any
) -> None:
    made = letters(shop, count)
    lee = signed_in("lee")
    with django_assert_max_num_queries(20):
        page = lee.get("/dead-letters/")
    assert page.context["letters"] == made[::-1]


def test_a_long_list_comes_in_pages_and_an_odd_mark_is_the_first_page(signed_in: SignedIn, shop: System) -> None:
    made = letters(shop, 51)
    lee = signed_in("lee")
    first = lee.get("/dead-letters/").context
    assert (len(first["letters"]), first["next_after"]) == (50, made[1].number)
    second = lee.get(f"/dead-letters/?after={first['next_after']}").context
    assert (second["letters"], second["next_after"]) == ([made[0]], "")
    for odd in ("²", "9" * 5_000, "x"):
        assert lee.get(f"/dead-letters/?after={odd}").context["letters"] == first["letters"], odd[:3]


def test_a_letter_says_what_is_wrong_and_to_whom_it_belongs(signed_in: SignedIn, shop: System) -> None:
    (letter,) = letters(shop)
    page = signed_in("ivy").get(f"/dead-letters/{letter.key}/")
    assert page.context["preview"] == '{\n  "sku": "TENT"\n}'
    (runbook,) = page.context["runbooks"]
    for words in ("The handler was not there", "/available", "is no number", f'href="/help/runbooks/{runbook.slug}/"'):
        assert words in page.content.decode()
    assert "Discard for good" not in page.content.decode()
    lees = signed_in("lee").get(f"/dead-letters/{letter.key}/")
    assert (lees.status_code, "Discard for good" in lees.content.decode()) == (200, True)
    for nobodys in ("DL-999999", "DL-²", "DL-", f"DL-{'9' * 40}"):
        assert signed_in("lee").get(f"/dead-letters/{nobodys}/").status_code == 404, nobodys


def test_another_clients_letter_is_as_good_as_none(signed_in: SignedIn, shop: System, house: House) -> None:
    (letter,) = letters(shop)
    noor = signed_in("noor")
    assert noor.get("/dead-letters/").status_code == 403
    assert noor.post(f"/dead-letters/{letter.key}/replay/", {"reason": "why not"}).status_code == 403
    assert InboundEvent.objects.get().state == InboundState.DEAD


def test_a_mended_letter_is_in_line_again_with_the_reason_in_the_trail(signed_in: SignedIn, shop: System) -> None:
    (letter,) = letters(shop)
    answer = signed_in("lee").post(
        f"/dead-letters/{letter.key}/replay/", {"reason": "The handler is back"}, follow=True
    )
    assert [str(said) for said in answer.context["messages"]] == [f"{letter.key} is in line again."]
    letter.refresh_from_db()
    assert (letter.state, letter.replays) == (InboundState.NEW, 1)
    told = Event.objects.get(type="event.replayed")
    assert (told.subject_id, '"reason":"The handler is back"' in told.body) == (str(letter.pk), True)


def test_a_letter_that_is_still_wrong_stays_and_says_why(signed_in: SignedIn, shop: System) -> None:
    (letter,) = letters(shop, body=BAD)
    answer = signed_in("lee").post(f"/dead-letters/{letter.key}/replay/", {"reason": "Try again"}, follow=True)
    (said,) = (str(message) for message in answer.context["messages"])
    assert said.startswith(f"{letter.key} still breaks its contract: /available")
    assert InboundEvent.objects.get().state == InboundState.DEAD


def test_putting_away_needs_a_reason_and_is_for_good(signed_in: SignedIn, shop: System) -> None:
    (letter,) = letters(shop)
    lee = signed_in("lee")
    address = f"/dead-letters/{letter.key}/discard/"
    refused = lee.post(address, {"reason": "x"}, follow=True)
    assert [str(said) for said in refused.context["messages"]] == ["Say why in at least 3 characters."]
    done = lee.post(address, {"reason": "Sent again by hand"}, follow=True)
    assert [str(said) for said in done.context["messages"]] == [f"{letter.key} is put away."]
    assert InboundEvent.objects.get().state == InboundState.DISCARDED
    assert lee.post(address, {"reason": "Sent again by hand"}).status_code == 404


def test_many_are_planned_confirmed_and_worked_each_by_itself(signed_in: SignedIn, shop: System) -> None:
    good, bad, gone = letters(shop, 3)
    InboundEvent.objects.filter(pk=bad.pk).update(sealed=seal_secret(BAD))
    lee = signed_in("lee")
    page = lee.get("/dead-letters/?system=shop&type=stock.changed")
    assert [(one.name, one.count) for one in page.context["streams"]] == [("Shop", 3)]
    assert 'name="do" value="replay"' in page.content.decode()
    odd = lee.get("/dead-letters/?colour=red")
    assert (odd.status_code, len(odd.context["letters"])) == (400, 0)
    nothing = lee.post("/dead-letters/bulk/", {"do": "replay"}, follow=True)
    assert "Choose at least one dead letter" in nothing.content.decode()

    plan = lee.post("/dead-letters/bulk/", {"do": "replay", "all": "1", "query": "system=shop"})
    assert [item["key"] for item in plan.context["shown"]] == [good.key, bad.key, gone.key]
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {InboundState.DEAD}
    confirm = {"plan": str(plan.context["plan"].pk)}
    assert lee.post("/dead-letters/bulk/", {**confirm, "reason": "x"}).status_code == 422
    InboundEvent.objects.filter(pk=gone.pk).update(state=InboundState.DISCARDED)
    job = lee.post("/dead-letters/bulk/", {**confirm, "reason": "The sender is mended"}, follow=True)
    work = job.context["work"]
    assert (work.done, work.skipped, work.refused) == (1, 1, 1)
    assert f'href="/dead-letters/{bad.key}/"' in job.content.decode()
    assert "still breaks its contract" in job.content.decode()
    good.refresh_from_db()
    assert (good.state, good.replays) == (InboundState.NEW, 1)

    rest = lee.post("/dead-letters/bulk/", {"do": "discard", "job": job.context["job"].key})
    assert [item["key"] for item in rest.context["shown"]] == [bad.key]
    lee.post("/dead-letters/bulk/", {"plan": str(rest.context["plan"].pk), "reason": "Sent again by hand"})
    bad.refresh_from_db()
    assert bad.state == InboundState.DISCARDED
    assert signed_in("ivy").post("/dead-letters/bulk/", {"do": "replay", "id": good.key}).status_code == 403


class TestTheSandbox:
    @pytest.fixture
    def sandbox(self, tmp_path: Path, settings: Any) -> Iterator[Sandbox]:
        sandbox = Sandbox(port=0, key="k", reply_to="http://127.0.0.1:9/", journal=tmp_path / "journal.db")
        sandbox.start()
        settings.DEMO, settings.SANDBOX_URL = True, sandbox.url
        yield sandbox
        sandbox.stop()

    @pytest.mark.usefixtures("sandbox")
    def test_it_is_there_only_in_the_demo_and_only_for_who_edits_systems(
        self, signed_in: SignedIn, settings: Any
    ) -> None:
        assert [signed_in(name).get("/sandbox/").status_code for name in ("kim", "amal")] == [200, 403]
        settings.DEMO = False
        assert signed_in("kim").get("/sandbox/").status_code == 404

    def test_it_sells_and_fails_as_it_is_told(self, signed_in: SignedIn, sandbox: Sandbox) -> None:
        kim = signed_in("kim")
        assert kim.get("/sandbox/").context["sells"] is True
        page = kim.post("/sandbox/", {"error": "20", "timeout": ""}, follow=True)
        assert (sandbox.control.rates, sandbox.control.sells, page.context["sells"]) == ({"error": 0.2}, False, False)
        kim.post("/sandbox/", {"error": "20", "sells": "on"})
        assert (sandbox.control.rates, sandbox.control.sells) == ({"error": 0.2}, True)
        assert [percent for mode, _, percent in page.context["modes"] if mode in {"error", "timeout"}] == [20, 0]
        assert [str(said) for said in page.context["messages"]] == ["The sandbox systems now behave like this."]

    @pytest.mark.parametrize(
        ("share", "words"), [("120", "a rate lies between 0 and 1"), ("often", "a share is no number from 0 to 100")]
    )
    def test_a_share_that_is_none_changes_nothing(
        self, signed_in: SignedIn, sandbox: Sandbox, share: str, words: str
    ) -> None:
        page = signed_in("kim").post("/sandbox/", {"error": share})
        assert words in page.content.decode()
        assert sandbox.control.rates == {}

    def test_one_that_is_down_is_said_to_be(self, signed_in: SignedIn, settings: Any) -> None:
        settings.DEMO, settings.SANDBOX_URL = True, "http://127.0.0.1:9"
        page = signed_in("kim").get("/sandbox/")
        assert (page.status_code, "The sandbox cannot be reached" in page.content.decode()) == (200, True)


def test_search_finds_what_came_in_by_its_id_for_whoever_may_see_it(signed_in: SignedIn, shop: System) -> None:
    (letter,) = letters(shop)
    lee = signed_in("lee")
    for words in ("e-0", letter.key, letter.key.lower()):
        page = lee.get("/search/", {"q": words})
        assert page.context["told"] == [letter], words
        assert f'href="/dead-letters/{letter.key}/"' in page.content.decode()
    assert [signed_in(name).get("/search/", {"q": "e-0"}).context["told"] for name in ("sam", "noor")] == [[], []]
    for odd in ("e-1", "DL-²", "DL-", "\x00", "DL-" + "9" * 30):
        assert lee.get("/search/", {"q": odd}).context["told"] == [], odd
