"""What the report counts is what a hand counts."""

import json
from datetime import date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from audit import clock
from audit.errors import Invalid
from audit.subject_refs import SubjectRef
from exceptions import selectors, services
from exceptions.models import Waiver
from exceptions.selectors.accounting import Account
from tests.cast import House
from tests.doors import signed_in
from tests.exceptions.conftest import OpenCase

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def worked(open_case: OpenCase, house: House, now: datetime) -> None:
    """Of addresses three were opened: one took 1 h, one 3 h, one is open; of Fable's one took 5 h; a late parcel is from last month."""
    lee = house.actor("lee")
    for n, (client, hours) in enumerate([("northwind", 1), ("northwind", 3), ("northwind", 0), ("fable", 5)]):
        case = open_case(n, client=client)
        if hours:
            services.resolve_case(case_id=case.pk, outcome="resolved", by=lee, now=now + hours * HOUR)
    old = open_case(9, type="late-parcel", at=now - 40 * DAY)
    services.resolve_case(case_id=old.pk, outcome="resolved", by=lee, now=now - 39 * DAY)


@pytest.fixture
def granted(house: House, now: datetime) -> None:
    """Of two asked for one was granted, and taken back after two hours."""
    amal, mara = house.actor("amal"), house.actor("mara")
    asked: list[Waiver] = [
        services.request_waiver(
            subject=SubjectRef("test.parcel", str(20 + n), house.clients["northwind"].pk),
            subject_key=f"NW-{20 + n}",
            client_id=house.clients["northwind"].pk,
            gate="ship-despite-open-case",
            reason="The customer confirmed it by telephone.",
            plan="It is corrected in the shop meanwhile.",
            minutes=600,
            owner="client-success",
            by=amal,
            now=now,
        )
        for n in range(2)
    ]
    services.approve_waiver(waiver_id=asked[0].pk, by=mara, now=now + HOUR)
    services.revoke_waiver(waiver_id=asked[0].pk, reason="It was wrong.", by=mara, now=now + 3 * HOUR)


def test_it_counts_what_a_hand_counts(worked: None, granted: None, house: House, now: datetime) -> None:
    found = selectors.accounts(by=house.actor("lee"), since=now.date(), until=now.date())
    assert found.exceptions == [Account("address", 4, 3, 9 * HOUR, 6 * HOUR)]
    assert found.exceptions[0].mean == 3 * HOUR
    assert found.time_limited == [Account("ship-despite-open-case", 2, 1, 2 * HOUR)]
    assert found.by_reason == [Account("other", 2, 1, 2 * HOUR)]
    longer = selectors.accounts(by=house.actor("lee"), since=now.date() - 60 * DAY, until=now.date())
    assert [(one.kind, one.mean) for one in longer.exceptions] == [("address", 3 * HOUR), ("late-parcel", DAY)]
    assert longer.all_exceptions == Account("", 5, 4, 33 * HOUR, 29 * HOUR)


def test_everybody_counts_what_is_theirs_to_see(worked: None, house: House, now: datetime) -> None:
    found = selectors.accounts(by=house.actor("noor"), since=now.date(), until=now.date())
    assert found.exceptions == [Account("address", 1, 1, 5 * HOUR, 2 * HOUR)]


@pytest.mark.parametrize(
    "given", [{"since": "2026-13-01"}, {"until": "soon"}, {"since": "2026-11-21", "until": "2026-11-20"}]
)
def test_days_that_are_none_are_refused(given: dict[str, str], now: datetime) -> None:
    with pytest.raises(Invalid, match=r"Enter a day like|Choose a first day"):
        selectors.period(given, now=now)


def test_without_days_it_is_the_last_four_weeks(now: datetime) -> None:
    assert selectors.period({}, now=now) == (date(2026, 10, 24), date(2026, 11, 20))


def test_the_command_and_the_page_say_the_same(
    worked: None, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    out = StringIO()
    call_command("count_exceptions", "--json", stdout=out)
    document = json.loads(out.getvalue())
    assert document["items"] == [
        {"what": "exception", "kind": "address", "began": 4, "ended": 3, "mean_minutes": 180, "target_minutes": 120},
    ]
    assert document["summary"]["exceptions_mean_minutes"] == 180
    lee = signed_in(house.users["lee"])
    page = lee.get("/reports/exceptions/")
    assert page.context["accounts"].all_exceptions == Account("", 4, 3, 9 * HOUR, 6 * HOUR)
    assert ">3 h<" in page.content.decode()
    assert lee.get("/reports/exceptions/?since=soon").status_code == 400
