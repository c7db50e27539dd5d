"""Orders and their fulfilments."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, filtering
from audit.context import Actor
from audit.errors import NotFound
from audit.filtering import FilterSet, Question
from audit.rest.expanding import related
from audit.rest.pages import given_filters
from audit.rest.parsing import ReasonInput
from audit.rest.versions import exactly
from audit.rest.views import ActResource, CreateMixin, DeedResource, ListResource, RecordResource, Resource
from audit.words import said
from exceptions.api.job_shapes import PlanRecordSerializer
from orders.fulfilment import selectors, serializers
from orders.fulfilment.selectors import overrides as by_hand
from orders.fulfilment.selectors import parcels
from orders.fulfilment.selectors.documents import documents_of
from orders.fulfilment.selectors.order_filters import ORDER_FILTERS
from orders.fulfilment.serializers import by_hand as shapes
from orders.fulfilment.serializers import checks as check_shapes
from orders.fulfilment.serializers.documents import DocumentsSerializer
from orders.fulfilment.serializers.many import PlanOrdersInput
from orders.fulfilment.serializers.trace import MOST_STEPS, STEPS, TraceSerializer, as_told, read_steps
from orders.fulfilment.serializers.why import WhyPageSerializer
from orders.fulfilment.services import announcing, bulk, exports, holds, overrides, quarantine, resuming, unwinding
from orders.fulfilment.services.handing_over import hand_over_parcel
from orders.fulfilment.states import FulfilmentState, OverrideState
from rules import selectors as rules
from rules.api import ClientList, OwnerList
from rules.api.flows import FlowList
from rules.selectors import registry


def _story(by: Actor) -> Callable[[Any], selectors.OrderStory]:
    return lambda order: selectors.order_story(by=by, key=order.key)


class _Orders(Resource):
    permission = "orders.view_order"
    noun = "order"
    serializer_class: Any = serializers.OrderSerializer
    expands = related(client=ClientList, owner=OwnerList, flow=FlowList)

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.orders_for(self.by)


class OrderList(_Orders, ListResource):
    """Orders, newest first."""

    filters = ORDER_FILTERS

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients, with what they can be sorted by."""
        return selectors.sortable_orders(self.by)


class PlanOrders(DeedResource):
    """Plan to hold many orders, release the asker's holds of them or decide them anew; `POST /plans/{key}/run` does exactly that."""

    permission = "orders.work_order"
    noun = "order"
    input_class = PlanOrdersInput
    serializer_class = PlanRecordSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Freeze which, and what stands in the way of the others."""
        if "keys" in given:
            return bulk.plan_chosen(**given, by=self.by, now=now)
        asked = given_filters(QueryDict(given["filter"]))
        found = ORDER_FILTERS.apply(selectors.orders_for(self.by), asked, Question(self.by, now))
        return bulk.plan_found(action=given["action"], found=found, by=self.by, now=now)


class OrderRecord(_Orders, RecordResource):
    """One order with its story."""

    serializer_class = serializers.OrderRecordSerializer
    is_whole = False

    def get_serializer_context(self) -> dict[str, Any]:
        """With the way to load the story."""
        return {**super().get_serializer_context(), "story": _story(self.by)}


class OrderTrace(_Orders):
    """An order from its trigger to its outcome: the four answers, and every decision, attempt, touch and outcome with its evidence."""

    serializer_class = TraceSerializer
    asks: ClassVar[dict[str, str]] = {
        "steps": f"At most so many steps, the first ones, 1 to {MOST_STEPS:,}; {STEPS:,} unless told.",
        "kind": f"Of the waterfall only steps of this kind: {', '.join(selectors.KIND_WORDS)}.",
        "system": "Of the waterfall only steps that came from or went to this system, by its key.",
    }

    def get(self, request: Request, key: str) -> Response:
        """Answer with the steps."""
        about: dict[str, Any] = {"by": self.by, "key": key}
        steps = read_steps(request.query_params.get("steps", ""))
        kind, system = (request.query_params.get(name, "") for name in ("kind", "system"))
        found = selectors.waterfall(**about, now=clock.now(), kind=kind, system=system, at_most=steps)
        told = as_told(found, selectors.order_story(**about), selectors.order_trace(**about, at_most=steps))
        return Response(self.get_serializer(told).data)


class OrderWhy(_Orders):
    """Every decision about an order: the rule that ruled, those asked before it, and those that lacked one condition only."""

    serializer_class = WhyPageSerializer

    def get(self, request: Request, key: str) -> Response:
        """Answer with all of them."""
        del request
        return Response(self.get_serializer(selectors.why_page(by=self.by, key=key)).data)


class OrderDocuments(_Orders):
    """Every paper of an order: packing lists, labels, photos and files kept as evidence, and its newest export."""

    serializer_class = DocumentsSerializer

    def get(self, request: Request, key: str) -> Response:
        """Answer with the list."""
        del request
        found = documents_of(selectors.order_story(by=self.by, key=key), by=self.by)
        return Response(self.get_serializer({"key": key, "documents": found}).data)


class OrderExport(_Orders):
    """Everything another system needs to act on an order, and a token that proves it; the reading is kept in the trail."""

    permission = "orders.export_order"
    answer = OpenApiTypes.OBJECT
    is_whole = True

    def get(self, request: Request, key: str) -> HttpResponse:
        """Answer with the document of the contract order.export."""
        export = exports.export_order(order_id=self.find(key).pk, by=self.by, now=clock.now())
        return exactly(request, export.document)


class _OrderAct(_Orders, ActResource):
    tells_who_was_faster = False


class OrderHolds(_OrderAct):
    """What stops an order; and stopping what has not left, or one fulfilment, until a condition holds or a person lets go."""

    input_class = serializers.HoldInput
    answers: Mapping[str, Any] = {"GET": serializers.HoldsSerializer}

    def get(self, request: Request, key: str) -> Response:
        """Answer with its holds, those that were released too."""
        del request
        holds = [asdict(hold) for hold in selectors.order_holds(by=self.by, key=key)]
        return Response(serializers.HoldsSerializer({"key": key, "holds": holds}).data)

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Hold it."""
        holds.hold_order(order_id=record.pk, **given, by=self.by, now=now)


