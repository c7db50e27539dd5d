"""Many dead letters at once, for programs."""

from __future__ import annotations

from typing import Any

import pytest

from exceptions.selectors.knowledge import runbooks_for_kind
from orders.sync.models import DEAD_LETTER_CASE, InboundEvent, System
from orders.sync.states import InboundState
from tests.api.conftest import Api
from tests.cast import House
from tests.pages.test_dead_letters import letters, shop

__all__ = ["shop"]


@pytest.mark.parametrize("which", ["keys", "filter"])
def test_dead_letters_are_planned_and_replayed_by_a_job(lee: Api, shop: System, house: House, which: str) -> None:
    made = letters(shop, 3)
    asked = {"keys": [one.key for one in made] + ["DL-999999"]} if which == "keys" else {"filter": "system=shop"}
    plan = lee.post("dead-letters/plans", {"action": "replay", **asked}, match=None).json()
    assert (plan["action"], plan["keys"]) == ("replay", [one.key for one in made])
    assert [one["key"] for one in plan["barred"]] == (["DL-999999"] if which == "keys" else [])
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {InboundState.DEAD}
    run = f"plans/{plan['id']}/run"
    assert lee.post(run, {}, match=None).json()["errors"][0]["pointer"] == "/reason"
    job = lee.post(run, {"reason": "The sender is mended"}, match=None)
    assert (job.status_code, job.json()["done"], job.json()["title"]) == (202, 3, "Replay dead letters")
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {InboundState.NEW}
    assert Api(house.users["amal"]).post("dead-letters/plans", {"action": "replay", **asked}).status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_a_dead_letter_leads_to_its_runbook_at_the_cost_of_one_query(
    lee: Api, shop: System, count: int, django_assert_max_num_queries: Any
) -> None:
    made = letters(shop, count)
    (runbook,) = runbooks_for_kind(DEAD_LETTER_CASE)
    lee.get("dead-letters")
    with django_assert_max_num_queries(12):
        listed = lee.get("dead-letters").json()["results"]
    expected = [{"title": runbook.title, "url": f"/help/runbooks/{runbook.slug}/"}]
    assert [one["runbooks"] for one in listed] == [expected] * count
    assert lee.get(f"dead-letters/{made[0].key}").json()["runbooks"] == expected
