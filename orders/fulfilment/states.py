"""The places an order, its lines, its parcels and its holds can be in; partial failure is a place, not a flag."""

from django.db import models
from django.utils.translation import gettext_noop as _


class OrderState(models.TextChoices):
    """Where an order stands, in the words people use for it."""

    AWAITING_PAYMENT = "awaiting_payment", _("Awaiting payment")
    PAYMENT_AUTHORISED = "payment_authorised", _("Payment authorised, not captured")
    PARTLY_PAID = "partly_paid", _("Partly paid")
    PAID = "paid", _("Paid, being prepared")
    QUARANTINED = "quarantined", _("Quarantined")
    ADDRESS_INVALID = "address_invalid", _("Address needs correction")
    MANUAL_REVIEW = "manual_review", _("In manual review")
    PAID_NO_STOCK = "paid_no_stock", _("Paid, no stock")
    PARTLY_FULFILLED = "partly_fulfilled", _("Partly fulfilled, rest on back-order")
    IN_FULFILMENT = "in_fulfilment", _("In fulfilment")
    VENDOR_REFUSED = "vendor_refused", _("Refused by vendor or warehouse")
    CARRIER_REJECTED = "carrier_rejected", _("Rejected by carrier, back in the warehouse")
    ON_HOLD = "on_hold", _("On hold")
    REROUTING = "rerouting", _("Being sent another way")
    CHANGE_UNDECIDED = "change_undecided", _("Changed late, to be decided")
    CANCEL_UNDECIDED = "cancel_undecided", _("Cancelled late, to be decided")
    PARTLY_SHIPPED = "partly_shipped", _("Partly shipped")
    SHIPPED = "shipped", _("Shipped")
    DELIVERED = "delivered", _("Delivered")
    RETURN_ANNOUNCED = "return_announced", _("Return on its way")
    PARTLY_RETURNED = "partly_returned", _("Partly returned")
    RETURNED = "returned", _("Returned")
    RETURNING = "returning", _("Cancelled after shipping, coming back")
    CANCELLED = "cancelled", _("Cancelled")
    MERGED = "merged", _("Merged into another order")


