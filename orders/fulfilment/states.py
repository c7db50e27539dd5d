"""The places an order, its lines, its parcels and its holds can be in; partial failure is a place, not a flag."""

from django.db import models


class OrderState(models.TextChoices):
    """Where an order stands, in the words people use for it."""

    AWAITING_PAYMENT = "awaiting_payment", "Awaiting payment"
    PAYMENT_AUTHORISED = "payment_authorised", "Payment authorised, not captured"
    PARTLY_PAID = "partly_paid", "Partly paid"
    PAID = "paid", "Paid, being prepared"
    QUARANTINED = "quarantined", "Quarantined"
    ADDRESS_INVALID = "address_invalid", "Address needs correction"
    MANUAL_REVIEW = "manual_review", "In manual review"
    PAID_NO_STOCK = "paid_no_stock", "Paid, no stock"
    PARTLY_FULFILLED = "partly_fulfilled", "Partly fulfilled, rest on back-order"
    IN_FULFILMENT = "in_fulfilment", "In fulfilment"
    VENDOR_REFUSED = "vendor_refused", "Refused by vendor or warehouse"
    CARRIER_REJECTED = "carrier_rejected", "Rejected by carrier, back in the warehouse"
    ON_HOLD = "on_hold", "On hold"
    REROUTING = "rerouting", "Being sent another way"
    CHANGE_UNDECIDED = "change_undecided", "Changed late, to be decided"
    CANCEL_UNDECIDED = "cancel_undecided", "Cancelled late, to be decided"
    PARTLY_SHIPPED = "partly_shipped", "Partly shipped"
    SHIPPED = "shipped", "Shipped"
    DELIVERED = "delivered", "Delivered"
    RETURN_ANNOUNCED = "return_announced", "Return on its way"
    PARTLY_RETURNED = "partly_returned", "Partly returned"
    RETURNED = "returned", "Returned"
    RETURNING = "returning", "Cancelled after shipping, coming back"
    CANCELLED = "cancelled", "Cancelled"


ORDER_FINAL = (OrderState.DELIVERED, OrderState.PARTLY_RETURNED, OrderState.RETURNED, OrderState.CANCELLED)
ORDER_STUCK = (
    OrderState.QUARANTINED,
    OrderState.ADDRESS_INVALID,
    OrderState.MANUAL_REVIEW,
    OrderState.PAID_NO_STOCK,
    OrderState.PARTLY_FULFILLED,
    OrderState.VENDOR_REFUSED,
    OrderState.CARRIER_REJECTED,
    OrderState.ON_HOLD,
    OrderState.REROUTING,
    OrderState.CHANGE_UNDECIDED,
    OrderState.CANCEL_UNDECIDED,
    OrderState.RETURN_ANNOUNCED,
    OrderState.RETURNING,
)
ORDER_UNPAID = (OrderState.AWAITING_PAYMENT, OrderState.PAYMENT_AUTHORISED, OrderState.PARTLY_PAID)
ORDER_LEFT_THE_HOUSE = (
    OrderState.SHIPPED,
    OrderState.DELIVERED,
    OrderState.RETURN_ANNOUNCED,
    OrderState.PARTLY_RETURNED,
    OrderState.RETURNED,
)


class LineState(models.TextChoices):
    """Where one line of an order stands."""

    OPEN = "open", "Open"
    RESERVED = "reserved", "Reserved"
    BACK_ORDERED = "back_ordered", "Waiting for stock"
    IN_FULFILMENT = "in_fulfilment", "In fulfilment"
    REFUSED = "refused", "Refused"
    SHIPPED = "shipped", "Shipped"
    DELIVERED = "delivered", "Delivered"
    CANCEL_UNDECIDED = "cancel_undecided", "Cancelled late, to be decided"
    RETURNING = "returning", "Coming back"
    PARTLY_RETURNED = "partly_returned", "Partly returned"
    RETURNED = "returned", "Returned"
    CANCELLED = "cancelled", "Cancelled"


class FulfilmentState(models.TextChoices):
    """Where one parcel-to-be stands with the warehouse, vendor or carrier that has the task."""

    PLANNED = "planned", "Planned"
    TASKED = "tasked", "Task sent, not confirmed"
    ACKNOWLEDGED = "acknowledged", "Task received"
    CONFIRMED = "confirmed", "Confirmed"
    PICKED = "picked", "Picked"
    PACKED = "packed", "Packed"
    UNWINDING = "unwinding", "Being called back"
    HANDED_OVER = "handed_over", "Handed over to the carrier"
    DELIVERED = "delivered", "Delivered"
    REFUSED = "refused", "Refused"
    REJECTED = "rejected", "Rejected by carrier"
    CANCELLED = "cancelled", "Cancelled"