class ReleaseHold(_OrderAct):
    """Let go of one hold of an order."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Release it, if it is one of this order."""
        if not record.holds.filter(pk=given["hold"]).exists():
            raise NotFound(said("%(key)s has no such hold.", key=record.key))
        holds.release_hold(hold_id=given["hold"], reason=given["reason"], by=self.by, now=now)


class CancelOrder(_OrderAct):
    """Cancel an order, or so many units of some lines; what is off the shelf already waits for a decision."""

    input_class = serializers.CancelInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Cancel it."""
        lines = {str(row["line"]): row["quantity"] for row in given.get("lines") or ()}
        resuming.cancel_order(order_id=record.pk, reason=given["reason"], lines=lines, by=self.by, now=now)


class AnnounceReturn(_OrderAct):
    """Announce that something comes back. By the rule book it is expected, asked about or refused: `story.requests` says which and why."""

    input_class = serializers.ReturnInput
    serializer_class = serializers.OrderRecordSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        """With the way to load the story."""
        return {**super().get_serializer_context(), "story": _story(self.by)}

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Announce it."""
        lines = {str(row["line"]): row["quantity"] for row in given.get("lines") or ()}
        rest = {name: given[name] for name in ("reason", "reference")}
        announcing.return_order(order_id=record.pk, lines=lines, **rest, by=self.by, now=now)


class CorrectAddress(_OrderAct):
    """Replace the shipping address with one that can be shipped to; the order goes on."""

    input_class = serializers.AddressInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Correct it."""
        address = {name: value for name, value in given.items() if name != "reason"}
        resuming.correct_address(order_id=record.pk, address=address, reason=given["reason"], by=self.by, now=now)


class CompleteAddress(_OrderAct):
    """Put what is missing into the address of an order that is held for it; the order goes on from there."""

    input_class = serializers.CompleteAddressInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Complete it."""
        quarantine.complete_address(
            order_id=record.pk,
            fields=given.get("address", {}),
            accept_suggestions=given["accept_suggestions"],
            reason=given["reason"],
            seen=self.seen,
            by=self.by,
            now=now,
        )


