"""What is planned for many is what is done, whatever comes and goes between the plan and the word that begins it.

`HANDRAIL_THOROUGH=1` tries a thousand lists, queries and mornings; without it the same few.
"""

from __future__ import annotations

import os
from typing import Any, Final

from django.db import transaction
from django.test import Client as Browser
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit import clock
from audit.access import system_actor
from exceptions import services
from exceptions.models import CaseNote, ExceptionCase
from tests.cast import House
from tests.doors import signed_in
from tests.pages.conftest import open_cases
from tests.pages.test_many import broken

THOROUGH: Final = "HANDRAIL_THOROUGH" in os.environ
UNKNOWN: Final = "colour=red"
# Everything, filters, one the list does not know, quick searches (a key, a word, nothing that is there), an order.
QUERIES: Final = (
    *("", "type=address", "type=carrier-rejection&cause=carrier/rejected", "client=northwind", UNKNOWN),
    *("q=NW-1", "q=parcel", "q=nothing-has-this", "sort=-due", "state=open&q=Rejected", "owner=none"),
)
PER: Final = 25


@settings(
    max_examples=1_000 if THOROUGH else 10,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def _planned_is_done(house: House, lee: Browser, data: st.DataObject) -> None:
    with transaction.atomic():
        query = data.draw(st.sampled_from(QUERIES))
        if query != UNKNOWN and data.draw(st.booleans(), label="from a saved view"):
            view = services.save_view(
                by=house.actor("lee"), page="team", title="Kept", query=query, team="", now=clock.now()
            )
            query = f"{query}&view={view.number}".lstrip("&")
        shown = lee.get(f"/queue/team/?{query}&per={PER}").context["page"]
        keys = [row.key for row in shown.rows]
        if shown.next_after and data.draw(st.booleans(), label="from the second page"):
            query = f"{query}&after={shown.next_after}"
        if data.draw(st.booleans(), label="all that match") or not keys:
            wanted: dict[str, Any] = {"all": "1", "scope": "team", "query": query}
            keys += [row.key for row in _rest(lee, query, shown.next_after)]
        else:
            ticked = data.draw(st.sets(st.sampled_from(keys), min_size=1))
            wanted, keys = {"id": sorted(ticked)}, list(ticked)
        _compare(house, lee, wanted, set(keys), data)
        transaction.set_rollback(True)


def _rest(lee: Browser, query: str, after: str) -> list[Any]:
    """What the pages after the first show."""
    rows: list[Any] = []
    while after:
        found = lee.get(f"/queue/team/?{query.partition('&after=')[0]}&per={PER}&after={after}").context["page"]
        rows, after = [*rows, *found.rows], found.next_after
    return rows


def _compare(house: House, lee: Browser, wanted: dict[str, Any], keys: set[str], data: st.DataObject) -> None:
    answer = lee.post("/queue/bulk/", {"do": "note", **wanted})
    if not keys:
        assert answer.status_code == 302
        return
    plan = answer.context["plan"]
    assert {one["key"] for one in plan.items} == keys
    open_cases(house, data.draw(st.integers(0, 2), label="new ones"), client="northwind")
    broken(house, data.draw(st.integers(0, 2), label="more of the cause"), cause="carrier/rejected/again")
    if data.draw(st.booleans(), label="a colleague solves one"):
        case = ExceptionCase.objects.get(number=int(data.draw(st.sampled_from(sorted(keys))).removeprefix("EX-")))
        services.withdraw_case(case_id=case.pk, reason="solved itself", by=system_actor("test"), now=clock.now())
    answer = lee.post("/queue/bulk/", {"plan": plan.pk, "text": "Exactly these"})
    if answer.status_code == 409:  # too much of it changed: the same ones are planned anew, as they are now
        plan, first = answer.context["plan"], keys
        keys = {one["key"] for one in plan.items}
        assert keys <= first
        answer = lee.post("/queue/bulk/", {"plan": plan.pk, "text": "Exactly these"})
    assert answer.status_code == 302
    services.work_jobs(now=clock.now())
    noted = CaseNote.objects.filter(text="Exactly these").values_list("case__number", flat=True)
    assert {f"EX-{number}" for number in noted} == keys


def test_what_is_planned_is_what_is_done(house: House) -> None:
    open_cases(house, 18)
    broken(house, 12)
    open_cases(house, 2, client="fable")
    lee = signed_in(house.users["lee"])
    _planned_is_done(house, lee)
