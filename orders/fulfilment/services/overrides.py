"""Fixes by hand: in force at once, left alone by events, and either taken over or taken back by somebody else."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting, current_actor
from audit.crypto import keyed_digest, seal_secret
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import said, within
from exceptions import services as exceptions
from exceptions.services import CaseOpening
from orders.fulfilment.decisions.overrides import (
    FIELDS,
    HIDDEN,
    OF_A_LINE,
    ORDER_FIELDS,
    STOCK_FIELDS,
    Overridable,
)
from orders.fulfilment.errors import OwnOverride
from orders.fulfilment.models import OrderLine, Override, OverrideSecret, StockItem
from orders.fulfilment.selectors.overrides import EXPIRY, PROPOSAL, REVIEW_DUE
from orders.fulfilment.services import by_hand
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.override_clocks import (
    close_review_cases,
    put_count_by_hand,
    review_due,
    said_since,
)
from orders.fulfilment.services.settling import release_queue, settle
from orders.fulfilment.states import OverrideState


def override_order(
    *, order_id: UUID, field: str, value: str, line: int | None = None, reason: str, by: Actor, now: datetime
) -> Override:
    """Set one field of an order, or of one of its lines (by position), by hand; it is so at once, until somebody else has reviewed it.

    Raises `Invalid` naming what is wrong, `IllegalTransition` while an earlier fix of the field waits or where units are picked,
    `AlreadyGone` for what has left, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        dockets = load_dockets([order_id])
        if not dockets:
            raise NotFound("There is no such order, or it is not yours to see.")
        docket, changes = dockets[0], Changes(now)
        order = docket.order
        require(by, "orders.work_order", order)
        _known(ORDER_FIELDS, field)
        about = _line(docket, field, line)
        _refuse_second(docket.overrides, field, order.key, about)
        by_hand.refuse_late(docket, field, about)
        text = by_hand.read_value(docket, field, about, value.strip())
        override = Override(order=order, line=about, client_id=order.client_id, about=order.key)
        _keep(override, field, by_hand.stands(docket, field, about), text, why, changes)
        by_hand.put(docket, field, about, text, changes)
        settle(dockets, changes)
    override.refresh_from_db()
    return override


def _line(docket: Docket, field: str, position: int | None) -> OrderLine | None:
    if field not in OF_A_LINE:
        return None
    found = next((line for line in docket.live_lines() if line.position == position), None)
    if found is None:
        detail = said("Say which line it is about: one of those that are still ordered.")
        raise Invalid(detail, errors=[FieldError("/line", "unknown", detail)])
    return found


def override_stock(*, client_id: UUID, sku: str, value: str, reason: str, by: Actor, now: datetime) -> Override:
    """Set how many units lie on the shelf by hand; counts of systems leave it alone until it is reviewed. Raises as `override_order`."""
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        changes = Changes(now)
        found = StockItem.objects.filter(sku__client=client_id, sku__code=sku).values_list("pk", flat=True).first()
        if found is None or not by.reaches(client_id):
            detail = said("“%(sku)s” is no product of this client.", sku=sku[:80])
            raise Invalid(detail, errors=[FieldError("/sku", "unknown", detail)])
        require(by, "orders.work_order")
        (item,) = changes.lock_stock(pk__in=[found])
        _refuse_second(Override.objects.filter(stock_item=item, state=OverrideState.WAITING), "on_hand", sku)
        known, text = STOCK_FIELDS["on_hand"], value.strip()
        override = Override(stock_item=item, client_id=client_id, about=sku)
        _read(known, text)
        _keep(override, "on_hand", known.write(item.on_hand), text, why, changes)
        put_count_by_hand(item, text, changes)
        changes.write()
        release_queue([item.sku_id], changes)
    override.refresh_from_db()
    return override


def review_override(
    *, override_id: UUID, accept: bool, comment: str, propose_rule: bool = False, by: Actor, now: datetime
) -> Override:
    """Take a fix over for good, or take it back to what the systems say. Somebody other than who placed it does this.

    Who takes it over may propose at once that a rule says so from now on: whoever has the rules gets that as a case.

    Raises `OwnOverride`, `IllegalTransition` when it was reviewed already or is picked as it was set, `AlreadyGone` when it is to be taken
    back and has left, `NotFound`, `Refused`.
    """
    why = reason_given(comment, field="comment")
    with acting(by, at=now, reason=why):
        seen = Override.objects.filter(pk=override_id).first()
        require(by, "orders.review_override", seen)
        if seen is None:
            raise NotFound("There is no such override.")
        dockets = load_dockets([seen.order_id]) if seen.order_id else []
        changes = Changes(now)
        items = [] if dockets else changes.lock_stock(pk__in=[seen.stock_item_id or override_id])
        override = _locked(override_id, dockets)
        if override.state != OverrideState.WAITING:
            raise IllegalTransition(
                said(
                    "%(key)s was reviewed already: it is “%(state)s”.",
                    key=override.key,
                    state=within(override.get_state_display()),
                )
            )
        if override.placed_by == by.id:
            raise OwnOverride("Somebody else has to review your own fix.")
        override.merge() if accept else override.revert()
        override.reviewed_by, override.reviewed_at, override.comment = by.id, now, why
        changes.edit(override, "state", "reviewed_by", "reviewed_at", "comment")
        outcome = "merged" if accept else "reverted"
        told = {"about": override.about, "field": override.field, "outcome": outcome}
        changes.tell("override.reviewed", override, rule_proposed=accept and propose_rule, **told)
        if items and not accept:
            put_count_by_hand(items[0], said_since(override), changes)
        elif dockets:
            _end(dockets[0], override, accept, changes)
        changes.timers += [TimerChange(subject_ref(override), kind, None) for kind in (REVIEW_DUE, EXPIRY)]
        settle(dockets, changes)
        close_review_cases([override], now, why=said("It was reviewed."))
        if accept and propose_rule:
            _propose_rule(override, now)
    return override


