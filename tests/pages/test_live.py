"""What an open page is told without a reload: what came, what left, who else is there; and that it costs and moves nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client as Browser

from audit import clock
from audit.models import Event
from config.embedded.environment import presence_url
from config.embedded.redis import RedisServer
from exceptions import presence, services
from exceptions.models import ExceptionCase
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = RedisServer(Path(tmp_path_factory.mktemp("presence")))
    server.start()
    yield presence_url(server.url)
    server.stop()


@pytest.fixture
def with_redis(redis_url: str, settings: Any) -> None:
    settings.PRESENCE_URL = redis_url
    presence._client(redis_url).flushdb()


def say(browser: Browser, case: ExceptionCase, doing: str = "looking", page: str = "one") -> int:
    return browser.post("/presence/", {"key": case.key, "doing": doing, "page": page}).status_code


def asked(browser: Browser, path: str = "/queue/") -> str:
    return str(browser.get(path).context["live"])


def test_others_see_who_is_on_it_in_the_list_and_on_its_page(
    signed_in: SignedIn, house: House, with_redis: None
) -> None:
    (case,) = open_cases(house, 1)
    amal, bo = signed_in("amal"), signed_in("bo")
    before = Event.objects.count()
    assert say(amal, case) == 204
    assert "Amal Okafor: on this" in bo.get("/queue/").content.decode()
    assert "Amal Okafor is looking at this too" in bo.get(f"/exceptions/{case.key}/").content.decode()
    assert amal.get(f"/exceptions/{case.key}/").context["people"] == ()
    assert say(amal, case, "editing") == 204
    assert "Amal Okafor is editing" in bo.get(f"/exceptions/{case.key}/live/").content.decode()
    assert say(amal, case, "gone") == 204
    assert bo.get(f"/exceptions/{case.key}/").context["people"] == ()
    assert Event.objects.count() == before


def test_a_page_that_is_left_takes_back_only_what_it_said(house: House, with_redis: None) -> None:
    (case,) = open_cases(house, 1)
    now, amal = clock.now(), house.actor("amal")

    def said(doing: str, page: str) -> list[presence.Person]:
        services.note_presence(key=case.key, doing=doing, page=page, by=amal, now=now)
        return list(presence.people_on([case.key], besides="user:0", now=now).get(case.key, []))

    looking, editing = (presence.Person("Amal Okafor", is_editing=busy) for busy in (False, True))
    assert said("editing", "first") == [editing]
    assert said("looking", "second") == [editing]
    assert said("gone", "first") == [looking]
    assert said("gone", "second") == []


def test_who_says_nothing_for_45_seconds_is_gone(house: House, with_redis: None) -> None:
    (case,) = open_cases(house, 1)
    now, amal = clock.now(), house.actor("amal")
    services.note_presence(key=case.key, doing="looking", by=amal, now=now)
    for seconds, names in ((44, ["Amal Okafor"]), (45, [])):
        found = presence.people_on([case.key], besides="user:0", now=now + timedelta(seconds=seconds))
        assert [person.name for person in found.get(case.key, [])] == names


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1/0"])
def test_without_a_redis_nobody_is_shown_and_nothing_breaks(
    signed_in: SignedIn, house: House, settings: Any, url: str
) -> None:
    settings.PRESENCE_URL = url
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    assert say(amal, case) == 204
    assert [amal.get(path).status_code for path in ("/queue/", f"/exceptions/{case.key}/")] == [200, 200]


def test_presence_is_for_who_may_see_the_exception(signed_in: SignedIn, house: House, client: Browser) -> None:
    (case,) = open_cases(house, 1)
    assert say(signed_in("noor"), case) == 404
    assert say(signed_in("amal"), case, "dancing") == 422
    assert say(signed_in("amal"), case, page="not a page") == 422
    assert say(client, case) == 401


def test_the_queue_says_what_came_and_moves_no_row(signed_in: SignedIn, house: House) -> None:
    first = open_cases(house, 2)
    amal = signed_in("amal")
    live = asked(amal)
    answer = amal.get(live)
    assert (answer.context["news"].came, answer.context["news"].gone) == (0, frozenset())
    new = open_cases(house, 3)[-1]
    answer = amal.get(live)
    text = answer.content.decode()
    assert answer.context["news"].came == 1
    assert "1 new" in text
    assert f"row-{new.key}" not in text
    assert {row.key for row in answer.context["news"].rows} == {case.key for case in first}
    assert 'hx-swap-oob="innerHTML">1 new exception' in text
    assert 'hx-swap-oob="innerHTML">' not in amal.get(answer.context["live"]).content.decode()


def test_a_row_that_left_is_said_to_be_with_somebody_else(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    live = asked(amal)
    services.reassign_case(
        case_id=case.pk, to="mara", reason="knows them", by=house.actor("amal"), now=clock.now(), seen=case.version
    )
    answer = amal.get(live)
    assert answer.context["news"].gone == {case.key}
    assert "now with Mara Kowalczyk" in answer.content.decode()


def test_what_is_known_already_is_not_sent_again(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    live = f"/exceptions/{case.key}/live/?seen=1"
    answer = amal.get(live)
    again = amal.get(live, headers={"If-None-Match": answer["ETag"]})
    assert (answer.status_code, again.status_code, again.content) == (200, 304, b"")
    services.acknowledge_case(case_id=case.pk, by=house.actor("bo"), now=clock.now(), seen=case.version)
    told = amal.get(live, headers={"If-None-Match": answer["ETag"]})
    assert (told.status_code, "Bo Lindqvist took it" in told.content.decode()) == (200, True)


@pytest.mark.parametrize("count", [1, 3])
def test_asking_costs_the_same_for_one_row_and_for_three(
    signed_in: SignedIn, house: House, count: int, django_assert_num_queries
) -> None:
    open_cases(house, count)
    amal = signed_in("amal")
    live = asked(amal)
    with django_assert_num_queries(6):
        assert len(amal.get(live, headers={"HX-Request": "true"}).context["news"].rows) == count


def test_news_stay_within_what_somebody_may_see(signed_in: SignedIn, house: House, client: Browser) -> None:
    (case,) = open_cases(house, 1)
    since = (clock.now() - timedelta(hours=1)).isoformat().replace("+", "%2B")
    number = case.key.removeprefix("EX-")
    noor = signed_in("noor")
    news = noor.get(f"/queue/live/team/?since={since}&shown={number}").context["news"]
    assert (news.rows, news.came) == ([], 0)
    assert noor.get(f"/exceptions/{case.key}/live/").status_code == 404
    assert client.get(f"/queue/live/team/?since={since}&shown={number}").status_code == 401
    amal = signed_in("amal")
    for odd in (f"since={since}&shown=x", "since=then&shown=1", f"since={since}&shown=&due=whenever"):
        assert amal.get(f"/queue/live/team/?{odd}").status_code == 422
