"""Fixes by hand: those that wait for a review, what was decided about others, and which are made again and again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext_noop as noop

from audit.access import require
from audit.context import Actor
from audit.crypto import open_secret
from audit.errors import NotFound
from audit.selectors.pages import names_of
from audit.texts import page_mark
from audit.words import said
from exceptions import selectors as exceptions
from orders.fulfilment.decisions.overrides import FIELDS, IN_THE_ADDRESS, OF_A_LINE, ORDER_FIELDS, in_one_line
from orders.fulfilment.models import Order, OrderAddress, Override
from orders.fulfilment.selectors.destinations import contact_shown
from orders.fulfilment.states import OverrideState
from rules.rulebook import CompiledBook
from rules.selectors import active_book

PER_PAGE: Final = 50
# What the pure module calls the fields, for the catalogue.
LABELS: Final = (
    *(noop("Promised delivery"), noop("Delivery speed"), noop("Customer segment"), noop("Carrier that shall bring it")),
    *(noop("Address it goes to"), noop("Phone of the customer"), noop("Instructions for the delivery")),
    *(noop("Product that is sent instead"), noop("Units that are sent"), noop("Units on the shelf")),
)
PROPOSAL: Final = "rule-proposal"  # the kind of exception a proposed rule is
REVIEW_DUE: Final = "fulfilment.override_review"
EXPIRY: Final = "fulfilment.override_expiry"
REVIEW, UNREVIEWED = "override-review", "override-expiry"  # as the rule book calls the two delays
USUALLY: Final = {REVIEW: timedelta(hours=24), UNREVIEWED: timedelta(hours=72)}
REPEATED_FROM, REPEATED_WITHIN = 5, timedelta(days=30)


@dataclass(frozen=True)
class OverrideRow:
    """One fix: what was set, what stood there, what systems have said since, by whom and why.

    Nothing that systems say changes it before `protected_until`: then, without a review, it is taken back. None: not before the review.
    """

    id: str
    key: str
    about: str
    line: int | None
    url: str
    client: str
    field: str
    field_label: str
    canonical: str
    local: str
    heard: str
    heard_at: datetime | None
    reason: str
    placed_by: str
    placed_at: datetime
    review_by: datetime
    protected_until: datetime | None
    state: str
    state_label: str
    reviewed_by: str
    reviewed_at: datetime | None
    comment: str
    is_mine: bool

    @property
    def is_waiting(self) -> bool:
        """Whether somebody still has to look at it."""
        return self.state == OverrideState.WAITING


@dataclass(frozen=True)
class Repeated:
    """The same fix of the same field, so often in thirty days that a rule should say it."""

    client: str
    field_label: str
    local: str
    times: int


@dataclass(frozen=True)
class OverridePage:
    """A page of the list, the newest first, and what is repeated."""

    rows: Sequence[OverrideRow]
    next_after: str
    repeated: Sequence[Repeated]


def overrides_for(by: Actor) -> QuerySet[Override]:
    """Those that exist for the actor. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    overrides = Override.objects.select_related("client__calendar", "order", "line", "secret")
    return overrides if by.clients is None else overrides.filter(client__in=by.clients)


def waiting_overrides(by: Actor) -> QuerySet[Override]:
    """Those somebody has to review."""
    return overrides_for(by).filter(state=OverrideState.WAITING)


