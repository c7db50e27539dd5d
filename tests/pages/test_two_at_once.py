"""Two people at one act: the other has done the same, something else, or has ended it. One effect, and nothing typed is lost.

Every act of the pages on an exception, a time-limited exception or an order is here: from the addresses of `PAGES`
and the acts of `ACTS`, so that a new one fails the first test until somebody says how two people meet at it.
With `HANDRAIL_THOROUGH=1` each act meets all three.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client as Browser

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.models import Event
from exceptions.models import ExceptionCase, Waiver
from exceptions.selectors.cases import trail_of
from exceptions.views.act_kinds import ACTS
from orders.fulfilment.models import Hold, Order, Override
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.fulfilment.services.resuming import cancel_order
from rules.models import ExceptionType, QualityCheck
from rules.services import freeze_rule_book
from tests.cast import House, furnish
from tests.conftest import Stand, Standing
from tests.doors import signed_in
from tests.factories import orders as make
from tests.pages.conftest import open_cases
from tests.pages.test_quarantine import PREFIXED, log_the_audit_steps
from tests.permissions.pages import PAGES, RECORDS

# What the second person reads: that somebody was faster, with their own text; that it was done before; or that theirs counts as well.
FASTER, BEFORE, BOTH = "faster", "before", "both"
MINE: Final = "This is what I typed, letter by letter."
LONG: Final = {"reason": MINE, "plan": "It is corrected meanwhile."}
ABOUT: Final = {"exception", "time-limited-exception", "order", "override", "fulfilment"}
# The others meet only somebody who does the same, unless all is asked for: a third of the time.
WHOLE: Final = {"reassign", "exceptions:decide", "exceptions:edit", "fulfilment:release"}
NOT_ACTS: Final = {
    "exceptions:presence": "it locks and changes nothing",
    "exceptions:runbook-new": "it writes a runbook",
    "exceptions:postmortem-draft": "it writes a post-mortem",
    "fulfilment:product": "it describes a product",
}


@dataclass
class Meeting:
    """The house where they meet, what they meet at, and their browsers."""

    house: House
    keys: dict[str, Any]
    browsers: dict[str, Browser]
    case: ExceptionCase
    sent: dict[str, Any] = field(default_factory=dict)

    def do(self, who: str, path: str, **given: Any) -> Any:
        """Send it, as the page that was open before would have."""
        return self.browsers[who].post(path.format(**self.keys), {**self.sent, **given})

    def act(self, who: str, action: str, **given: Any) -> None:
        """Do something on the exception as it is now."""
        self.case.refresh_from_db()
        answer = self.do(who, f"/exceptions/{self.case.key}/{action}/", **given, seen=self.case.version)
        assert answer.status_code == 302, (action, answer.status_code)

    def waiver(self) -> Waiver:
        return Waiver.objects.get(number=int(self.keys["tlx"].removeprefix("TLX-")))


Do = Callable[[Meeting], object]


@dataclass(frozen=True)
class Act:
    """An act: where, what is typed, and what the other does meanwhile; `ends` says what the second person then reads."""

    path: str
    mine: dict[str, Any] = field(default_factory=dict)
    ends: tuple[str, str, str] = (FASTER, FASTER, FASTER)
    who: str = "amal"
    other: str = "lee"
    before: Do = lambda meeting: None
    changes: Do = lambda meeting: meeting.act("lee", "reassign", to="ops-team-review", reason="They know it")
    finishes: Do = lambda meeting: meeting.act("lee", "resolve", outcome="resolved")
    sees: Callable[[Meeting], dict[str, Any]] = lambda meeting: {"seen": meeting.case.version}


def _on_case(action: str, /, **more: Any) -> Act:
    return Act(f"/exceptions/{{ex}}/{action}/", **more)


def _decide(decision: str) -> Act:
    return Act(
        "/approvals/{tlx}/",
        {"decision": decision, "comment": MINE},
        who="lee",
        other="mara",
        changes=_edit,
        finishes=lambda meeting: meeting.do("amal", "/time-limited/{tlx}/withdraw/", comment="Not any more"),
        sees=lambda meeting: {"seen_hash": meeting.waiver().content_hash},
    )


def _edit(meeting: Meeting) -> None:
    said = {"reason": f"{MINE} Twice.", "reason_code": "customer", "plan": "As before"}
    answer = meeting.do("amal", "/time-limited/{tlx}/edit/", hours=2, **said)
    assert answer.status_code == 302


def _ask(meeting: Meeting) -> None:
    meeting.do(
        "mara", "/approvals/{tlx}/", decision="ask", comment="Who said so?", seen_hash=meeting.waiver().content_hash
    )


def _approve(meeting: Meeting) -> None:
    meeting.do("mara", "/approvals/{tlx}/", decision="approve", seen_hash=meeting.waiver().content_hash)


def _revoke(meeting: Meeting) -> None:
    meeting.do("mara", "/time-limited/{tlx}/revoke/", comment="Not any more")


def _sooner(meeting: Meeting) -> dict[str, str]:
    ends = meeting.waiver().expires_at
    assert ends is not None
    zone = ZoneInfo(meeting.house.users["lee"].time_zone)
    return {"until": f"{(ends - timedelta(minutes=30)).astimezone(zone):%Y-%m-%dT%H:%M}"}


def _cancel(meeting: Meeting, which: str) -> None:
    order = Order.objects.get(key=meeting.keys[which])
    cancel_order(order_id=order.pk, reason="They cancelled", by=meeting.house.actor("lee"), now=clock.now())


def _hold(meeting: Meeting, which: str = "order") -> None:
    meeting.do("lee", f"/orders/{{{which}}}/holds/", words="They are moving")
    meeting.keys["hold"] = Hold.objects.latest("pk").pk


def _break(meeting: Meeting) -> None:
    given = {"gate": "ship-despite-open-case", "hours": 1, **LONG, "confirm": meeting.case.subject_key}
    meeting.do("lee", "/break-glass/new/?for={ex}", **given)
    meeting.keys["tlx"] = Waiver.objects.latest("number").key


def _ask_client(meeting: Meeting) -> None:
    meeting.do("lee", "/time-limited/{tlx}/client/", contact="Iris Vogt", hours=1)


def _set_by_hand(meeting: Meeting, which: str = "delivered") -> None:
    meeting.do("amal", f"/orders/{{{which}}}/override/", field="segment", value="vip", reason="She told me")


def _override(meeting: Meeting) -> None:
    _set_by_hand(meeting, "order")
    meeting.keys["override"] = Override.objects.latest("pk").key


def _newest(meeting: Meeting) -> int:
    return trail_of(meeting.case)[0].number


def _file(meeting: Meeting) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("note.txt", b"Seen"), "seen": meeting.case.version}


NOTHING: Final[Callable[[Meeting], dict[str, Any]]] = lambda meeting: {}  # noqa: E731 -- an act that sends nothing along
ALWAYS: Final = (BOTH, BOTH, BOTH)
HELD: Final = {
    "gate": "ship-despite-open-case",
    "hours": 1,
    "owner": "amal",
    "reason_code": "other",
    "reason": MINE,
    "plan": "Wait",
}
WAIVER: Final[dict[str, Any]] = {"changes": _edit, "sees": NOTHING}


def _order(which: str = "order") -> dict[str, Any]:
    return {"changes": lambda m: _hold(m, which), "finishes": lambda m: _cancel(m, which), "sees": NOTHING}


def _return(meeting: Meeting) -> None:
    meeting.do("lee", "/orders/{delivered}/return/", reason="Too small")


ACTED: Final[dict[str, Act]] = {
    "acknowledge": _on_case("acknowledge", ends=(BEFORE, FASTER, FASTER)),
    "start": _on_case("start"),
    "wait": _on_case(
        "wait",
        before=lambda m: m.act("amal", "start"),
        mine={"reason": MINE, "hours": "24", "on": "carrier", "party": "DPD"},
    ),
    "resume": _on_case(
        "resume",
        before=lambda m: (
            m.act("amal", "start"),
            m.act("amal", "wait", reason="The carrier looks", hours="24", on="carrier", party="DPD"),
        ),
    ),
    "reassign": _on_case(
        "reassign", mine={"to": "ops-team-review", "reason": MINE}, changes=lambda m: m.act("lee", "start")
    ),
    "escalate": _on_case("escalate", mine={"reason": MINE}),
    "severity": _on_case("severity", who="lee", other="mara", mine={"severity": "P1", "reason": MINE}),
    "rebase": _on_case("rebase", who="lee", other="mara", mine={"reason": MINE}),
    "note": _on_case("note", mine={"text": MINE}, ends=ALWAYS),
    "watch": _on_case("watch", ends=ALWAYS),
    "unwatch": _on_case("unwatch", before=lambda m: (m.act("amal", "watch"), m.act("lee", "watch")), ends=ALWAYS),
    "undo": _on_case(
        "undo",
        other="amal",  # nobody else may
        before=lambda m: m.act("amal", "watch"),
        ends=(FASTER, BOTH, BOTH),
        sees=lambda m: {"entry": _newest(m)},
    ),
    "withdraw-file": _on_case(
        "withdraw-file",
        who="lee",
        other="mara",
        mine={"file": "1", "reason": MINE},
        before=lambda m: m.act("amal", "attach", file=SimpleUploadedFile("note.txt", b"Seen")),
        ends=(FASTER, BOTH, BOTH),
    ),
    "attach": _on_case("attach", ends=ALWAYS, sees=_file),
    "link": _on_case("link", mine={"exception": "{other_ex}"}, ends=(BEFORE, BOTH, BOTH)),
    "unlink": _on_case(
        "unlink",
        mine={"exception": "{other_ex}"},
        before=lambda m: m.act("amal", "link", exception=m.keys["other_ex"]),
        ends=(FASTER, BOTH, BOTH),
    ),
    # Resolved it is once; what the second person notes is kept beside it.
    "resolve": _on_case("resolve", mine={"outcome": "resolved", "note": MINE}, ends=(BOTH, FASTER, BOTH)),
    "reopen": _on_case(
        "reopen",
        mine={"reason": MINE},
        before=lambda m: m.act("lee", "resolve", outcome="resolved"),
        changes=lambda m: (m.act("lee", "reopen", reason="Again"), m.act("lee", "resolve", outcome="resolved")),
        finishes=lambda m: m.act("lee", "reopen", reason="It came back"),
    ),
    "exceptions:step": _on_case("step/1", mine={"outcome": "same", "note": MINE}),
    "exceptions:ask": Act(
        "/time-limited/new/?for={other_ex}", {**HELD, "reason": MINE}, ends=(FASTER, BOTH, BOTH), sees=NOTHING
    ),
    "exceptions:break-glass": Act(
        "/break-glass/new/?for={other_ex}",
        {**HELD, "confirm": "{other_subject}"},
        who="lee",
        other="mara",
        ends=(FASTER, BOTH, BOTH),
        sees=NOTHING,
    ),
    "exceptions:waiver": _decide("approve"),
    "exceptions:decide": _decide("deny"),
    "to ask for more": _decide("ask"),
    "exceptions:answer": Act(
        "/time-limited/{tlx}/answer/",
        {"answer": MINE},
        other="amal",
        before=_ask,
        changes=_edit,
        finishes=lambda m: m.do("amal", "/time-limited/{tlx}/withdraw/", comment="Not any more"),
        sees=NOTHING,
    ),
    "exceptions:edit": Act(
        "/time-limited/{tlx}/edit/",
        {"hours": 3, "reason_code": "customer", **LONG},
        other="amal",
        changes=_edit,
        finishes=_approve,
        sees=lambda m: {"seen_hash": m.waiver().content_hash},
    ),
    "exceptions:ask-client": Act(
        "/time-limited/{tlx}/client/",
        {"contact": MINE, "hours": 1},
        ends=(FASTER, BOTH, FASTER),
        **WAIVER,
        finishes=_approve,
    ),
    "exceptions:client-take-back": Act(
        "/time-limited/{tlx}/client/take-back/",
        before=_ask_client,
        ends=(FASTER, BOTH, BOTH),
        **WAIVER,
        finishes=_approve,
    ),
    "exceptions:extend": Act(
        "/time-limited/{tlx}/extend/",
        {"hours": 1, **LONG},
        before=_approve,
        changes=_ask_client,
        finishes=_revoke,
        ends=(FASTER, BOTH, FASTER),
        sees=NOTHING,
    ),
    "exceptions:revoke": Act(
        "/time-limited/{tlx}/revoke/",
        {"comment": MINE},
        who="lee",
        other="mara",
        before=_approve,
        changes=lambda m: m.do("amal", "/time-limited/{tlx}/extend/", hours=1, **LONG),
        finishes=_revoke,
        ends=(FASTER, BOTH, FASTER),
        sees=NOTHING,
    ),
    "exceptions:shorten": Act(
        "/time-limited/{tlx}/shorten/",
        {"reason": MINE},
        who="lee",
        other="mara",
        before=_approve,
        changes=lambda m: m.do("amal", "/time-limited/{tlx}/extend/", hours=1, **LONG),
        finishes=_revoke,
        ends=(BEFORE, BOTH, FASTER),
        sees=_sooner,
    ),
    "exceptions:watch-waiver": Act(
        "/time-limited/{tlx}/watch/",
        ends=(BOTH, BOTH, BOTH),
        **WAIVER,
        finishes=_approve,
    ),
    "exceptions:unwatch-waiver": Act(
        "/time-limited/{tlx}/unwatch/",
        ends=(BEFORE, BOTH, BOTH),
        **WAIVER,
        finishes=_approve,
    ),
    "exceptions:withdraw": Act(
        "/time-limited/{tlx}/withdraw/",
        {"comment": MINE},
        other="amal",
        changes=_ask,
        finishes=_approve,
        ends=(FASTER, BOTH, FASTER),
        sees=NOTHING,
    ),
    "exceptions:roll-back": Act(
        "/time-limited/{tlx}/roll-back/",
        who="kim",
        other="mara",
        before=_break,
        changes=_revoke,
        finishes=lambda m: m.do("mara", "/time-limited/{tlx}/roll-back/"),
        ends=(FASTER, BOTH, FASTER),
        sees=NOTHING,
    ),
    "exceptions:review": Act(
        "/time-limited/{tlx}/review/",
        {"verdict": "justified", "comment": MINE},
        who="kim",
        other="mara",
        before=_break,
        changes=_revoke,
        finishes=lambda m: m.do("mara", "/time-limited/{tlx}/review/", verdict="unjustified", comment="It could wait"),
        ends=(FASTER, BOTH, FASTER),
        sees=NOTHING,
    ),
    "fulfilment:holds": Act("/orders/{order}/holds/", {"words": MINE}, ends=(BOTH, BOTH, FASTER), **_order()),
    "fulfilment:release": Act(
        "/orders/{order}/holds/{hold}/release/",
        {"reason": MINE},
        who="mara",
        before=_hold,
        ends=(FASTER, BOTH, FASTER),
        **_order(),
    ),
    "fulfilment:cancel": Act("/orders/{order}/cancel/", {"reason": MINE}, ends=(BEFORE, BOTH, BEFORE), **_order()),
    "fulfilment:reroute": Act(
        "/orders/{order}/reroute/",
        {"fulfilment": "{order}-1", "flow": "vendor-drop-ship", "reason": MINE},
        ends=(FASTER, BOTH, FASTER),
        **_order(),
    ),
    "fulfilment:resend": Act("/orders/{order}/resend/", {}, ends=(BOTH, BOTH, BOTH), **_order()),
    "fulfilment:same-order": Act(
        "/orders/{order}/same-order/", {"into": "{packed}", "reason": MINE}, ends=(FASTER, BOTH, FASTER), **_order()
    ),
    "fulfilment:gift": Act(
        "/orders/{order}/lines/1/gift/",
        {"is_gift": "on", "wrap": MINE, "reason": MINE},
        ends=(FASTER, FASTER, FASTER),
        **_order() | {"sees": lambda m: {"seen": str(Order.objects.get(key=m.keys["order"]).version)}},
    ),
    "fulfilment:doubt": Act(
        "/orders/{order}/quarantine/",
        {"doubts": "address", "reason": MINE},
        ends=(FASTER, FASTER, FASTER),
        **_order() | {"sees": lambda m: {"seen": str(Order.objects.get(key=m.keys["order"]).version)}},
    ),
    "fulfilment:pack": Act(
        "/orders/{order}/pack/",
        {"how": "together", "lines": "1", "reason": MINE},
        ends=(BOTH, BOTH, FASTER),
        **_order(),
    ),
    "fulfilment:override": Act(
        "/orders/{order}/override/",
        {"field": "segment", "value": "key-account", "reason": MINE},
        ends=(FASTER, BOTH, BOTH),
        **_order(),
    ),
    "fulfilment:review": Act(
        "/overrides/{override}/",
        {"decision": "accept", "comment": MINE},
        who="lee",
        other="mara",
        before=_override,
        ends=(FASTER, BOTH, BOTH),
        **_order(),
    ),
    "fulfilment:return": Act(
        "/orders/{delivered}/return/",
        {"reason": MINE},
        ends=(FASTER, BOTH, FASTER),
        **_order("delivered") | {"changes": _set_by_hand, "finishes": _return},
    ),
    # What is packed can still be looked at, while somebody decides what becomes of it.
    "fulfilment:parcel": Act(
        "/checks/{checked}-1/",
        {"check": "right-contents", "code": "TENT-2"},
        ends=(FASTER, BOTH, BOTH),
        **_order("checked"),
    ),
    "fulfilment:hand-over": Act(
        "/checks/{packed}-1/hand-over/", {"carrier": "DPD", "tracking": "RR1"}, **_order("packed")
    ),
    "fulfilment:quarantined": Act(
        "/quarantine/{held}/",
        {"reason": MINE, "accept": "1"},
        **_order("held") | {"sees": lambda m: {"seen": Order.objects.get(key=m.keys["held"]).version}},
    ),
}


def test_every_act_is_in_it() -> None:
    found = {name for name, ways in PAGES.items() if "POST" in ways and RECORDS.get(name) in ABOUT}
    found = (found | {"fulfilment:release", *ACTS}) - {"exceptions:act", *NOT_ACTS}
    assert found ^ set(ACTED) == {"to ask for more"}


def _lay() -> dict[str, Any]:
    """A house with an order that is packed, exceptions, and one that amal asked for; and those who meet, with their pages open."""
    system, now = system_actor("test"), clock.now() - timedelta(minutes=10)
    house = furnish(by=system, now=now)
    cases, orders = open_cases(house, 3), _orders(house, now)
    browsers = {name: signed_in(house.users[name]) for name in ("amal", "lee", "mara", "kim")}
    browsers["amal"].post(f"/time-limited/new/?for={cases[2].key}", HELD)
    log_the_audit_steps(browsers.__getitem__, house, orders["held"])
    keys = {"ex": cases[0].key, "other_ex": cases[1].key, "other_subject": cases[1].subject_key}
    keys |= {name: order.key for name, order in orders.items()}
    return {"browsers": browsers, "keys": keys | {"tlx": Waiver.objects.get().key}, "case": cases[0]}


def _orders(house: House, now: datetime) -> dict[str, Order]:
    """One that is planned, one packed, one delivered, one held for its address; and one packed that has to be checked."""
    system, northwind = system_actor("test"), house.clients["northwind"]
    count_stock(news=[make.stock(northwind, now, "TENT-2", 10)], by=system, now=now)
    paid = {"paid_at": now.isoformat()}
    news = [make.placed(northwind, now, **paid) for _ in range(3)]
    news.append(make.placed(northwind, now, **paid, address=PREFIXED))
    ids = place_orders(news=news, by=system, now=now)
    with acting(system, at=now):
        ExceptionType.objects.filter(slug="address").update(ladder=[{"after_minutes": 45, "to": "owner:logistics"}])
        QualityCheck.objects.filter(slug="right-contents").update(is_active=True)
    freeze_rule_book(by=system, now=now, note="another ladder, and a check")
    ids += place_orders(news=[make.placed(northwind, now, **paid)], by=system, now=now)
    found = Order.objects.in_bulk(ids)
    orders = dict(zip(("order", "packed", "delivered", "held", "checked"), (found[one] for one in ids), strict=True))
    for kind, names in (
        ("packed", ("packed", "delivered", "checked")),
        ("handed_over", ("delivered",)),
        ("delivered", ("delivered",)),
    ):
        parcels = [f"{orders[name].key}-1" for name in names]
        told = [make.news(f"shipment.{kind}", northwind, one, now, task=one) for one in parcels]
        take_news(news=told, by=system, now=now)
    return orders


@pytest.fixture(scope="module")
def furnished(stand: Stand) -> Standing:
    return stand("people who meet", _lay)


@pytest.mark.parametrize("name", ACTED)
def test_two_at_one_act(name: str, house: House, furnished: Standing) -> None:
    act, found = ACTED[name], {}
    whole = "HANDRAIL_THOROUGH" in os.environ or name in WHOLE
    for place, meanwhile in enumerate((_does_the_same(act), act.changes, act.finishes)[: None if whole else 1]):
        with transaction.atomic():
            meeting = Meeting(house, dict(furnished.laid["keys"]), furnished.laid["browsers"], furnished.laid["case"])
            act.before(meeting)
            meeting.case.refresh_from_db()
            sent = act.sees(meeting)
            meanwhile(meeting)
            found[place] = _end(meeting, act, sent)
            transaction.set_rollback(True)
    assert tuple(found.values()) == act.ends[: len(found)]


def _does_the_same(act: Act) -> Do:
    """The same act with other words."""

    def do(meeting: Meeting) -> None:
        theirs = {name: "What they typed before" if value == MINE else value for name, value in act.mine.items()}
        answer = meeting.do(act.other, act.path, **_filled(meeting, theirs), **act.sees(meeting))
        assert answer.status_code in {200, 302}, answer.status_code

    return do


def _filled(meeting: Meeting, given: dict[str, Any]) -> dict[str, Any]:
    return {name: value.format(**meeting.keys) if isinstance(value, str) else value for name, value in given.items()}


def _end(meeting: Meeting, act: Act, sent: dict[str, Any]) -> str:
    """Send mine, and say in a word what came of it; where nothing did, nothing was written and mine is on the page."""
    told = Event.objects.filter(actor=meeting.house.actor(act.who).id)
    before = told.count()
    answer = meeting.do(act.who, act.path, **_filled(meeting, act.mine), **sent)
    effects = told.count() - before
    if answer.status_code == 409:
        kept = MINE not in act.mine.values() or MINE in answer.content.decode()
        return FASTER if (effects, kept) == (0, True) else f"409, {effects} effects, kept {kept}"
    done = answer.status_code in {200, 302}
    return (BOTH if effects else BEFORE) if done else f"{answer.status_code}, {effects} effects"
