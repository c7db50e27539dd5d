"""A shared cause that people act on: named, merged, split, muted; its exceptions are chosen on its own page."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import mail

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.errors import Invalid, Refused
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.models import ExceptionCase, Job, SharedCause, Waiver
from exceptions.selectors.muting import MUTE
from tests.cast import House
from tests.exceptions.test_checks import broken as broken_checks
from tests.pages.conftest import SignedIn
from tests.pages.test_many import broken

GIVEN = {
    "reason": "The carrier knows and mends it, one by one helps nobody.",
    "plan": "Lee looks through the queue every hour.",
}
HERE = urlencode({"type": "carrier-rejection", "cause": "carrier/rejected"})
PAGE = f"/queue/causes/shared/?{HERE}"
RENAME = f"/queue/causes/shared/rename/?{HERE}"
NAME = "Unit numbers from the shop"


def test_a_cause_is_called_as_people_call_it_wherever_it_is_shown(signed_in: SignedIn, house: House) -> None:
    first, *_ = broken(house, 2)
    lee = signed_in("lee")
    assert lee.get(RENAME).status_code == 200
    assert lee.post(RENAME, {"name": f"  {NAME} "})["Location"] == PAGE
    kept = SharedCause.objects.get()
    amal = signed_in("amal")
    shown = (
        PAGE,
        "/queue/team/?group=cause",
        "/queue/team/?cols=cause",
        f"/exceptions/{first.key}/",
    )
    assert [address for address in shown if NAME not in amal.get(address).content.decode()] == []
    draft = services.draft_postmortem(case_id=first.pk, by=house.actor("amal"), now=clock.now())
    assert draft.title == f"{first.key}: {NAME}"
    (told,) = lee.get("/api/v1/causes").json()["causes"]
    assert (told["name"], told["cause"]) == (NAME, "carrier/rejected")
    assert lee.get(f"/api/v1/causes/shared?{HERE}").json()["key"] == kept.key
    assert amal.get(f"/queue/causes/{kept.key}/")["Location"] == PAGE
    assert signed_in("noor").get(f"/queue/causes/{kept.key}/").status_code == 404
    assert Event.objects.filter(type="cause.renamed", subject_id=str(kept.pk)).count() == 1
    stale = lee.post(RENAME, {"name": "Something else", "seen": kept.version - 1})
    assert (stale.status_code, "was changed by somebody else" in stale.content.decode()) == (409, True)
    assert lee.post(RENAME, {"name": "lee@handrail.example"}).status_code == 422
    broken(house, 2, cause="carrier/late")
    taken = lee.post(f"/queue/causes/shared/rename/?{HERE.replace('rejected', 'late')}", {"name": NAME.upper()})
    assert f"{kept.key} is called" in taken.content.decode()


def test_letters_name_the_cause_of_several_as_people_call_it(house: House) -> None:
    cases, now = broken(house, 2), clock.now()
    services.rename_cause(type="carrier-rejection", cause="carrier/rejected", name=NAME, by=house.actor("lee"), now=now)
    tellings = [
        services.Telling(
            house.owners["amal"], "case.reassigned", one.key, f"/{one.key}/", one.client_id, one.pk, severity="P1"
        )
        for one in cases
    ]
    with acting(system_actor("test"), at=now):
        services.notify_many(tellings=tellings, now=now)
    services.deliver_notifications(now=now)
    (letter,) = [one for one in mail.outbox if one.to == ["amal@handrail.example"]]
    assert f"And 1 more of the same cause ({NAME}):" in letter.body


def test_the_page_of_a_cause_is_a_list_to_choose_from_and_says_what_they_agree_on(
    signed_in: SignedIn, house: House, django_assert_max_num_queries: Any
) -> None:
    cases = broken(house, 3)
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk__in=[one.pk for one in cases]).update(evidence={"carrier": "DPD", "n": 1})
        ExceptionCase.objects.filter(pk=cases[0].pk).update(evidence={"carrier": "UPS", "n": 1})
    lee = signed_in("lee")
    with django_assert_max_num_queries(25):
        answer = lee.get(f"{PAGE}&per=25&sort=due")
    agreed = {one.name: (one.value, one.count) for one in answer.context["page"].agreed}
    assert (agreed["carrier"], agreed["n"], agreed["client"][1]) == (("DPD", 2), ("1", 3), 3)
    text = answer.content.decode()
    assert (text.count('name="id"'), "2 of 3" in text, 'href="/queue/team/" aria-current="page"' in text) == (
        3,
        True,
        True,
    )
    plan = lee.post("/queue/bulk/", {"do": "acknowledge", "id": [cases[0].key]})
    assert [item["key"] for item in plan.context["plan"].items] == [cases[0].key]
    assert lee.get(f"{PAGE}&sort=colour").status_code == 400
    assert signed_in("amal").get(RENAME).status_code == 403


def test_of_two_causes_one_is_made_and_what_is_told_of_the_other_opens_there(signed_in: SignedIn, house: House) -> None:
    late, (kept,) = broken(house, 2, cause="carrier/late"), broken(house, 1)
    lee, there = signed_in("lee"), f"/queue/causes/shared/merge/?{HERE.replace('rejected', 'late')}"
    assert ("carrier/rejected", "carrier/rejected (1 open)") in lee.get(there).context["form"].fields["into"].choices
    assert lee.post(there, {"into": "carrier/late", "reason": "the same"}).status_code == 422
    done = lee.post(there, {"into": "carrier/rejected", "reason": "the same file"})
    assert done["Location"].startswith("/jobs/JOB-")
    (more,) = broken(house, 3, cause="carrier/late")[2:]
    assert set(ExceptionCase.objects.values_list("cause", flat=True)) == {"carrier/rejected"}
    assert lee.get(PAGE).context["page"].count == 4
    assert [one.text for one in lee.get(PAGE).context["page"].merged] == ["carrier/late"]
    gone = SharedCause.objects.get(text="carrier/late")
    for old in (f"/queue/causes/{gone.key}/", f"/queue/causes/shared/?{HERE.replace('rejected', 'late')}"):
        assert lee.get(old)["Location"] == PAGE
    moved = Event.objects.get(type="case.regrouped", subject_id=str(late[0].pk))
    assert '"cause":["carrier/late","carrier/rejected"]' in moved.body
    services.resolve_case(case_id=more.pk, outcome="resolved", by=house.actor("lee"), now=clock.now())
    assert broken_checks() == []
    job = Job.objects.get()
    assert lee.post(f"/jobs/{job.key}/undo/").status_code == 302
    late[0].refresh_from_db()
    gone.refresh_from_db()
    kept.refresh_from_db()
    assert (late[0].cause, gone.merged_into, kept.cause) == ("carrier/late", None, "carrier/rejected")
    services.reopen_case(case_id=more.pk, reason="It came back", by=house.actor("lee"), now=clock.now())
    assert broken_checks() == []


def test_merging_can_be_ended_leads_on_in_one_step_and_is_for_leads(signed_in: SignedIn, house: House) -> None:
    for cause in ("a/1", "b/1", "c/1"):
        broken(house, 1, cause=cause)
    act: Any = {"type": "carrier-rejection", "reason": "the same", "by": house.actor("lee"), "now": clock.now()}
    services.merge_cause(cause="a/1", into="b/1", **act)
    services.merge_cause(cause="b/1", into="c/1", **act)
    assert set(SharedCause.objects.exclude(text="c/1").values_list("merged_into__text", flat=True)) == {"c/1"}
    with pytest.raises(Invalid):
        services.merge_cause(cause="c/1", into="a/1", **act)
    with pytest.raises(Refused):
        services.merge_cause(cause="c/1", into="b/1", **{**act, "by": house.actor("amal")})
    lee, one = signed_in("lee"), {"type": "carrier-rejection", "cause": "a/1"}
    assert "End its merging" in lee.get(f"/queue/causes/shared/?{urlencode({**one, 'cause': 'c/1'})}").content.decode()
    assert lee.post("/queue/causes/shared/part/", one).status_code == 302
    (alone,) = broken(house, 2, cause="a/1")[1:]
    assert alone.cause == "a/1"
    assert broken_checks() == []


def test_chosen_ones_get_a_cause_of_their_own_and_new_ones_keep_the_old(signed_in: SignedIn, house: House) -> None:
    cases = broken(house, 3)
    lee, there = signed_in("lee"), f"/queue/causes/shared/split/?{HERE}"
    chosen = {"id": [one.key for one in cases[:2]]}
    assert lee.post(there, {"all": "1", **chosen})["Location"] == "/queue/causes/"
    assert cases[0].key in lee.post(there, chosen).content.decode()
    assert lee.post(there, {**chosen, "name": "Islands", "reason": ""}).status_code == 422
    done = lee.post(there, {**chosen, "name": "Islands", "reason": "They pay customs"})
    new = SharedCause.objects.get(title="Islands")
    assert (new.text, new.split_from and new.split_from.text) == (new.key, "carrier/rejected")
    assert f"cause%3D{new.key}" in done["Location"]
    assert list(ExceptionCase.objects.filter(cause=new.key).order_by("pk")) == cases[:2]
    assert broken(house, 4)[3].cause == "carrier/rejected"
    api = lee.get(f"/api/v1/causes/shared?type=carrier-rejection&cause={new.key}").json()
    assert (api["name"], api["count"]) == ("Islands", 2)
    assert broken_checks() == []


def test_muting_is_asked_for_on_the_page_of_the_cause_and_its_gate_stands_nowhere_else(
    signed_in: SignedIn, house: House
) -> None:
    (case,) = broken(house, 1)
    lee, there = signed_in("lee"), f"/queue/causes/shared/mute/?{HERE}"
    asked = {"hours": "2", "owner": "lee", **GIVEN}
    assert "12 h" in lee.get(there).content.decode()
    assert lee.post(there, {**asked, "hours": "13"}).status_code == 422
    done = lee.post(there, asked)
    waiver = Waiver.objects.get()
    assert done["Location"] == f"/time-limited/{waiver.key}/"
    assert lee.get(done["Location"]).status_code == 200
    assert lee.post(there, asked).status_code == 409
    with pytest.raises(Refused):
        services.approve_waiver(
            waiver_id=waiver.pk, by=house.actor("lee"), now=clock.now(), seen_hash=waiver.content_hash
        )
    assert "somebody has to decide" in lee.get(PAGE).content.decode()
    services.approve_waiver(waiver_id=waiver.pk, by=house.actor("mara"), now=clock.now(), seen_hash=waiver.content_hash)
    assert "Nobody is told of new exceptions" in signed_in("amal").get(PAGE).content.decode()
    gates = signed_in("amal").get(f"/time-limited/new/?for={case.key}").context["gates"]
    assert MUTE not in {one.gate.slug for one in gates}
    act: Any = {"subject_key": case.key, "client_id": case.client_id, "minutes": 60, "owner": "lee", **GIVEN}
    subject = SubjectRef(case.subject_type, case.subject_id, case.client_id)
    with pytest.raises(Invalid):
        services.request_waiver(gate=MUTE, subject=subject, **act, by=house.actor("lee"), now=clock.now())
