"""Choosing what comes by e-mail, and reading what became of it."""

import re

from django.core import mail
from django.test import Client as Browser

from audit import clock
from exceptions import services
from exceptions.models import NotificationPreference
from tests.cast import PASSWORD, House
from tests.pages.conftest import SignedIn

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
