"""Runbooks: proposed by whoever works, accepted by their owner, never by who wrote them; every version stays, and who has read it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from audit.context import acting
from audit.errors import Conflict, IllegalTransition, Invalid, Refused, StaleVersion
from audit.models import Event
from exceptions.models import Notification
from rules import runbooks, selectors, services
from rules.models import Runbook, RunbookReading, RunbookVersion
from rules.states import RunbookState
from tests.cast import House

Propose = Callable[..., RunbookVersion]
STATE = RunbookState


@pytest.fixture
def runbook(house: House, now: datetime) -> Runbook:
    """The shipped runbook about what nobody has foreseen; Ops Review (lee) owns it."""
    return Runbook.objects.get(slug="unforeseen-failure")


@pytest.fixture
def propose(house: House, runbook: Runbook, now: datetime) -> Propose:
    def one(name: str = "amal", more: str = "Ask the carrier first.", base: int = 1, **given: Any) -> RunbookVersion:
        current = RunbookVersion.objects.get(runbook=runbook, number=base)
        given = {"body": f"{current.body}\n\n{more}", "covers": current.covers, "note": "The carrier knows"} | given
        return services.propose_revision(runbook_id=runbook.pk, base=base, by=house.actor(name), now=now, **given)

    return one


def states(runbook: Runbook) -> list[tuple[int, str]]:
    return list(RunbookVersion.objects.filter(runbook=runbook).order_by("number").values_list("number", "state"))


def test_a_proposal_is_accepted_by_its_owner_and_the_version_before_stays(
    house: House, runbook: Runbook, propose: Propose, now: datetime
) -> None:
    version = propose()
    assert states(runbook) == [(1, STATE.CURRENT), (2, STATE.PROPOSED)]
    told = Notification.objects.get(event="runbook.proposed")
    assert (told.owner, told.url) == (runbook.owner, "/help/runbooks/unforeseen-failure/2/")
    later = now + timedelta(hours=1)
    services.accept_revision(version_id=version.pk, by=house.actor("lee"), now=later)
    assert states(runbook) == [(1, STATE.REPLACED), (2, STATE.CURRENT)]
    version.refresh_from_db()
    assert (version.decided_by_name, version.decided_at) == ("Lee Weber", later)
    assert "in force" in Notification.objects.get(event="runbook.decided", owner=house.owners["amal"]).text
    kinds = ["runbook.proposed", "runbook.accepted"]
    assert (
        list(Event.objects.filter(subject_id=str(version.pk)).order_by("seq").values_list("type", flat=True)) == kinds
    )
    assert [row.state for row in version.history.order_by("version")] == [STATE.PROPOSED, STATE.CURRENT]
    page = selectors.runbook_page(by=house.actor("amal"), slug=runbook.slug)
    assert (page.version, [one.number for one in page.versions]) == (version, [2, 1])


def test_nobody_decides_about_an_own_proposal_and_only_its_owner_does(
    house: House, propose: Propose, now: datetime
) -> None:
    of_amal, of_lee = propose(), propose("lee", "Or the vendor.")
    for name, version, why in (
        ("amal", of_amal, "You wrote it yourself: Ops Review decides."),
        ("bo", of_amal, "Ops Review decides about it."),
        ("ada", of_amal, "Ops Review decides about it."),
        ("lee", of_lee, "You wrote it yourself: Ops Review decides."),
    ):
        with pytest.raises(Refused, match=why):
            services.accept_revision(version_id=version.pk, by=house.actor(name), now=now)
    with acting(house.actor("lee"), at=now), pytest.raises(DatabaseError, match="somebody_else"), transaction.atomic():
        RunbookVersion.objects.filter(pk=of_lee.pk).update(
            state=STATE.REJECTED, comment="no", decided_by=of_lee.proposed_by, decided_at=now
        )
    services.accept_revision(version_id=of_lee.pk, by=house.actor("kim"), now=now)
    with pytest.raises(Conflict, match="decided already, by Kim Park"):
        services.accept_revision(version_id=of_lee.pk, by=house.actor("kim"), now=now)


def test_a_proposal_is_rejected_with_a_reason_or_taken_back_by_who_wrote_it(
    house: House, runbook: Runbook, propose: Propose, now: datetime
) -> None:
    first, second = propose(), propose("bo", "Or the vendor.")
    with pytest.raises(Invalid, match="Say why"):
        services.reject_revision(version_id=first.pk, comment=" ", by=house.actor("lee"), now=now)
    services.reject_revision(version_id=first.pk, comment="It is the vendor", by=house.actor("lee"), now=now)
    with pytest.raises(Refused, match="Bo Lindqvist proposed it"):
        services.withdraw_revision(version_id=second.pk, by=house.actor("amal"), now=now)
    services.withdraw_revision(version_id=second.pk, by=house.actor("bo"), now=now)
    with pytest.raises(IllegalTransition):
        services.withdraw_revision(version_id=second.pk, by=house.actor("bo"), now=now)
    assert states(runbook) == [(1, STATE.CURRENT), (2, STATE.REJECTED), (3, STATE.WITHDRAWN)]
    assert "It is the vendor" in Notification.objects.get(event="runbook.decided").text


def test_what_was_written_from_another_version_is_not_accepted(house: House, propose: Propose, now: datetime) -> None:
    first, second = propose(), propose("bo", "Or the vendor.")
    services.accept_revision(version_id=first.pk, by=house.actor("lee"), now=now)
    with pytest.raises(StaleVersion, match="written from version 1, and version 2 is in force now"):
        services.accept_revision(version_id=second.pk, by=house.actor("lee"), now=now)
    with pytest.raises(StaleVersion):
        propose("bo", "Or the vendor.")
    assert propose("bo", "Or the vendor.", base=2).number == 4


def test_what_a_version_says_never_changes(house: House, propose: Propose, now: datetime) -> None:
    version = propose()
    with (
        acting(house.actor("kim"), at=now),
        pytest.raises(DatabaseError, match="does not change"),
        transaction.atomic(),
    ):
        RunbookVersion.objects.filter(pk=version.pk).update(body="Do nothing.")


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({"body": ""}, ["/body"]),
        ({"body": "x" * 20_001, "note": "y" * 281}, ["/body", "/note"]),
        ({"covers": ["type:nothing"]}, ["/covers"]),
        ({"more": ""}, ["/body"]),
    ],
)
def test_what_is_wrong_with_a_proposal_is_named(propose: Propose, given: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        propose(**given)
    assert [error.pointer for error in refused.value.errors] == pointers


def test_a_new_runbook_says_nothing_before_it_is_accepted(house: House, now: datetime) -> None:
    text: dict[str, Any] = {"body": "Pay it.", "covers": ["type:late-parcel"], "note": "There was none"}
    amal = house.actor("amal")
    for wrong in ({"title": "New", "owner": "logistics"}, {"title": "A message was refused", "owner": "nobody"}):
        with pytest.raises(Invalid):
            services.begin_runbook(**wrong, **text, by=amal, now=now)
    version = services.begin_runbook(title="A parcel is late", owner="logistics", **text, by=amal, now=now)
    assert "type:late-parcel" in {one.about for one in selectors.things_without_runbook()}
    assert selectors.runbooks_about(["type:late-parcel"]) == {}
    services.accept_revision(version_id=version.pk, by=house.actor("kim"), now=now)
    assert "type:late-parcel" not in {one.about for one in selectors.things_without_runbook()}
    assert selectors.runbooks_about(["type:late-parcel", "type:x"]) == {"type:late-parcel": [version.runbook]}


def test_who_has_read_a_version_is_kept_and_who_has_not_is_named(
    house: House, runbook: Runbook, propose: Propose, system: Any, now: datetime
) -> None:
    current = RunbookVersion.objects.get(runbook=runbook)
    for _ in range(2):
        services.confirm_reading(version_id=current.pk, by=house.actor("sam"), now=now)
    with pytest.raises(Refused, match="Only people"):
        services.confirm_reading(version_id=current.pk, by=system, now=now)
    page = selectors.runbook_page(by=house.actor("sam"), slug=runbook.slug)
    assert [(one.name, one.at) for one in page.readers] == [("Sam Baptiste", now), ("Lee Weber", None)]
    assert ([one.name for one in page.missing], page.is_read) == (["Lee Weber"], True)
    assert Event.objects.filter(type="runbook.read").count() == RunbookReading.objects.count() == 1
    version = propose()
    with pytest.raises(IllegalTransition, match="not in force"):
        services.confirm_reading(version_id=version.pk, by=house.actor("sam"), now=now)
    services.accept_revision(version_id=version.pk, by=house.actor("lee"), now=now)
    assert not selectors.runbook_page(by=house.actor("sam"), slug=runbook.slug).is_read
    with pytest.raises(DatabaseError, match="refuses"), transaction.atomic():
        RunbookReading.objects.all()._raw_delete("default")


def test_the_changes_of_a_version_are_shown_line_by_line(house: House, runbook: Runbook, propose: Propose) -> None:
    version = propose(more="", body="One line.", covers=["type:triage"])
    found = selectors.comparison(by=house.actor("amal"), slug=runbook.slug, number=version.number)
    assert {line.kind for line in found.lines} == {"removed", "added"}
    assert [thing.about for thing in found.uncovered] == ["type:automation-failure"]
    text = "\n".join(str(n) for n in range(20))
    lines = runbooks.compare(text, text.replace("10", "ten"))
    assert [(line.kind, line.text) for line in lines if line.kind != "same"] == [
        *(("skipped", "7"), ("removed", "10"), ("added", "ten"), ("skipped", "6"))
    ]
    assert runbooks.compare("a", "a") == []


def test_the_shipped_runbooks_are_about_things_there_are(house: House) -> None:
    known = selectors.things()
    covers = RunbookVersion.objects.values_list("covers", flat=True)
    named = {one for row in covers for one in row}
    assert named - known.keys() == set()
    assert all(version.body and not version.body.startswith("#") for version in RunbookVersion.objects.all())
    without = {one.about for one in selectors.things_without_runbook()}
    assert without == known.keys() - named
    assert {"type:address", "flow:manual-review"} <= without


def test_an_alert_is_declared_once() -> None:
    with pytest.raises(ValueError, match="Alert timers is already registered"):
        runbooks.declare_alert("timers", "Again")
    with pytest.raises(ValueError, match="already"):
        runbooks.register_teller(lambda news, now: None)