class CompleteLines(_OrderAct):
    """Give an order that came without lines its lines; it goes on from there."""

    input_class = serializers.CompleteLinesInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Complete it."""
        lines = [quarantine.NewLine(**line) for line in given["lines"]]
        quarantine.complete_lines(
            order_id=record.pk, lines=lines, reason=given["reason"], seen=self.seen, by=self.by, now=now
        )


class Reroute(_OrderAct):
    """Send one fulfilment another way, once what was done for it is undone, last things first."""

    input_class = shapes.RerouteInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Call it back."""
        unwinding.reroute(order_id=record.pk, **given, by=self.by, now=now)


class OverrideField(_OrderAct):
    """Set one field of an order by hand; it is so at once, and waits for a review."""

    input_class = shapes.OverrideInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Set it."""
        overrides.override_order(order_id=record.pk, **given, by=self.by, now=now)


class _Overrides(Resource):
    permission = "orders.view_order"
    noun = "override"
    serializer_class = shapes.OverrideSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return by_hand.overrides_for(self.by)

    def get_serializer_context(self) -> dict[str, Any]:
        """With who asks: not everybody may see what is personal."""
        return {**super().get_serializer_context(), "by": self.by}

    def find(self, key: Any) -> Any:
        """The one of this key."""
        return by_hand.override_named(self.by, str(key))


class OverrideList(_Overrides, CreateMixin, ListResource):
    """What was set by hand, newest first; and setting how many units lie on a shelf."""

    input_class = shapes.StockOverrideInput
    filters = FilterSet(
        filters=(
            filtering.choice("state", "state", OverrideState.values),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.exact("field", "field"),
            filtering.exact("about", "about"),
        ),
        sorts={"-number": ("-number",), "number": ("number",)},
    )

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Set the count. The client has to be one of the asker's."""
        client = rules.clients_of(self.by).filter(slug=given["client"]).first()
        if client is None:
            raise NotFound("There is no such client, or it is not yours to see.")
        rest = {name: given[name] for name in ("sku", "value", "reason")}
        return overrides.override_stock(client_id=client.pk, **rest, by=self.by, now=now)


class OverrideRecord(_Overrides, RecordResource):
    """One fix by hand."""


class _Review(_Overrides, ActResource):
    input_class = shapes.OverrideReviewInput
    tells_who_was_faster = False
    accept: bool

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Decide about it."""
        overrides.review_override(override_id=record.pk, accept=self.accept, **given, by=self.by, now=now)


class AcceptOverride(_Review):
    """Take over what was set by hand, for good; with `propose_rule`, whoever has the rules is asked to make one of it."""

    input_class = shapes.OverrideAcceptInput
    accept = True


class RejectOverride(_Review):
    """Take back what was set by hand: it is again what the systems say."""

    accept = False


class ResendTasks(_OrderAct):
    """Send every unanswered, refused or returned task of an order once more."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Send them."""
        del given
        resuming.resend_tasks(order_id=record.pk, by=self.by, now=now)


class _Fulfilments(Resource):
    permission = "orders.view_order"
    noun = "fulfilment"
    serializer_class = serializers.FulfilmentSerializer
    expands = related(order=OrderList, client=ClientList, owner=OwnerList, flow=FlowList)

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return parcels.fulfilments_for(self.by)


class FulfilmentList(_Fulfilments, ListResource):
    """What warehouses and vendors send, newest first."""

    filters = FilterSet(
        filters=(
            filtering.exact("order", "order__key"),
            filtering.choice("state", "state", FulfilmentState.values),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.record_of("flow", "flow", registry.flows_for),
            filtering.exact("vendor", "vendor"),
            filtering.exact("carrier", "carrier"),
            filtering.exact("tracking_number", "tracking_number"),
            filtering.moment("due", "due_at", ahead=True),
        ),
        sorts={"-created": ("-created_at", "-pk"), "created": ("created_at", "pk"), "key": ("key",)},
    )


class FulfilmentRecord(_Fulfilments, RecordResource):
    """One fulfilment."""


class HandOver(_Fulfilments, ActResource):
    """Note that the carrier has taken a fulfilment; refused while a quality check before it is not passed."""

    permission = "orders.check_parcel"
    input_class = check_shapes.LeavingInput
    tells_who_was_faster = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Note it."""
        hand_over_parcel(fulfilment_id=record.pk, **given, by=self.by, now=now)
