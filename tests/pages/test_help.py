"""Help: how to begin, what each page is for, the words, the keys, what is new; and a way there from every page."""

import re
from collections.abc import Iterator

import pytest
from django.urls import URLResolver, get_resolver

from config import guide
from config.shell import PLACES, SHORTCUTS, topic
from tests.cast import House
from tests.pages.conftest import SignedIn


@pytest.mark.parametrize(("name", "role"), [("amal", "account_manager"), ("lee", "ops_lead"), ("ada", "auditor")])
def test_help_begins_with_the_readers_own_role(signed_in: SignedIn, house: House, name: str, role: str) -> None:
    starts = signed_in(name).get("/help/").context["starts"]
    assert [(start.role, mine) for start, mine in starts if mine] == [(role, True)]
    assert starts[0][1]
    assert len(starts) == len(guide.STARTS)


def test_every_place_is_explained_and_only_open_ones_are_linked(signed_in: SignedIn, house: House) -> None:
    assert {place.route for place in PLACES} - guide.PAGES.keys() == {"admin:index"}
    pages = signed_in("sam").get("/help/").context["pages"]
    linked = {anchor for anchor, _, _, url in pages if url}
    assert "page-audit-trail" in linked
    assert "page-audit-verify" not in linked
    assert len(pages) == len(guide.PAGES)


def addresses(found: URLResolver, before: str = "/") -> Iterator[str]:
    """Every address of the product, with an x for what differs."""
    for one in found.url_patterns:
        path = before + re.sub(r"<[^>]+>", "x", str(one.pattern))
        yield from addresses(one, path) if isinstance(one, URLResolver) else [path]


# Not pages within the frame, or with nothing to explain.
UNEXPLAINED = re.compile(
    r"/($|api/|admin/|sign(in|out)/|help/|language/|presence/|timers/|client-approval/|photos/|problems/|\.well-known/)|/[\w-]+(\.\w+)?$"
)


def test_the_question_mark_leads_to_the_words_about_this_page(signed_in: SignedIn, house: House) -> None:
    """On every page there is: a new one that nothing explains fails here."""
    amal = signed_in("amal")
    pages = [path for path in addresses(get_resolver()) if not UNEXPLAINED.match(path)]
    assert {
        "/exceptions/x/",
        "/orders/x/trace/",
        "/people/x/handover/",
        "/settings/security/",
        "/break-glass/new/",
    } <= {*pages}
    assert [path for path in pages if topic(path) == "start"] == []
    text = amal.get("/help/").content.decode()
    assert [path for path in pages if f'id="{topic(path)}"' not in text] == []
    assert f'href="/help/#{topic("/orders/")}"' in amal.get("/orders/").content.decode()


def test_the_keys_and_the_news_are_those_of_the_product(signed_in: SignedIn, house: House) -> None:
    page = signed_in("amal").get("/help/")
    assert all(str(shortcut.does) in page.content.decode() for shortcut in SHORTCUTS)
    releases = page.context["releases"]
    assert releases[0].title == "Unreleased"
    assert any(change.startswith("One command starts the product") for change in releases[0].changes)
    assert all("\n" not in change and "`" not in change for change in releases[0].changes)


def test_the_parts_have_addresses_of_their_own(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    assert amal.get("/help/shortcuts/")["Location"] == "/help/#shortcuts"
    assert amal.get("/help/glossary/")["Location"] == "/help/#glossary"
    assert amal.get("/help/nothing/").status_code == 404
