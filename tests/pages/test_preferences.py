"""Choosing what comes by e-mail, and reading what became of it."""

import json
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client as Browser

from audit import clock
from audit.errors import Invalid, Refused
from audit.models import Event
from exceptions import services
from exceptions.models import NotificationPreference
from rules import services as rules
from rules.errors import TokenRefused
from tests.cast import PASSWORD, House
from tests.pages.conftest import SignedIn, open_cases

BY_CHAT_AND_PAGER = {f"{channel}_{name}": "never" for channel in ("chat", "pager") for name in ("p2", "p3", "other")}
CHOSEN = BY_CHAT_AND_PAGER | {
    "p2": "now",
    "p3": "never",
    "other": "digest",
    "digest_at": "08:30",
    "quiet_from": "",
    "quiet_until": "",
}
PAGE = "/settings/notifications/"


def test_choosing_and_seeing_what_it_did(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    assert amal.get(PAGE).context["form"]["p3"].value() == "now"
    answer = amal.post(PAGE, CHOSEN, follow=True)
    assert "Kept. It holds from the next message on." in answer.content.decode()
    form = answer.context["form"]
    assert (form["p3"].value(), form["other"].value()) == ("never", "digest")
    owner = house.owners["amal"]
    services.notify(owner=owner, event="test", text="EX-7 is yours.", severity="P3", now=clock.now())
    services.deliver_notifications(now=clock.now())
    page = amal.get(PAGE).content.decode()
    assert "E-mail: not sent" in page
    assert "Wanted only in the product: P3." in page
    assert "EX-7" not in signed_in("noor").get(PAGE).content.decode()
    assert "EX-7" not in signed_in("bo").get(PAGE).content.decode()


def test_an_event_is_chosen_by_channel_and_what_ops_set_explains_itself(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    page = amal.get(PAGE).content.decode()
    assert "Paging for what is late, P1 or not, is set by ops." in page
    assert 'name="due_soon_email"' in page
    assert 'name="late_email"' not in page
    answer = amal.post(
        PAGE, {**CHOSEN, "mentioned_email": "never", "due_soon_pager": "now", "late_email": "never"}, follow=True
    )
    assert answer.context["form"]["mentioned_email"].value() == "never"
    assert NotificationPreference.objects.get().events == {
        "due_soon": {"pager": "now"},
        "mentioned": {"email": "never"},
    }
    services.notify(
        owner=house.owners["amal"], event="case.mentioned", text="EX-7: look.", severity="P2", now=clock.now()
    )
    services.deliver_notifications(now=clock.now())
    assert "Wanted only in the product: Somebody mentions me." in amal.get(PAGE).content.decode()
    assert "EX-7: look." in amal.get("/notifications/").content.decode()
    assert amal.post(PAGE, {**CHOSEN, "due_soon_pager": "digest"}).status_code == 422


def test_half_of_the_quiet_hours_is_said_at_its_field(signed_in: SignedIn, house: House) -> None:
    answer = signed_in("amal").post(PAGE, {**CHOSEN, "quiet_from": "22:00"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["quiet_until"])
    assert signed_in("amal").post(PAGE, {**CHOSEN, "p2": "often"}).status_code == 422
    assert not NotificationPreference.objects.exists()


def test_each_way_can_be_tried_out_and_says_what_came_of_it(house: House) -> None:
    """The form carries its token, so that a browser's post is taken."""
    amal = Browser(enforce_csrf_checks=True)
    assert amal.login(username="amal", password=PASSWORD)
    page = amal.get(PAGE).content.decode()
    form = page[page.index("/settings/notifications/test/") :]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form[: form.index("</form>")])
    assert token is not None
    sent = {"csrfmiddlewaretoken": token[1], "channel": "amal@handrail.example"}
    answer = amal.post("/settings/notifications/test/", sent, follow=True)
    assert "It was taken." in answer.content.decode()
    assert [letter.to for letter in mail.outbox] == [["amal@handrail.example"]]
    refused = amal.post("/settings/notifications/test/", {**sent, "channel": "noor@handrail.example"})
    assert refused.status_code == 404


def test_how_pages_look_is_kept_with_the_person(signed_in: SignedIn, house: House) -> None:
    """Another browser has it too, without a script."""
    page, usual = "/settings/display/", {"time_zone": "Europe/Berlin"}
    assert "data-theme" not in signed_in("amal").get(page).content.decode()
    answer = signed_in("amal").post(
        page, {**usual, "theme": "dark", "density": "compact", "after_act": "list"}, follow=True
    )
    assert "Kept. It holds in every browser you sign in with." in answer.content.decode()
    amal, bo = signed_in("amal"), signed_in("bo")
    assert '<html lang="en-gb" data-theme="dark" data-density="compact">' in amal.get("/queue/").content.decode()
    assert "data-theme" not in bo.get("/queue/").content.decode()
    assert amal.post(page, {**usual, "theme": "pink"}).status_code == 422
    with pytest.raises(Invalid):
        services.choose_display(chosen={"is_superuser": "1"}, by=house.actor("amal"), now=clock.now())
    amal.post(page, {"density": "compact", "key_mode": "alt", "time_zone": "Pacific/Auckland"})
    assert '<html lang="en-gb" data-density="compact" data-keys="alt">' in amal.get("/queue/").content.decode()
    assert "Times are those of Pacific/Auckland." in amal.get("/settings/notifications/").content.decode()
    with pytest.raises(Invalid, match="There is no time zone"):
        services.choose_display(chosen={"time_zone": "Mars/Olympus"}, by=house.actor("amal"), now=clock.now())
    changes = [
        json.loads(body)["changes"]
        for body in Event.objects.filter(type="person.display_chosen").order_by("seq").values_list("body", flat=True)
    ]
    assert changes == [
        {"theme": ["", "dark"], "density": ["", "compact"], "after_act": ["", "list"]},
        {
            "theme": ["dark", ""],
            "after_act": ["list", ""],
            "key_mode": ["", "alt"],
            "time_zone": ["Europe/Berlin", "Pacific/Auckland"],
        },
    ]


@pytest.mark.parametrize(
    ("wish", "shown"), [("", "/exceptions/{second}/"), ("list", "/queue/"), ("stay", "/exceptions/{first}/")]
)
def test_what_follows_a_resolved_exception_is_chosen(signed_in: SignedIn, house: House, wish: str, shown: str) -> None:
    first, second = open_cases(house, 2)
    services.choose_display(chosen={"after_act": wish}, by=house.actor("amal"), now=clock.now())
    given = {"seen": first.version, "outcome": "resolved"}
    answer = signed_in("amal").post(f"/exceptions/{first.key}/resolve/", given)
    assert answer.headers["Location"].split("?")[0] == shown.format(first=first.key, second=second.key)


def test_a_token_of_ones_own_is_shown_once_and_is_never_more_than_its_person(signed_in: SignedIn, house: House) -> None:
    page, amal = "/settings/tokens/", signed_in("amal")
    given = {
        "label": "My report",
        "expires_at": f"{clock.now() + timedelta(days=30):%Y-%m-%dT%H:%M}",
        "clients": ["northwind"],
        "scopes": ["exceptions.view_case"],
    }
    for beyond in ({"scopes": ["rules.edit_rules"]}, {"clients": ["fable"]}, {"expires_at": "2099-01-01T00:00"}):
        assert amal.post(page, {**given, **beyond}).status_code == 422, beyond
    made = amal.post(page, given)
    text = made.context["text"]
    assert text in made.content.decode()
    assert text not in amal.get(page).content.decode()
    actor = rules.authenticate_api_token(text=text, now=clock.now())
    assert (actor.user_id, actor.permissions) == (house.users["amal"].pk, frozenset({"exceptions.view_case"}))
    assert "last used" in amal.get(page).content.decode()
    with pytest.raises(Refused):
        rules.issue_api_token(
            user=house.users["amal"],
            label="child",
            scopes=[],
            clients=[],
            expires_at=clock.now() + timedelta(days=1),
            by=actor,
            now=clock.now(),
        )
    revoke = f"{page}{made.context['made'].pk}/revoke/"
    assert signed_in("bo").post(revoke).status_code == 404
    assert "lets nobody in any more" in amal.post(revoke, follow=True).content.decode()
    with pytest.raises(TokenRefused):
        rules.authenticate_api_token(text=text, now=clock.now())
    kinds = Event.objects.filter(type__startswith="token.").order_by("seq").values_list("type", flat=True)
    assert [*kinds] == ["token.issued", "token.revoked"]
