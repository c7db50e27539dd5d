"""Who has answered for what for longer than a quarter, and the one click that passes it on."""

import re
from datetime import datetime, timedelta

import pytest

from audit import clock
from audit.access import system_actor
from rules.selectors.rotation import holding
from tests.cast import House, furnish
from tests.conftest import Stand, Standing
from tests.pages.conftest import SignedIn

pytestmark = pytest.mark.django_db

LIST = "/people/rotation/"
FORM = re.compile(
    r'action="(?P<to>[^"]+/rotate/)".*?name="kind" value="(?P<kind>[^"]+)".*?name="slug" value="(?P<slug>[^"]+)"'
    r'.*?name="seen" value="(?P<seen>\d+)".*?class="btn primary">Rotate to (?P<next>[^<]+)<',
    re.DOTALL,
)


@pytest.fixture(scope="module")
def furnished_at() -> datetime:
    return clock.now() - timedelta(days=91)


@pytest.fixture(scope="module")
def furnished(stand: Stand, furnished_at: datetime) -> Standing:
    """Not the house of the other pages, which was furnished today."""
    return stand("house of last quarter", lambda: furnish(by=system_actor("test"), now=furnished_at))


def test_what_is_due_is_passed_on_with_one_click_and_once(signed_in: SignedIn, house: House) -> None:
    kim, found = signed_in("kim"), FORM.search(signed_in("kim").get(LIST).content.decode())
    assert found is not None
    given = {name: found[name] for name in ("kind", "slug", "seen")}
    answer = kim.post(found["to"], given, follow=True).content.decode()
    held = holding(given["kind"], given["slug"], at=clock.now())
    assert held is not None
    assert (held.owner.name, held.is_due) == (found["next"], False)
    assert f"{held.owner.name} answers for" in answer
    late = kim.post(found["to"], given, follow=True).content.decode()
    assert "answers for" not in late
    again = holding(given["kind"], given["slug"], at=clock.now())
    assert again is not None
    assert again.owner == held.owner


def test_who_may_not_change_rules_sees_the_list_without_the_click(signed_in: SignedIn, house: House) -> None:
    page = signed_in("lee").get(LIST).content.decode()
    assert "due" in page
    assert "Rotate to" not in page