FULFILMENT_UNCONFIRMED = (FulfilmentState.TASKED, FulfilmentState.ACKNOWLEDGED)
FULFILMENT_IN_HOUSE = (
    FulfilmentState.PLANNED,
    FulfilmentState.TASKED,
    FulfilmentState.ACKNOWLEDGED,
    FulfilmentState.CONFIRMED,
    FulfilmentState.PICKED,
    FulfilmentState.PACKED,
)
FULFILMENT_TOUCHED = (FulfilmentState.PICKED, FulfilmentState.PACKED, FulfilmentState.UNWINDING)
FULFILMENT_GONE = (FulfilmentState.HANDED_OVER, FulfilmentState.DELIVERED)


class ReservationState(models.TextChoices):
    """What became of units set aside for a line."""

    HELD = "held", "Set aside"
    USED = "used", "Left with the parcel"
    RELEASED = "released", "Put back"


class PaymentState(models.TextChoices):
    """How far a payment has come."""

    AUTHORISED = "authorised", "Authorised, not captured"
    CAPTURED = "captured", "Captured"


class RefundState(models.TextChoices):
    """How far the way back of money has come."""

    UNDECIDED = "undecided", "To be decided"
    PROMISED = "promised", "Asked for"
    ISSUED = "issued", "Issued"
    DECLINED = "declined", "Declined"


class RequestKind(models.TextChoices):
    """What was asked of an order that is under way."""

    CANCEL = "cancel", "Cancel"
    CHANGE = "change", "Change lines"
    ADDRESS = "address", "Send it elsewhere"
    RETURN = "return", "Return"


class RequestState(models.TextChoices):
    """What became of it."""

    UNDECIDED = "undecided", "To be decided"
    AWAITED = "awaited", "Granted, not seen yet"
    DONE = "done", "Done"
    DECLINED = "declined", "Declined"


class Choice(models.TextChoices):
    """What was decided about a request."""

    AT_ONCE = "at_once", "Done at once"
    ASK = "ask", "Ask a person"
    STOP = "stop", "Stop it in the house"
    RECALL = "recall", "Call it back"
    LET_GO = "let_go", "Let it go"
    ACCEPT = "accept", "Do as asked"
    EXPECT = "expect", "Expect it back"


class UnwindState(models.TextChoices):
    """How far what was done for a parcel has been undone."""

    RUNNING = "running", "Being undone"
    STALLED = "stalled", "Nobody answers"
    DONE = "done", "Undone"
    GIVEN_UP = "given_up", "Goes on the old way"
    OVERTAKEN = "overtaken", "Something else came first"


UNWIND_OPEN = (UnwindState.RUNNING, UnwindState.STALLED)


class StepState(models.TextChoices):
    """Whether one thing that was done still stands."""

    STANDS = "stands", "Still stands"
    ASKED = "asked", "Asked to undo it"
    UNDONE = "undone", "Undone"


class StepKind(models.TextChoices):
    """What was done for a parcel, in the order in which it is done."""

    RESERVATION = "reservation", "Units set aside"
    TASK = "task", "Task given out"
    BOOKING = "booking", "Carrier booked"


class OverrideState(models.TextChoices):
    """Whether a local fix was looked at."""

    WAITING = "waiting", "To be reviewed"
    MERGED = "merged", "Taken over"
    REVERTED = "reverted", "Taken back"


class HoldState(models.TextChoices):
    """Whether a hold still stops shipping."""

    ACTIVE = "active", "Active"
    RELEASED = "released", "Released"


class HoldReason(models.TextChoices):
    """Why something may not ship."""

    STOCK = "stock", "Waiting for stock"
    VENDOR = "vendor", "Vendor has not confirmed"
    CUSTOMER = "customer", "Waiting for the customer"
    PERSON = "person", "Held by a person"
    RULE = "rule", "Held by a rule"
    EXCEPTION = "exception", "Held by an exception"


class HoldSource(models.TextChoices):
    """What placed a hold."""

    FLOW = "flow", "The order's own way"
    RULE = "rule", "A rule"
    PERSON = "person", "A person"
    ROUTE = "route", "An exception's route"
    LADDER = "ladder", "An escalation"


class AddressVerdict(models.TextChoices):
    """What validation said of a shipping address."""

    UNCHECKED = "unchecked", "Not checked yet"
    VALID = "valid", "Valid as given"
    STANDARDISED = "standardised", "Standardised"
    INVALID = "invalid", "Needs correction"
    ACCEPTED = "accepted", "Accepted by a person"
    ELSEWHERE = "elsewhere", "Kept by the store"


class SkuType(models.TextChoices):
    """How a product comes to the customer."""

    STOCK = "stock", "From our stock"
    PREORDER = "preorder", "Preorder"
    DROP_SHIP = "drop_ship", "Shipped by its vendor"
    DIGITAL = "digital", "Nothing to ship"


class DeliverySla(models.TextChoices):
    """What the customer was promised at checkout."""

    STANDARD = "standard", "Standard"
    EXPEDITED = "expedited", "Expedited"