ORDER_FINAL = (
    OrderState.DELIVERED,
    OrderState.PARTLY_RETURNED,
    OrderState.RETURNED,
    OrderState.CANCELLED,
    OrderState.MERGED,
)
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
# What waits for stock in an order that stands here steps aside: others go before it, and it keeps its place in the queue.
ORDER_STANDS_ASIDE = (
    OrderState.AWAITING_PAYMENT,
    OrderState.PAYMENT_AUTHORISED,
    OrderState.PARTLY_PAID,
    OrderState.QUARANTINED,
    OrderState.ADDRESS_INVALID,
    OrderState.MANUAL_REVIEW,
    OrderState.ON_HOLD,
    OrderState.RETURNING,
    OrderState.CANCELLED,
    OrderState.MERGED,
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

    OPEN = "open", _("Open")
    RESERVED = "reserved", _("Reserved")
    BACK_ORDERED = "back_ordered", _("Waiting for stock")
    IN_FULFILMENT = "in_fulfilment", _("In fulfilment")
    REFUSED = "refused", _("Refused")
    SHIPPED = "shipped", _("Shipped")
    DELIVERED = "delivered", _("Delivered")
    CANCEL_UNDECIDED = "cancel_undecided", _("Cancelled late, to be decided")
    RETURNING = "returning", _("Coming back")
    PARTLY_RETURNED = "partly_returned", _("Partly returned")
    RETURNED = "returned", _("Returned")
    CANCELLED = "cancelled", _("Cancelled")


WITH_THE_CUSTOMER = (LineState.SHIPPED, LineState.DELIVERED, LineState.PARTLY_RETURNED)


class FulfilmentState(models.TextChoices):
    """Where one parcel-to-be stands with the warehouse, vendor or carrier that has the task."""

    PLANNED = "planned", _("Planned")
    TASKED = "tasked", _("Task sent, not confirmed")
    ACKNOWLEDGED = "acknowledged", _("Task received")
    CONFIRMED = "confirmed", _("Confirmed")
    PICKED = "picked", _("Picked")
    PACKED = "packed", _("Packed")
    UNWINDING = "unwinding", _("Being called back")
    HANDED_OVER = "handed_over", _("Handed over to the carrier")
    DELIVERED = "delivered", _("Delivered")
    REFUSED = "refused", _("Refused")
    REJECTED = "rejected", _("Rejected by carrier")
    CANCELLED = "cancelled", _("Cancelled")


FULFILMENT_UNCONFIRMED = (FulfilmentState.TASKED, FulfilmentState.ACKNOWLEDGED)
FULFILMENT_IN_HOUSE = (
    FulfilmentState.PLANNED,
    FulfilmentState.TASKED,
    FulfilmentState.ACKNOWLEDGED,
    FulfilmentState.CONFIRMED,
    FulfilmentState.PICKED,
    FulfilmentState.PACKED,
)
FULFILMENT_TO_PACK = (
    FulfilmentState.TASKED,
    FulfilmentState.ACKNOWLEDGED,
    FulfilmentState.CONFIRMED,
    FulfilmentState.PICKED,
)
FULFILMENT_ON_SHELF = (FulfilmentState.PLANNED, *FULFILMENT_UNCONFIRMED, FulfilmentState.CONFIRMED)
FULFILMENT_TOUCHED = (FulfilmentState.PICKED, FulfilmentState.PACKED, FulfilmentState.UNWINDING)
FULFILMENT_GONE = (FulfilmentState.HANDED_OVER, FulfilmentState.DELIVERED)


class ReservationState(models.TextChoices):
    """What became of units set aside for a line."""

    HELD = "held", _("Set aside")
    USED = "used", _("Left with the parcel")
    RELEASED = "released", _("Put back")
    EXPIRED = "expired", _("Put back, nobody worked on it")


class LotState(models.TextChoices):
    """Whether units of a lot may be sent."""

    USABLE = "usable", _("Usable")
    RECALLED = "recalled", _("Recalled")


class ReplenishmentState(models.TextChoices):
    """How far a request for more units has come. What a person takes in is only said until a system tells of it, too."""

    ASKED = "asked", _("Awaited")
    SAID = "said", _("Said to have come")
    ARRIVED = "arrived", _("Seen to have come")
    CALLED_OFF = "called_off", _("Called off")


REPLENISHMENT_OPEN = (ReplenishmentState.ASKED, ReplenishmentState.SAID)


class PaymentState(models.TextChoices):
    """How far a payment has come."""

    AUTHORISED = "authorised", _("Authorised, not captured")
    CAPTURED = "captured", _("Captured")


class RefundState(models.TextChoices):
    """How far the way back of money has come."""

    UNDECIDED = "undecided", _("To be decided")
    PROMISED = "promised", _("Asked for")
    ISSUED = "issued", _("Issued")
    DECLINED = "declined", _("Declined")


REFUND_FINAL = (RefundState.ISSUED, RefundState.DECLINED)


class RequestKind(models.TextChoices):
    """What was asked of an order that is under way."""

    CANCEL = "cancel", _("Cancel")
    CHANGE = "change", _("Change lines")
    ADDRESS = "address", _("Send it elsewhere")
    RETURN = "return", _("Return")


class RequestState(models.TextChoices):
    """What became of it."""

    UNDECIDED = "undecided", _("To be decided")
    AWAITED = "awaited", _("Granted, not seen yet")
    DONE = "done", _("Done")
    DECLINED = "declined", _("Declined")


class Choice(models.TextChoices):
    """What was decided about a request."""

    AT_ONCE = "at_once", _("Done at once")
    ASK = "ask", _("Ask a person")
    STOP = "stop", _("Stop it in the house")
    RECALL = "recall", _("Call it back")
    LET_GO = "let_go", _("Let it go")
    ACCEPT = "accept", _("Do as asked")
    EXPECT = "expect", _("Expect it back")
    REFUSE = "refuse", _("Refuse")


class UnwindState(models.TextChoices):
    """How far what was done for a parcel has been undone."""

    RUNNING = "running", _("Being undone")
    STALLED = "stalled", _("Nobody answers")
    DONE = "done", _("Undone")
    GIVEN_UP = "given_up", _("Goes on the old way")
    OVERTAKEN = "overtaken", _("Something else came first")


UNWIND_OPEN = (UnwindState.RUNNING, UnwindState.STALLED)


class StepState(models.TextChoices):
    """Whether one thing that was done still stands."""

    STANDS = "stands", _("Still stands")
    ASKED = "asked", _("Asked to undo it")
    UNDONE = "undone", _("Undone")


class StepKind(models.TextChoices):
    """What was done for a parcel, in the order in which it is done."""

    RESERVATION = "reservation", _("Units set aside")
    TASK = "task", _("Task given out")
    BOOKING = "booking", _("Carrier booked")


class ShipmentState(models.TextChoices):
    """Whether parcels of several orders still go together."""

    TOGETHER = "together", _("Together")
    APART = "apart", _("Each by itself again")


class OverrideState(models.TextChoices):
    """Whether a local fix was looked at."""

    WAITING = "waiting", _("To be reviewed")
    MERGED = "merged", _("Taken over")
    REVERTED = "reverted", _("Taken back")
    EXPIRED = "expired", _("Expired unreviewed")


class HoldState(models.TextChoices):
    """Whether a hold still stops shipping."""

    ACTIVE = "active", _("Active")
    RELEASED = "released", _("Released")


class HoldReason(models.TextChoices):
    """Why something may not ship."""

    STOCK = "stock", _("Waiting for stock")
    VENDOR = "vendor", _("Vendor has not confirmed")
    CUSTOMER = "customer", _("Waiting for the customer")
    PERSON = "person", _("Held by a person")
    RULE = "rule", _("Held by a rule")
    EXCEPTION = "exception", _("Held by an exception")
    QUALITY = "quality", _("Failed a quality check")
    DOUBT = "doubt", _("In quarantine: something of it is in doubt")


# These have their own way out: a passed check, a resubmission. Nobody just lets go of them.
HOLD_HAS_ITS_WAY = (HoldReason.QUALITY, HoldReason.DOUBT)


class HoldSource(models.TextChoices):
    """What placed a hold."""

    FLOW = "flow", _("The order's own way")
    RULE = "rule", _("A rule")
    PERSON = "person", _("A person")
    ROUTE = "route", _("An exception's route")
    LADDER = "ladder", _("An escalation")


class CheckState(models.TextChoices):
    """Where one quality check of a parcel stands."""

    OPEN = "open", _("To be checked")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")
    OVER = "over", _("Not needed any more")


CHECK_DUE = (CheckState.OPEN, CheckState.FAILED)


class Verdict(models.TextChoices):
    """What was found when somebody checked."""

    RIGHT_SO_FAR = "right_so_far", _("Right so far")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")


class AddressVerdict(models.TextChoices):
    """What validation said of a shipping address."""

    UNCHECKED = "unchecked", _("Not checked yet")
    VALID = "valid", _("Valid as given")
    STANDARDISED = "standardised", _("Standardised")
    INVALID = "invalid", _("Needs correction")
    ACCEPTED = "accepted", _("Accepted by a person")
    ELSEWHERE = "elsewhere", _("Kept by the store")


class SkuType(models.TextChoices):
    """How a product comes to the customer."""

    STOCK = "stock", _("From our stock")
    PREORDER = "preorder", _("Preorder")
    DROP_SHIP = "drop_ship", _("Shipped by its vendor")
    DIGITAL = "digital", _("Nothing to ship")


class DeliverySla(models.TextChoices):
    """What the customer was promised at checkout."""

    STANDARD = "standard", _("Standard")
    EXPEDITED = "expedited", _("Expedited")


class CustomerState(models.TextChoices):
    """Whether a customer stands for itself."""

    OWN = "own", _("A customer of its own")
    MERGED = "merged", _("Merged into another customer")


class SignKind(models.TextChoices):
    """What a customer is known by, the surest first."""

    NUMBER = "number", _("Customer number")
    EMAIL = "email", _("E-mail address")
    PHONE = "phone", _("Phone number")
    PLACE = "place", _("Name and postcode")


SIGN_SURE = (SignKind.NUMBER, SignKind.EMAIL)


class LikenessState(models.TextChoices):
    """What people say of two customers that look alike."""

    LIKELY = "likely", _("To be decided")
    APART = "apart", _("Not the same")
