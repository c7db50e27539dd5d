"""Content in the browser: the list, one asset with what it waits for, and different messaging from wish to decision."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client as Browser

from audit import clock
from audit.models import Event
from orders.campaigns.models import Asset, MessagingChange
from orders.campaigns.services.hearing import ContentNews, hear_publications
from orders.campaigns.services.reviewing import sign_item, submit_asset
from tests.cast import House
from tests.orders.campaigns.conftest import begin, review
from tests.pages.conftest import SignedIn

pytestmark = pytest.mark.django_db


def live(house: House, now: datetime, slug: str) -> Asset:
    """Published, with everything that has to follow still expected."""
    asset = review(begin(house, now, slug), house, now)
    news = ContentNews("-", f"e-{slug}", "content.published", asset.client_id, slug, 1, {})
    assert hear_publications(news=[news], by=house.actor("lee"), now=now) == {}
    return Asset.objects.get(pk=asset.pk)


def test_the_list_says_who_has_it_and_costs_the_same_for_one_and_for_three(
    signed_in: SignedIn, house: House, django_assert_num_queries: Any
) -> None:
    amal = signed_in("amal")
    for there in (["tents-0"], ["tents-2", "tents-1", "tents-0"]):
        for slug in there[: -1 if len(there) > 1 else None]:
            live(house, clock.now(), slug)
        amal.get("/content/")
        with django_assert_num_queries(8):
            page = amal.get("/content/")
        rows = page.context["page"].rows
        assert {(row.asset.slug, row.met, len(row.outcomes)) for row in rows} == {(slug, 0, 5) for slug in there}
    assert "0 of 5 seen" in page.content.decode()
    assert signed_in("noor").get("/content/").context["page"].rows == []
    assert [amal.get(f"/content/?{asked}").status_code for asked in ("tab=waiting", "after=x")] == [200, 400]


def test_from_draft_to_approval_on_its_pages(signed_in: SignedIn, house: House) -> None:
    amal, lee = signed_in("amal"), signed_in("lee")
    given = {"client": "northwind", "kind": "blog-post", "slug": "tents", "title": "Tents", "skus": "TENT-2\nPEG-9"}
    blank = amal.post("/content/new/", given)
    assert (blank.status_code, set(blank.context["form"].errors)) == (422, {"owner", "backup", "content_owner"})
    holders = {"owner": "amal", "backup": "bo", "content_owner": "lee"}
    assert amal.post("/content/new/", given | holders).status_code == 302
    asset = Asset.objects.get()
    url = f"/content/{asset.key}/"
    assert asset.skus == ["TENT-2", "PEG-9"]
    shown = " ".join(amal.get(url).content.decode().split())
    assert re.search(r"<dt>Owner</dt>\s?<dd>Amal Okafor</dd>.*<dt>Backup</dt>\s?<dd>Bo Lindqvist</dd>", shown)
    described = amal.get(f"{url}edit/").context["form"].initial
    assert amal.post(f"{url}edit/", described | {"title": "New tents", "reason": "Better"}).status_code == 302
    assert amal.post(f"{url}edit/", described | {"title": "Old", "reason": "Slower"}).status_code == 409
    seen = amal.get(f"{url}do/submit/").context["form"].initial
    assert amal.post(f"{url}do/submit/", seen).status_code == 302
    unsigned = lee.post(f"{url}do/approve/", lee.get(f"{url}do/approve/").context["form"].initial)
    assert (unsigned.status_code, "Nobody has signed yet" in unsigned.content.decode()) == (409, True)
    for item in Asset.objects.get().checklist:
        assert amal.post(f"{url}sign/", {"item": item, "revision": 1}).status_code == 302
    assert amal.post(f"{url}sign/", {"item": item, "revision": 1}).status_code == 409
    seen = lee.get(f"{url}do/approve/").context["form"].initial
    assert amal.post(f"{url}do/approve/", seen).status_code == 403
    assert Event.objects.filter(type="access.refused", actor=house.actor("amal").id).exists()
    assert lee.post(f"{url}do/approve/", seen).status_code == 302
    page = lee.get(url)
    assert (page.context["asset"].state, "Approved, to be published" in page.content.decode()) == ("approved", True)
    assert [lee.get(f"{url}do/burn/").status_code, lee.get("/content/AS-x/").status_code] == [404, 404]


def test_different_messaging_is_asked_for_and_decided_by_the_named_one(signed_in: SignedIn, house: House) -> None:
    asset = live(house, clock.now(), "tents")
    url = f"/content/{asset.key}/"
    bo, lee = signed_in("bo"), signed_in("lee")
    form = bo.get(f"{url}messaging/")
    assert "Lee Weber decides" in form.content.decode()
    assert bo.post(f"{url}messaging/", {"wanted": ""}).status_code == 422
    assert bo.post(f"{url}messaging/", {"wanted": "Say that it keeps dry"}).status_code == 302
    assert bo.post(f"{url}messaging/", {"wanted": "Say that it keeps dry"}).status_code == 409
    wish = MessagingChange.objects.get()
    assert "Needs different messaging" not in bo.get(url).content.decode()
    case = lee.get(f"/exceptions/{wish.case_key}/")
    assert "Say that it keeps dry" in case.content.decode()
    decision = {"decision": "change", "reason": "Half of them ask"}
    assert bo.post(f"{url}messaging/decide/", decision).status_code == 403
    assert lee.post(f"{url}messaging/decide/", {"decision": "change"}).status_code == 422
    assert lee.post(f"{url}messaging/decide/", decision).status_code == 302
    page = bo.get(url).content.decode()
    assert [words in page for words in ("Half of them ask", "Revision asked for", wish.case_key)] == [True] * 3
    assert lee.post(f"{url}messaging/decide/", decision).status_code == 409


def test_the_page_behind_the_link_needs_no_account_and_says_kindly_when_it_is_over(
    signed_in: SignedIn, house: House
) -> None:
    reviewed = begin(house, clock.now(), "tents")
    submit_asset(asset_id=reviewed.pk, by=house.actor("amal"), now=clock.now())
    reviewed.refresh_from_db()
    for item in reviewed.checklist:
        sign_item(asset_id=reviewed.pk, item=item, revision=1, by=house.actor("bo"), now=clock.now())
    amal, url = signed_in("amal"), f"/content/{reviewed.key}/"
    assert "Ask the client…" in amal.get(url).content.decode()
    asked: dict[str, Any] = {"contact": "Jo Client", "hours": 24, "preview": "https://cms.example/preview/tents"}
    assert amal.post(f"{url}client/", {**asked, "preview": "nowhere"}).status_code == 422
    link = urlsplit(amal.post(f"{url}client/", asked).context["link"]).path
    assert amal.post(f"{url}client/", asked).status_code == 409
    jo = Browser()
    page = jo.get(link)
    assert (page.status_code, page["Referrer-Policy"], page["X-Robots-Tag"]) == (200, "no-referrer", "noindex")
    assert [words in page.content.decode() for words in ("Do you agree to", asked["preview"], "Amal Okafor asks")] == [
        True
    ] * 3
    given = {"seen_hash": page.context["form"].initial["seen_hash"], "name": "Jo", "comment": ""}
    assert jo.post(link, {**given, "decision": "decline"}).status_code == 422
    thanks = jo.post(link, {**given, "decision": "agree"})
    assert (thanks.status_code, "You agreed" in thanks.content.decode()) == (200, True)
    for late in (jo.get(link), jo.post(link, {**given, "decision": "agree"})):
        assert (late.status_code, "Ask the person who sent it to you for a new one." in late.content.decode()) == (
            404,
            True,
        )
    told = amal.get(url).content.decode()
    assert ["The client agreed" in told, "The client agreed to the revision" in told] == [True, True]
    seen = signed_in("lee").get(f"{url}do/approve/").context["form"].initial
    assert signed_in("lee").post(f"{url}do/approve/", seen).status_code == 302
    assert Asset.objects.get().state == "approved"
    assert amal.post(f"{url}client/take-back/").status_code == 409
