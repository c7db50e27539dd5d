"""What people were told, read on a page."""

from datetime import timedelta

import pytest
from django.core.mail.backends.locmem import EmailBackend

from audit import clock
from audit.models import Event
from exceptions import services
from exceptions.models import ExceptionCase, Notification
from exceptions.services import deliver_notifications
from exceptions.services.notifications import notify
from exceptions.states import CaseState
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases


def tell(house: House, owner: str, text: str, *, minutes_ago: int = 5, client: str = "northwind") -> Notification:
    notify(
        owner=house.owners[owner],
        event="case.reassigned",
        text=text,
        url="/queue/",
        client_id=house.clients[client].pk,
        now=clock.now() - timedelta(minutes=minutes_ago),
    )
    return Notification.objects.get(text=text)


def texts(signed_in: SignedIn, name: str) -> list[str]:
    return [row.notice.text for row in signed_in(name).get("/notifications/").context["page"].rows]


def test_unread_comes_first_then_newest_mine_and_my_teams(signed_in: SignedIn, house: House) -> None:
    tell(house, "amal", "old", minutes_ago=30)
    read = tell(house, "amal", "newest, read", minutes_ago=1)
    tell(house, "ops-team", "to my team", minutes_ago=10)
    tell(house, "bo", "to somebody else")
    signed_in("amal").post("/notifications/read/", {"id": str(read.pk)})
    assert texts(signed_in, "amal") == ["to my team", "old", "newest, read"]


def test_each_notice_says_whether_it_went_out_and_what_stood_in_the_way(
    signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said() -> str:
        return " ".join(signed_in("amal").get("/notifications/").content.decode().split())

    def down(*_: object) -> None:
        raise ConnectionRefusedError

    told = tell(house, "amal", "EX-1 is yours.")
    assert "E-mail: on its way" in said()
    with monkeypatch.context() as outage:
        outage.setattr(EmailBackend, "open", down)
        deliver_notifications(now=clock.now())
    assert 'E-mail: tried once</span> <span class="muted">ConnectionRefusedError. It is tried again.' in said()
    deliver_notifications(now=clock.now() + timedelta(minutes=5))
    assert "E-mail: sent" in said()
    assert told.deliveries.get().sent_at is not None


def test_the_shell_counts_what_is_unread(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    assert amal.get("/status/").context["shell"].unread == 0
    told = tell(house, "amal", "one")
    tell(house, "amal", "two")
    page = amal.get("/status/")
    assert page.context["shell"].unread == 2
    assert "Notifications, 2 unread" in page.content.decode()
    answer = amal.post("/notifications/read/", {"id": str(told.pk), "return": "/notifications/"})
    assert answer["Location"] == "/notifications/"
    assert amal.get("/status/").context["shell"].unread == 1


def test_all_means_all_that_was_shown(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    tell(house, "amal", "seen")
    seen_at = amal.get("/notifications/").context["as_of"]
    later = tell(house, "amal", "came later", minutes_ago=-1)
    amal.post("/notifications/read/", {"until": seen_at})
    assert list(Notification.objects.filter(read_at__isnull=True)) == [later]
    event = Event.objects.get(type="notification.read")
    assert (event.actor, '"count":1' in event.body) == (house.actor("amal").id, True)


def test_what_is_about_one_thing_is_found_and_read_together(signed_in: SignedIn, house: House) -> None:
    case = open_cases(house, 1)[0]
    tell(house, "amal", "about something else")
    services.reassign_case(case_id=case.pk, to="amal", reason="she knows them", by=house.actor("lee"), now=clock.now())
    amal, address = signed_in("amal"), f"/exceptions/{case.key}/"
    assert f'href="?about={address}"' in amal.get("/notifications/").content.decode()
    page = amal.get("/notifications/", {"about": address})
    assert f"Only what is about {case.key}." in page.content.decode()
    rows = page.context["page"].rows
    assert {row.notice.url for row in rows} == {address}
    amal.post("/notifications/read/", {"id": [str(row.notice.pk) for row in rows]})
    assert {one.text for one in Notification.objects.filter(read_at=None, owner=house.owners["amal"])} == {
        "about something else"
    }


def test_nobody_reads_or_marks_what_others_were_told(signed_in: SignedIn, house: House) -> None:
    told = tell(house, "amal", "for amal")
    for name in ("noor", "bo"):
        assert texts(signed_in, name) == []
        signed_in(name).post("/notifications/read/", {"id": str(told.pk)})
        signed_in(name).post("/notifications/read/", {"until": clock.now().isoformat()})
    told.refresh_from_db()
    assert told.read_at is None
    tell(house, "amal", "of a client amal does not have", client="fable")
    assert texts(signed_in, "amal") == ["for amal"]


def test_reading_is_not_acknowledging(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 1)
    signed_in("amal").post("/notifications/read/", {"until": clock.now().isoformat()})
    assert ExceptionCase.objects.get().state == CaseState.OPEN


@pytest.mark.parametrize("data", [{"id": "x"}, {"until": "yesterday"}])
def test_nonsense_is_refused(signed_in: SignedIn, house: House, data: dict[str, str]) -> None:
    assert signed_in("amal").post("/notifications/read/", data).status_code == 422
    assert signed_in("amal").get("/notifications/?after=1_x_y").status_code == 422


def test_long_inboxes_are_paged_across_the_border_of_unread_and_read(
    signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exceptions.selectors.notifications.PER_PAGE", 2)
    told = [tell(house, "amal", str(n), minutes_ago=10 - n) for n in range(5)]
    amal = signed_in("amal")
    amal.post("/notifications/read/", {"id": [str(told[4].pk), str(told[1].pk)]})
    seen, after = [], ""
    for _ in range(3):
        page = amal.get("/notifications/", {"after": after}).context["page"]
        seen += [row.notice.text for row in page.rows]
        after = page.next_after
    assert (seen, after) == (["3", "2", "0", "4", "1"], "")