def _locked(override_id: UUID, dockets: list[Docket]) -> Override:
    """The fix as it is now; the one on the desk where its order is there."""
    override = Override.objects.select_for_update(of=("self",)).select_related("secret").get(pk=override_id)
    on_desk = [one for docket in dockets for one in docket.overrides if one.pk == override_id]
    return on_desk[0] if on_desk else override


def _end(docket: Docket, override: Override, accept: bool, changes: Changes) -> None:
    docket.overrides.remove(override)
    if accept:
        by_hand.take_over(docket, override, changes)
        return
    if override.line is None or override.line in docket.live_lines():
        by_hand.refuse_late(docket, override.field, override.line)
    by_hand.put_back(docket, override, said_since(override), changes)


def _propose_rule(override: Override, now: datetime) -> None:
    """Whoever has the rules decides whether one says it from now on."""
    opening = CaseOpening(
        type=PROPOSAL,
        subject=subject_ref(override),
        subject_key=override.key,
        client_id=override.client_id,
        title=said(
            "Shall a rule say it? %(field)s of %(about)s was set to “%(local)s” by hand",
            field=said(str(FIELDS[override.field].label)),
            about=override.about,
            local=override.local,
        ),
        cause=f"override:{override.field}",
        evidence={
            "field": override.field,
            "about": override.about,
            "was": override.canonical,
            "is": override.local,
            "times_in_30_days": _times(override, now),
        },
    )
    exceptions.open_cases(openings=[opening], by=current_actor(), now=now)


def _times(override: Override, now: datetime) -> int:
    """How often the same was set by hand for this client lately, this time counted."""
    alike = Override.objects.filter(client=override.client_id, field=override.field, local=override.local)
    if FIELDS[override.field].personal:
        alike = alike.filter(secret__digest=override.secret.digest)
    return alike.filter(placed_at__gte=now - timedelta(days=30)).count()


def _keep(override: Override, field: str, was: str, text: str, why: str, changes: Changes) -> None:
    """Keep what was set, beside what stood there; what is personal of it apart and sealed."""
    if text == was:
        detail = said("It is so already.")
        raise Invalid(detail, errors=[FieldError("/value", "same", detail)])
    personal = FIELDS[field].personal
    override.field, override.reason = field, why
    override.canonical, override.local = (HIDDEN if was else "", HIDDEN if text else "") if personal else (was, text)
    override.placed_by, override.placed_at = current_actor().id, changes.now
    override.review_by = review_due(override, changes)
    override.save()
    if personal:
        sealed = {"canonical": seal_secret(was), "local": seal_secret(text)}
        OverrideSecret.objects.create(override=override, digest=keyed_digest(text), **sealed)
    told: dict[str, Any] = {"line": override.line.position} if override.line else {}
    changes.tell("override.placed", override, about=override.about, field=field, state=override.state, **told)
    changes.timers.append(TimerChange(subject_ref(override), REVIEW_DUE, override.review_by))


def _read(known: Overridable, text: str) -> None:
    try:
        known.read(text)
    except ValueError as wrong:
        raise Invalid(str(wrong), errors=[FieldError("/value", "invalid", str(wrong))]) from wrong


def _known(fields: Mapping[str, Overridable], field: str) -> None:
    if field not in fields:
        detail = said(
            "“%(field)s” cannot be set by hand. What can: %(fields)s.", field=field[:40], fields=", ".join(fields)
        )
        raise Invalid(detail, errors=[FieldError("/field", "unknown", detail)])


def _refuse_second(waiting: Any, field: str, about: str, line: OrderLine | None = None) -> None:
    for one in waiting:
        if (one.field, one.line_id) == (field, line.pk if line else None):
            raise IllegalTransition(
                said("%(key)s has set this of %(about)s already and waits for its review.", key=one.key, about=about)
            )
