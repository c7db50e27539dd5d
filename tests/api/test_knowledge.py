"""Programs document fixes and follow postmortems up as people do."""

from __future__ import annotations

from datetime import timedelta

from audit import clock
from exceptions.models import ExceptionCase, PostmortemAction
from tests.api.conftest import Api
from tests.cast import House

PATH = "runbooks/unforeseen-failure"
TEXT = {"body": "Ask the carrier.", "covers": ["type:triage"], "note": "It knew"}


def test_a_fix_is_documented_accepted_by_its_owner_and_read(house: House, amal: Api, case: ExceptionCase) -> None:
    lee = Api(house.users["lee"])
    fix = {"runbook": "unforeseen-failure", "base": 1, **TEXT}
    assert amal.post(f"exceptions/{case.key}/document-fix", fix).status_code == 200
    assert amal.post(f"{PATH}/accept", {"number": 2}).status_code == 403
    accepted = lee.post(f"{PATH}/accept", {"number": 2}).json()
    assert (accepted["in_force"], accepted["covers"]) == (2, ["type:triage"])
    assert [(one["state"], one["case_key"]) for one in accepted["versions"]] == [
        ("replaced", ""),
        ("current", case.key),
    ]
    assert amal.post(f"{PATH}/read", {"number": 2}).status_code == 200
    assert amal.post(f"{PATH}/propose", {"base": 1, **TEXT}, match=None).status_code in {409, 412}
    for body in ("Wait.", "Call."):
        assert amal.post(f"{PATH}/propose", {"base": 2, **TEXT, "body": body}).status_code == 200
    assert lee.post(f"{PATH}/reject", {"number": 3, "comment": "It never helps"}).json()["in_force"] == 2
    assert amal.post(f"{PATH}/withdraw", {"number": 4}).json()["versions"][-1]["state"] == "withdrawn"
    begun = amal.post("runbooks", {"title": "Rain", "owner": "logistics", **TEXT})
    assert (begun.status_code, begun.json()["in_force"]) == (201, None)
    assert lee.post(f"{PATH}/accept", {"number": 9}).status_code == 404


def test_a_postmortem_is_begun_written_published_and_its_action_done(
    house: House, amal: Api, case: ExceptionCase
) -> None:
    lee, due = Api(house.users["lee"]), (clock.now() + timedelta(days=3)).date()
    begun = amal.post("postmortems", {"exception": case.key}).json()
    path = f"postmortems/{begun['key']}"
    texts = {"summary": "It rained.", "causes": "Winter."}
    assert amal.post(f"{path}/write", texts).json()["summary"] == "It rained."
    action = {"text": "Buy an umbrella", "owner": "amal", "due_on": due.isoformat()}
    assert amal.post(f"{path}/actions", action).json()["actions"][0]["due_on"] == due.isoformat()
    assert amal.post(f"{path}/publish").status_code == 403
    assert lee.post(f"{path}/publish").json()["state"] == "published"
    assert amal.post(f"{path}/write", texts).status_code == 409
    ended = amal.post(f"{path}/actions/1/end", {"comment": "Bought"}).json()["actions"][0]
    assert (ended["state"], PostmortemAction.objects.get().comment) == ("done", "Bought")
    assert Api(house.users["noor"]).post(f"{path}/actions/1/end", {}).status_code == 404
    listed = amal.get("postmortems?state=published").json()["results"]
    assert [one["key"] for one in listed] == [begun["key"]]
    whole = amal.get(path).json()
    assert (whole["exceptions"], whole["timeline"][0]["event"]) == ([case.key], "case.opened")
