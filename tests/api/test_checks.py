"""Quality checks for programs: what waits, what was found, its photo, and the step that waits for it."""

import base64
from datetime import timedelta

from audit import clock
from audit.access import system_actor
from audit.context import acting
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from rules.models import QualityCheck
from rules.services import freeze_rule_book
from tests.api.conftest import Api
from tests.cast import House
from tests.factories import orders as make

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


def test_a_program_checks_a_parcel_with_a_photo_and_hands_it_over(house: House) -> None:
    client, now, by = house.clients["northwind"], clock.now() - timedelta(minutes=5), system_actor("test")
    with acting(by, at=now):
        QualityCheck.objects.filter(slug="right-contents").update(is_active=True)
    freeze_rule_book(by=by, now=now, note="checks")
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=by, now=now)
    ids = place_orders(news=[make.placed(client, now, paid_at=now.isoformat())], by=by, now=now)
    key = Fulfilment.objects.get(order__in=ids).key
    take_news(news=[make.news("shipment.packed", client, key, now, task=key)], by=by, now=now)

    pia = Api(house.users["pia"])
    (waiting,) = pia.get("checks?state=open").json()["results"]
    assert (waiting["fulfilment"], waiting["check"], waiting["results"]) == (key, "right-contents", [])
    path = waiting["self"]
    refused = pia.post(f"fulfilments/{key}/hand-over", {"carrier": "DPD"})
    assert (refused.status_code, refused.json()["detail"]) == (409, f"{key} has to pass first: “Right contents”.")
    missing = pia.post(f"{path}/perform", {})
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/code")
    photo = {"name": "box.png", "content": base64.b64encode(PNG).decode()}
    passed = pia.post(f"{path}/perform", {"photo": photo}, match=pia.get(path)["ETag"])
    assert (passed.status_code, passed.json()["state"]) == (200, "passed")
    (result,) = passed.json()["results"]
    assert (result["seen"], result["findings"], result["file_name"]) == ({"photo": True}, [], "box.png")
    assert base64.b64decode(pia.get(f"{path}/results/1/photo").json()["content"]) == PNG
    assert pia.post(f"fulfilments/{key}/hand-over", {"carrier": "DPD"}).json()["state"] == "handed_over"
    rates = {row["kind"]: (row["passed"], row["false"]) for row in pia.get("quality-report").json()["rates"]}
    assert rates["scan"] == (1, 0)
    noor = Api(house.users["noor"])
    assert (noor.get("checks").json()["results"], noor.get(path).status_code) == ([], 404)
