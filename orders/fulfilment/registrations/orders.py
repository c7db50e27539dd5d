"""Orders as what exceptions and time-limited exceptions are about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import ngettext

from audit.context import Actor
from audit.subject_refs import SubjectRef
from audit.words import listed, said
from exceptions import ageing, counting, job_kinds, subjects
from exceptions.models import ExceptionCase, Waiver
from exceptions.subjects import SubjectPage
from orders.fulfilment.models import Order, OrderAddress, ParcelCheck
from orders.fulfilment.selectors.aside import aside_of_order
from orders.fulfilment.selectors.case_facets import CASE_FACETS
from orders.fulfilment.selectors.context import address_of_order, case_context
from orders.fulfilment.selectors.destinations import cards_elsewhere
from orders.fulfilment.selectors.impacts import CLOSE_UNVERIFIED, SKIP_CONFIRMATION, order_impacts
from orders.fulfilment.selectors.waiting import waiting_fixes, waiting_proposals
from orders.fulfilment.services import resubmitting, resuming, routes, verifying
from orders.fulfilment.services.waking import WAKES
from orders.fulfilment.states import AddressVerdict, CheckState, OrderState
from rules.states import Route

ORDER: Final = "fulfilment.order"


class OrderSubject:
    """How an order is shown on a case, and how it goes on afterwards."""

    def lock(self, ids: Sequence[str]) -> None:
        """Lock the orders by primary key, before the case and the waiver."""
        list(Order.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))

    def page(self, ref: SubjectRef) -> SubjectPage:
        """The order in facts without personal data, its last events and attempts, and the decision about it."""
        return case_context(UUID(ref.id))

    def on_cases_ended(self, cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> None:
        """Apply the outcomes and go on."""
        ends = [resuming.CaseEnd(UUID(case.subject_id), case.type, case.key, case.outcome) for case in cases]
        resuming.end_cases(ends=ends, by=by, now=now)

    def on_waived(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """Go on through the gate that is open for a while."""
        go_on = resuming.skip_confirmation if waiver.gate == SKIP_CONFIRMATION else resuming.look_again_at
        go_on(order_ids=[UUID(one) for one in waiver.allowed_ids], by=by, now=now)

    def on_waiver_ended(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """What has not left the house is under the rule again."""
        orders = [UUID(one) for one in waiver.allowed_ids]
        resuming.look_again_at(order_ids=orders, by=by, now=now)
        if waiver.gate == CLOSE_UNVERIFIED:
            verifying.ask_anew(order_ids=orders, by=by, now=now)


def _resend(case: ExceptionCase, *, by: Actor, now: datetime, data: Mapping[str, Any]) -> str:
    del data
    again = resuming.resend_tasks(order_id=UUID(case.subject_id), by=by, now=now)
    keys = ", ".join(parcel.key for parcel in again)
    return said("Sent again: %(keys)s.", keys=keys or said("nothing was waiting"))


def _reroute(case: ExceptionCase, *, by: Actor, now: datetime, data: Mapping[str, Any]) -> str:
    del data
    order = resuming.reroute_to_warehouse(order_id=UUID(case.subject_id), by=by, now=now)
    return said("Re-routed to the warehouse; the order is now “%(state)s”.", state=_state(order))


def _correct_address(case: ExceptionCase, *, by: Actor, now: datetime, data: Mapping[str, Any]) -> str:
    order = resuming.correct_address(order_id=UUID(case.subject_id), address=data, by=by, now=now, reason=case.key)
    return said("The address passes the check; the order is now “%(state)s”.", state=_state(order))


def _look_again(case: ExceptionCase, *, by: Actor, now: datetime, data: Mapping[str, Any]) -> str:
    del data
    order = resuming.look_again(order_id=UUID(case.subject_id), by=by, now=now)
    return said("Looked again: the order is “%(state)s”.", state=_state(order))


def _cancel(case: ExceptionCase, *, by: Actor, now: datetime, data: Mapping[str, Any]) -> str:
    order = resuming.cancel_order(
        order_id=UUID(case.subject_id), reason=str(data.get("reason") or case.key), by=by, now=now
    )
    return said("The order is now “%(state)s”.", state=_state(order))


def _roll_back(waiver: Waiver, *, by: Actor, now: datetime) -> str:
    orders, called_back = resuming.roll_back_orders(
        order_ids=[UUID(one) for one in waiver.subject_keys],
        gate=waiver.gate,
        why=said("%(key)s was rolled back", key=waiver.key),
        by=by,
        now=now,
    )
    keys = ", ".join(parcel.key for parcel in called_back)
    told = {
        "parcels": keys or said("nothing had been sent"),
        "states": listed(list(dict.fromkeys(_state(order) for order in orders))),
    }
    if waiver.others:
        return said("Held; called back: %(parcels)s; the orders are now “%(states)s”.", **told)
    return said("Held; called back: %(parcels)s; the order is now “%(states)s”.", **told)


def _state(order: Order) -> str:
    return said(str(OrderState(order.state).label))


def _address_passes(cases: Sequence[ExceptionCase]) -> set[UUID]:
    orders = [UUID(case.subject_id) for case in cases if case.subject_type == ORDER]
    about = OrderAddress.objects.filter(order__in=orders)
    passed = set(about.exclude(verdict=AddressVerdict.INVALID).values_list("order_id", flat=True))
    of_gifts = [card for cards in cards_elsewhere(orders).values() for card in cards]
    passed -= {card.gift.order_id for card in of_gifts if card.verdict == AddressVerdict.INVALID}
    return {case.pk for case in cases if case.subject_type == ORDER and UUID(case.subject_id) in passed}


def _checks_pass(cases: Sequence[ExceptionCase]) -> set[UUID]:
    """Nothing of the order stands failed; what a time-limited exception covers for a while still does."""
    orders = [UUID(case.subject_id) for case in cases if case.subject_type == ORDER]
    failed = set(
        ParcelCheck.objects.filter(order__in=orders, state=CheckState.FAILED).values_list("order_id", flat=True)
    )
    return {case.pk for case in cases if case.subject_type == ORDER and UUID(case.subject_id) not in failed}


def _checks_made(cases: Sequence[ExceptionCase]) -> set[UUID]:
    """Nobody is late with a check of the order."""
    orders = [UUID(case.subject_id) for case in cases if case.subject_type == ORDER]
    late = set(
        ParcelCheck.objects.filter(order__in=orders).exclude(passed_on_at=None).values_list("order_id", flat=True)
    )
    return {case.pk for case in cases if case.subject_type == ORDER and UUID(case.subject_id) not in late}


def _handoffs_verified(cases: Sequence[ExceptionCase]) -> set[UUID]:
    """Somebody downstream was seen to have everything of the order that was handed off."""
    about = {case.pk: UUID(case.subject_id) for case in cases if case.subject_type == ORDER}
    unverified = verifying.unverified_orders(set(about.values()))
    return {case for case, order in about.items() if order not in unverified}


def _counted(count: int) -> str:
    return ngettext("%(n)s order", "%(n)s orders", count) % {"n": count}


for name, facet in CASE_FACETS.items():
    subjects.register_facet(name, facet)
subjects.register(ORDER, OrderSubject())
subjects.register_aside(ORDER, aside_of_order)
subjects.register_wakes(ORDER, WAKES)
subjects.register_address(ORDER, address_of_order)
counting.register(ORDER, _counted)
subjects.register_impact(ORDER, order_impacts)
subjects.register_roll_back(ORDER, _roll_back)
subjects.register_route_step(Route.RETRY, "fulfilment.order", routes.try_again)
subjects.register_route_step(Route.REROUTE, "fulfilment.order", routes.another_way)
subjects.register_hold_opener("fulfilment.order", routes.put_on_hold)
subjects.register_action("order.resend_tasks", _resend)
subjects.register_action("order.reroute_to_warehouse", _reroute)
subjects.register_action("order.correct_address", _correct_address)
subjects.register_action("order.look_again", _look_again)
subjects.register_action("order.cancel", _cancel)
subjects.register_criterion("order.address_passes", _address_passes)
subjects.register_criterion("order.checks_pass", _checks_pass)
subjects.register_criterion("order.checks_made", _checks_made)
subjects.register_criterion("order.handoffs_verified", _handoffs_verified)
ageing.register("fixes-by-hand", waiting_fixes)
ageing.register("proposed-rules", waiting_proposals)
job_kinds.register(resubmitting.RESUBMIT)
