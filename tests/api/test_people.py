"""Away, back, leaving and lending, for programs; each for oneself and for those one looks after."""

from __future__ import annotations

from datetime import timedelta

from audit import clock
from exceptions import services
from exceptions.models import Delegation, ExceptionCase
from rules.models import Absence, TemporaryOwnership
from tests.api.conftest import Api
from tests.cast import House
from tests.pages.conftest import open_cases

REASON = {"reason": "Because it has to be."}


def later(days: int) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


def test_away_and_back_and_taking_back_what_others_stood_in_for(house: House, amal: Api, lee: Api, noor: Api) -> None:
    by, now = house.actor("amal"), clock.now()
    for case in open_cases(house, 2):
        services.acknowledge_case(case_id=case.pk, by=by, now=now)
    assert [one["key"] for one in amal.get("people").json()["results"]] == ["amal"]
    entered = amal.post(
        "absences", {"person": "amal", "starts_at": later(0), "ends_at": later(7), "cover": "bo"}, match=None
    )
    assert (entered.status_code, entered.json()["cover"]) == (201, "bo")
    assert amal.get(entered["Location"]).json() == entered.json()
    there = amal.get("people/amal").json()
    assert (there["is_away"], there["open_exceptions"], len(there["stood_in"])) == (True, 0, 2)
    for stranger in (noor, lee):  # lee leads the team, noor nobody
        assert stranger.get("people/amal").status_code == (200 if stranger is lee else 403)
    assert noor.post(f"{entered['Location']}/end", match=None).status_code == 404
    assert amal.post(f"{entered['Location']}/end", match=None).status_code == 204
    over = Absence.objects.get()
    assert over.ends_at is not None
    assert over.ends_at <= clock.now()
    open_end = amal.post("absences", {"person": "amal", "starts_at": later(1)}, match=None)
    assert (open_end.status_code, open_end.json()["ends_at"][:10]) == (201, "9999-12-31")
    assert amal.post(f"{open_end['Location']}/end", match=None).status_code == 204
    wanted = [{"exception": one["exception"], "version": one["version"]} for one in there["stood_in"]]
    unknown = {"exception": "EX-999999", "version": 1}
    done = amal.post("people/amal/take-back", {"exceptions": [*wanted, unknown]}, match=None).json()["results"]
    assert [one["why"] for one in done] == ["", "", "There is no such exception, or it is not yours to see."]
    assert set(ExceptionCase.objects.values_list("owner__slug", flat=True)) == {"amal"}
    assert amal.post("people/amal/hand-over", {"to": "bo", **REASON}, match=None).json() == {"moved": 2}
    assert noor.post("people/amal/hand-over", {"to": "bo", **REASON}, match=None).status_code == 403


def test_what_is_lent_goes_back(house: House, lee: Api, amal: Api) -> None:
    lent = lee.post(
        "temporary-ownerships", {"what": "type:address", "holder": "lee", "ends_at": later(3), **REASON}, match=None
    )
    assert (lent.status_code, lent.json()["type"], lent.json()["ended_at"]) == (201, "address", None)
    assert amal.get(lent["Location"]).json()["holder"] == "lee"
    assert amal.post(f"{lent['Location']}/give-back", match=None).status_code == 403
    assert lee.post(f"{lent['Location']}/give-back", match=None).json()["ended_at"] is not None
    assert TemporaryOwnership.objects.get().ended_at is not None


def test_an_approver_lets_somebody_decide_and_ends_it(house: House, lee: Api, noor: Api) -> None:
    given = {"to": "bo", "starts_at": later(0), "ends_at": later(2), "client": "northwind", **REASON}
    wrong = lee.post("delegations", {**given, "client": "nobody"}, match=None)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/client")
    named = lee.post("delegations", given, match=None)
    assert (named.status_code, named.json()["delegate"], named.json()["client"]) == (201, "bo", "northwind")
    assert noor.get(named["Location"]).status_code == 404
    assert [one["delegate"] for one in lee.get("delegations").json()["results"]] == ["bo"]
    assert lee.post(f"{named['Location']}/end", match=None).status_code == 204
    assert not Delegation.objects.get().is_active
    assert lee.get("delegations").json()["results"] == []


def test_the_next_one_is_taken_and_what_is_overdue_is_fired(house: House, amal: Api, lee: Api) -> None:
    (case,) = open_cases(house, 1)
    assert amal.post("next-exception", match=None).json() == {"exception": case.key}
    assert amal.post("next-exception", match=None).json() == {"exception": None}
    assert lee.post("timers/escalate-overdue", match=None).json() == {"fired": 0}
    assert lee.get("rotation").json()["days"] == 90
    gaps = lee.get("reports/ownership-gaps").json()
    assert {(gap["owner"], gap["why"]) for gap in gaps["gaps"]} >= {("finance-ops", "empty")}
    assert (gaps["items"], gaps["untaken_count"]) == ([], 0)
