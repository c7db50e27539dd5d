"""Every page, every method, every role, from the grants docs/permissions.md is written from; another client's record is as good as none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit.access import GRANTS, Role
from audit.models import Event
from tests.cast import House
from tests.doors import FROM_LEAST, IN_TURN, POLICY, Visit, policy_of, signed_in, visit
from tests.permissions.pages import OPEN, PAGES, RECORDS, SIGNED_IN, WHO_ASKED, Way

# Whoever opens these is led on: to sign in, or to show again that it is still them.
LEAD_ON = {"signout", "set_language", *(name for name in PAGES if name.startswith(("mfa_", "account_reauth")))}
WRITTEN_ELSEWHERE = {"admin", "api"}
NORTHWIND = ("northwind", "nw-", "ex-", "tent-2")


def addresses(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address there is, but those of the API and the admin."""
    for one in patterns:
        if isinstance(one, URLPattern):
            yield f"{space}{one.name}", one
        elif (name := str(one.namespace or one.app_name or "")) not in WRITTEN_ELSEWHERE and "api" not in str(
            one.pattern
        ):
            yield from addresses(one.url_patterns, f"{name}:" if name else space)


KNOWN = dict(addresses(get_resolver().url_patterns))


def address(name: str, way: Way, keys: dict[str, Any]) -> str:
    """Northwind's page of this name."""
    key = keys.get(RECORDS.get(name, ""))
    fitting = {
        "key": key,
        "number": 1,
        "line": 1,
        "page": "mine",
        "index": 1,
        "action": "note",
        "scope": "team",
        "username": "amal",
        "part": "glossary",
        "slug": "not-found",
        "team_slug": "ops-team",
        "provider_id": "company",
        "pk": 1,
        "event_id": key,
        "hold": keys["hold"],
        "check": keys["check"],
        "sku": keys["sku"],
        "name": "messages-refused",
        "filter_name": "state",
        "gate": "ship-despite-open-case",
        "deed": "read",
        "contract": "order.placed",
        "flow": "warehouse-pick-pack",
        "system": keys["system"],
        "act": "submit" if name.startswith("campaigns:") else "accept-risk",
        "agreed": keys["nobodys"],
        "token": "nobodys",
        "subject_type": "fulfilment.order",
        "subject_id": keys["order-pk"],
    }
    given = {kind: fitting[kind] for kind in KNOWN[name].pattern.converters}
    return reverse(name, kwargs=given) + way.query.format(**keys)


@dataclass(frozen=True)
class Answer:
    """What came back; a file is read to its end, which closes it."""

    status: int
    text: str
    is_elsewhere: bool


def ask(browser: Browser, method: str, url: str, way: Way, keys: dict[str, Any]) -> Answer:
    """Ask, and take back what it did, so that the next asker finds the same."""
    given = {name: value.format(**keys) if isinstance(value, str) else value for name, value in way.given.items()}
    with transaction.atomic():
        came: Any = browser.get(url) if method == "GET" else browser.post(url, given)
        body = b"".join(came.streaming_content) if came.streaming else came.content
        transaction.set_rollback(True)
    assert policy_of(came) == POLICY, url
    to_sign_in = came.status_code == 302 and came["Location"].startswith(f"{settings.LOGIN_URL}?next=")
    return Answer(came.status_code, str(body.decode(errors="replace")), to_sign_in)


def ways() -> list[tuple[str, str, Way]]:
    return [(name, method, way) for name, methods in PAGES.items() for method, way in methods.items()]


def is_allowed(way: Way, person: str, role: Role) -> bool:
    granted = way.needs in GRANTS[role] or way.needs in {OPEN, SIGNED_IN}
    return granted and (not way.only or person in way.only)


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox has its page only there; nothing answers at its address."""
    monkeypatch.setattr(settings, "DEMO", True)
    monkeypatch.setattr(settings, "SANDBOX_URL", "http://127.0.0.1:9")


def test_every_address_is_in_the_matrix() -> None:
    assert sorted(KNOWN) == sorted(PAGES)


def test_every_permission_of_the_matrix_exists() -> None:
    granted = frozenset().union(*GRANTS.values()) | {OPEN, SIGNED_IN, WHO_ASKED}
    assert [(name, way.needs) for name, _, way in ways() if way.needs not in granted] == []


def test_every_role_gets_in_where_it_has_the_permission_and_nowhere_else(
    house: House, keys: dict[str, Any], demo: None, unrendered: None
) -> None:
    wrong: list[object] = []
    visits: dict[tuple[str, str, bool], list[Visit]] = defaultdict(list)
    browsers = {person: signed_in(house.users[person]) for _, person in FROM_LEAST}
    for allowed, role, person in IN_TURN:
        for name, method, way in ways():
            if name in LEAD_ON or is_allowed(way, person, role) != allowed:
                continue
            before = visits[name, method, allowed]
            if not way.only and any(one.tells_of(role, let_in=allowed) for one in before):
                continue
            answer, this = visit(role, ask, browsers[person], method, address(name, way, keys), way, keys)
            refused = answer.status == 403 or answer.is_elsewhere
            if refused == allowed or answer.status in ({405, 500} if way.is_own else {404, 405, 500}):
                wrong.append((person, method, name, answer.status))
            else:
                before.append(this)
    assert "\n".join(map(str, wrong)) == ""


def test_strangers_are_sent_to_sign_in_everywhere_but_where_everybody_may_go(
    keys: dict[str, Any], demo: None, unrendered: None
) -> None:
    wrong, stranger = [], Browser()
    for name, method, way in ways():
        stranger.cookies.clear()
        answer = ask(stranger, method, address(name, way, keys), way, keys)
        let_in = not answer.is_elsewhere and answer.status not in {401, 403}
        if name not in LEAD_ON and let_in != (way.needs == OPEN):
            wrong.append((method, name, answer.status))
    assert wrong == []


def test_another_clients_pages_are_as_good_as_none(house: House, keys: dict[str, Any]) -> None:
    found = []
    browser = signed_in(house.users["noor"])
    for name, method, way in ways():
        if way.only or way.needs not in GRANTS[Role.ACCOUNT_MANAGER]:
            continue
        answer = ask(browser, method, address(name, way, keys), way, keys)
        if name in RECORDS:
            found += [] if answer.status == 404 else [(method, name, answer.status)]
        elif method == "GET" and any(word in answer.text.lower() for word in NORTHWIND):
            found.append((method, name, answer.status))
    assert found == []


def test_every_refusal_is_in_the_trail(house: House, keys: dict[str, Any]) -> None:
    browser = signed_in(house.users["sam"])
    assert browser.get(reverse("sync:dead-letters")).status_code == 403
    told = Event.objects.filter(type="access.refused", actor=house.actor("sam").id)
    assert [one.body.count("sync.view_system") for one in told] == [1]