def override_page(*, by: Actor, tab: str, after: str, now: datetime) -> OverridePage:
    """Those that wait (or, with tab "all", all of them). Raises `Invalid` for a page mark that is not ours."""
    matching = overrides_for(by) if tab == "all" else waiting_overrides(by)
    if after:
        matching = matching.filter(number__lt=page_mark(after))
    found = list(matching.order_by("-number")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    following = str(shown[-1].number) if len(found) > len(shown) else ""
    return OverridePage(rows_of(shown, by), following, _repeated(by, now))


def override_row(*, by: Actor, key: str) -> OverrideRow:
    """The one of this key. Raises `NotFound`."""
    return rows_of([override_named(by, key)], by)[0]


def override_named(by: Actor, key: str) -> Override:
    """The record of this key. Raises `NotFound` for none and for another client's alike."""
    digits = key.removeprefix("OV-")
    found = overrides_for(by).filter(number=int(digits)).first() if digits.isascii() and digits.isdigit() else None
    if found is None:
        raise NotFound(said("There is no override %(key)s, or it is not yours to see.", key=key[:40]))
    return found


def rows_of(overrides: Sequence[Override], by: Actor) -> list[OverrideRow]:
    """As people read them."""
    names = names_of({actor for one in overrides for actor in (one.placed_by, one.reviewed_by) if actor})
    until = protected_until(overrides)
    return [_row(one, names, until.get(str(one.pk)), by) for one in overrides]


def due_after(book: CompiledBook, sla: str, override: Override, since: datetime) -> datetime:
    """As the rule book says; a book that was frozen before it said it leaves a day to look, and three more."""
    if all(one.slug != sla for one in book.slas()):
        return since + USUALLY[sla]
    return book.due_at(sla, since, override.client.calendar.slug, in_words=False).due_at


def protected_until(overrides: Iterable[Override]) -> dict[str, datetime]:
    """When each that waits is taken back; those that nobody could take back, because what was set is on its way, have no end."""
    waiting = [one for one in overrides if one.state == OverrideState.WAITING]
    if not waiting:
        return {}
    live = exceptions.live_timers("fulfilment.override", [str(one.pk) for one in waiting])
    book, found = active_book(), {}
    for one in waiting:
        timers = live.get(str(one.pk), {})
        if EXPIRY in timers:
            found[str(one.pk)] = timers[EXPIRY]
        elif REVIEW_DUE in timers:
            found[str(one.pk)] = due_after(book, UNREVIEWED, one, timers[REVIEW_DUE])
    return found


def values_of(one: Override, by: Actor) -> dict[str, str]:
    """What stood there, what was set and what systems say, in words; what is personal only for those who may see that."""
    texts = {"canonical": one.canonical, "local": one.local, "heard": one.heard}
    if not FIELDS[one.field].personal or not by.may("orders.view_pii", one.client_id):
        return texts
    sealed = {name: getattr(one.secret, name) for name in texts}
    return {name: in_one_line(one.field, open_secret(text)) if text else "" for name, text in sealed.items()}


def set_now(by: Actor, order: Order, field: str) -> dict[str, str]:
    """What is in the field of the order, for the form that sets it: nothing of what the asker may not see."""
    clear = by.may("orders.view_pii", order.client_id)
    if field in IN_THE_ADDRESS:
        return contact_shown(OrderAddress.objects.filter(pk=order.pk).first()) if clear else {}
    return {} if field in OF_A_LINE else {"value": ORDER_FIELDS[field].write(getattr(order, field))}


def _row(one: Override, names: Mapping[str, str], until: datetime | None, by: Actor) -> OverrideRow:
    return OverrideRow(
        id=str(one.pk),
        key=one.key,
        about=one.about,
        line=one.line.position if one.line else None,
        url=f"/orders/{one.about}/" if one.order_id else "",
        client=one.client.name,
        field=one.field,
        field_label=FIELDS[one.field].label,
        **values_of(one, by),
        heard_at=one.heard_at,
        reason=one.reason,
        placed_by=names.get(one.placed_by, one.placed_by),
        placed_at=one.placed_at,
        review_by=one.review_by,
        protected_until=until,
        state=one.state,
        state_label=OverrideState(one.state).label,
        reviewed_by=names.get(one.reviewed_by, one.reviewed_by),
        reviewed_at=one.reviewed_at,
        comment=one.comment,
        is_mine=one.placed_by == by.id,
    )


def _repeated(by: Actor, now: datetime) -> list[Repeated]:
    """Equal values of the same field; of what is personal, those with the same digest."""
    recent = overrides_for(by).filter(placed_at__gte=now - REPEATED_WITHIN).order_by()
    alike = recent.values("client", "client__name", "field", "local", "secret__digest")
    often = alike.annotate(times=Count("pk"), sealed=Max("secret__local")).filter(times__gte=REPEATED_FROM)
    return [
        Repeated(row["client__name"], FIELDS[row["field"]].label, _said(row, by), row["times"])
        for row in often.order_by("-times", "field", "local")
    ]


def _said(row: Mapping[str, Any], by: Actor) -> str:
    if row["sealed"] and by.may("orders.view_pii", row["client"]):
        return in_one_line(row["field"], open_secret(row["sealed"]))
    return str(row["local"])
