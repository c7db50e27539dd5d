"""Content for programs: begun, signed, approved by its content owner alone, and different messaging decided by its decider."""

from audit import clock
from orders.campaigns.services.hearing import ContentNews, hear_publications
from tests.api.conftest import Api
from tests.api.world.content import ABOUT
from tests.cast import House


def test_a_program_takes_content_from_draft_to_a_decision_about_its_messaging(house: House) -> None:
    amal, lee = Api(house.users["amal"]), Api(house.users["lee"])
    begun = amal.post("assets", {"client": "northwind", "slug": "tents", "skus": ["TENT-2"], **ABOUT})
    assert (begun.status_code, begun.json()["state"], begun.json()["in_hand"]) == (201, "draft", "amal")
    path = begun.json()["self"]
    submitted = amal.post(f"{path}/submit", match=begun["ETag"]).json()
    assert (submitted["state"], submitted["in_hand"], submitted["revision"]) == ("in_review", "lee", 1)
    assert amal.post(f"{path}/submit", match=begun["ETag"]).status_code == 412
    unsigned = lee.post(f"{path}/approve")
    assert (unsigned.status_code, "Nobody has signed yet" in unsigned.json()["detail"]) == (409, True)
    assert lee.post(f"{path}/send-back", {"reason": "Too long"}).json()["in_hand"] == "amal"
    assert [
        amal.post(f"{path}/{act}", body).status_code
        for act, body in (("approve", {}), ("send-back", {"reason": "No!"}))
    ] == [
        403,
        403,
    ]
    again = amal.post(f"{path}/submit").json()
    for item in again["checklist"]:
        signed = amal.post(f"{path}/sign", {"item": item, "revision": again["revision"]})
    assert [one["item"] for one in signed.json()["signatures"]] == again["checklist"]
    assert lee.post(f"{path}/approve").json()["state"] == "approved"
    news = ContentNews("-", "e-1", "content.published", house.clients["northwind"].pk, "tents", again["revision"], {})
    assert hear_publications(news=[news], by=house.actor("lee"), now=clock.now()) == {}
    assert len(amal.get(f"runs?subject={begun.json()['key']}").json()["results"]) == 1
    wished = amal.post(f"{path}/messaging", {"wanted": "Say that it keeps dry"}).json()["changes"][0]
    assert (wished["decider"], wished["state"]) == ("lee", "asked")
    decision = {"change": True, "reason": "Half of them ask"}
    assert amal.post(f"{path}/messaging/decide", decision).status_code == 403
    decided = lee.post(f"{path}/messaging/decide", decision).json()
    assert (decided["state"], decided["changes"][0]["state"]) == ("revision_requested", "to_change")
    assert [
        row["key"] for row in amal.get("assets?state=revision_requested&owner=amal&sku=TENT-2").json()["results"]
    ] == [decided["key"]]
    assert amal.get("assets?sku=TENT").json()["results"] == []
    noor = Api(house.users["noor"])
    assert (noor.get("assets").json()["results"], noor.get(path).status_code) == ([], 404)
