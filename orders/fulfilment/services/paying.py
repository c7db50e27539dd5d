"""Money of orders: what was authorised and captured, when that is enough, and what goes back, by rule or by a person."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from audit.words import said
from orders.fulfilment.decisions.money import NOTHING, Capture, enough_since, from_minor, in_words, to_minor
from orders.fulfilment.decisions.news import News, happened
from orders.fulfilment.models import OrderRequest, Payment, Refund
from orders.fulfilment.services.cases import Opening, TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dispatch import ask_if_known, order_message
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.ruling import rule_on_refund
from orders.fulfilment.states import Choice, PaymentState, RefundState
from rules.states import Layer

REFUND_WATCH: Final = "fulfilment.refund_watch"
REFUND_SEEN_WITHIN: Final = timedelta(days=3)
MISMATCH, TO_DECIDE = "payment-mismatch", "refund-decision"
BY_FINANCE: Final = "refund-by-finance"
STORES_WORD: Final = "said by the store"


def hear_authorised(docket: Docket, news: News, changes: Changes) -> None:
    """Money is promised; it pays for nothing before it is captured."""
    payment = _payment(docket, news, changes)
    if payment.authorised_at is None:
        payment.authorised_at = happened(news, "authorised_at")
        changes.edit(payment, "authorised_at")
    told: dict[str, Any] = {"payment": payment.reference, "amount": payment.amount, "currency": payment.currency}
    changes.tell("order.authorisation_heard", docket.order, event=news.event_id, system=news.system, **told)


def hear_captured(docket: Docket, news: News, changes: Changes) -> None:
    """Money has arrived. The order is paid since the payments reached its total, whichever was heard of first."""
    order, at = docket.order, happened(news, "captured_at")
    payment = _payment(docket, news, changes)
    if payment.state == PaymentState.AUTHORISED:
        payment.capture()
        _takes_the_place_of_the_word(docket, payment, changes)
    payment.captured_at = min(payment.captured_at or at, at)
    changes.edit(payment, "state", "captured_at")
    told: dict[str, Any] = {"payment": payment.reference, "amount": payment.amount, "currency": payment.currency}
    since = enough_since(docket.total, [Capture(one.amount, one.captured_at or at) for one in docket.captures])
    if since is not None and (order.paid_at is None or since < order.paid_at):
        order.paid_at = since
        changes.edit(order, "paid_at")
    changes.tell("order.payment_captured", order, event=news.event_id, system=news.system, **told)
    _tell_mismatch(docket, payment, changes)
    if order.cancelled_at is not None:
        owe(docket, docket.captured - docket.refunded, "paid after it was cancelled", changes)


def keep_stores_word(docket: Docket, changes: Changes) -> None:
    """The store said that it is paid, and not how: that is a payment of what it costs now, before anything changes that or goes back."""
    order = docket.order
    if order.paid_at is None or docket.captures:
        return
    word = Payment(
        order=order,
        reference=STORES_WORD,
        amount=docket.total,
        currency=order.currency,
        state=PaymentState.CAPTURED,
        captured_at=order.paid_at,
    )
    changes.add(word)
    docket.payments.append(word)
    told: dict[str, Any] = {"payment": word.reference, "amount": word.amount, "currency": word.currency}
    changes.tell("order.payment_captured", order, **told)


def count_again(docket: Docket, changes: Changes) -> None:
    """The total is another: what has arrived may not be enough any more, or enough now."""
    if not docket.captures:
        return
    order = docket.order
    since = enough_since(
        docket.total, [Capture(one.amount, one.captured_at) for one in docket.captures if one.captured_at]
    )
    if since != order.paid_at:
        order.paid_at = since
        changes.edit(order, "paid_at")


def owe(
    docket: Docket,
    amount: Decimal,
    reason: str,
    changes: Changes,
    *,
    request: OrderRequest | None = None,
    announced: bool = True,
    condition: str = "",
) -> None:
    """Money goes back, never more than has arrived: at once where the rule says so, else once a person has decided."""
    keep_stores_word(docket, changes)
    amount = min(amount, docket.captured - docket.refunded)
    if amount <= NOTHING:
        return
    ruling = rule_on_refund(docket, amount, changes, announced=announced, condition=condition)
    refund = Refund(
        order=docket.order,
        request=request,
        amount=amount,
        currency=docket.order.currency,
        reason=reason[:280],
        rule=ruling.rule,
        due_since=changes.now,
    )
    changes.add(refund)
    docket.refunds.append(refund)
    if ruling.choice == Choice.AT_ONCE:
        _promise(docket, refund, f"rule:{ruling.rule}", changes)
    told: dict[str, Any] = {"rule": ruling.rule, "amount": amount, "currency": refund.currency}
    told |= {"book": ruling.book, "passed": list(ruling.passed), "decides": ruling.why, "almost": list(ruling.almost)}
    changes.tell("refund.due", refund, order=docket.order.key, why=reason, **told)
    if ruling.choice == Choice.ASK:
        _ask(docket, refund, ruling.why, changes)


def decide_refund(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    """A person decided: what waits goes back, or stays."""
    for refund in docket.refunds:
        if refund.state != RefundState.UNDECIDED:
            continue
        if outcome == "approved":
            _promise(docket, refund, case_key, changes)
        else:
            refund.decline()
            refund.decided_at, refund.decided_by = changes.now, case_key
        changes.edit(refund, "state", "decided_at", "decided_by")
        changes.tell("refund.decided", refund, order=docket.order.key, outcome=outcome, case=case_key)


def ask_again(docket: Docket, changes: Changes) -> None:
    """The case about money was withdrawn, and what waits for a decision still does."""
    for refund in docket.refunds:
        if refund.state == RefundState.UNDECIDED:
            _ask(docket, refund, said("The case about it was withdrawn."), changes)


def hear_refunded(docket: Docket, news: News, changes: Changes) -> None:
    """Money was seen to go back: what waited for exactly this is done; what nobody waited for is kept as what it is."""
    reference = str(news.data.get("reference") or news.event_id)[:160]
    if any(one.reference == reference for one in docket.refunds):
        return
    amount, currency = _money(docket, news)
    open_ones = [one for one in docket.refunds if one.state in {RefundState.PROMISED, RefundState.UNDECIDED}]
    refund = next((one for one in open_ones if (one.amount, one.currency) == (amount, currency)), None)
    if refund is None:
        refund = _unforeseen(docket, amount, currency, changes)
    else:
        refund.issue()
        changes.edit(refund, "state", "issued_at", "reference")
        changes.cured.append((docket.order, TO_DECIDE))
    refund.issued_at, refund.reference = happened(news, "issued_at"), reference
    changes.timers.append(TimerChange(ref_of(refund), REFUND_WATCH, None))
    told: dict[str, Any] = {"amount": amount, "currency": currency, "event": news.event_id, "system": news.system}
    changes.tell("refund.issued", refund, order=docket.order.key, **told)
    if docket.refunded > docket.captured:
        more = in_words(docket.refunded - docket.captured, currency)
        title = said("%(amount)s more went back than had arrived", amount=more)
        changes.openings.append(Opening(MISMATCH, docket.order, title, "refund"))


def _unforeseen(docket: Docket, amount: Decimal, currency: str, changes: Changes) -> Refund:
    refund = Refund(
        order=docket.order,
        amount=amount,
        currency=currency,
        reason="Paid back without having been asked for here",
        rule=BY_FINANCE,
        state=RefundState.ISSUED,
        due_since=changes.now,
        decided_at=changes.now,
        decided_by=BY_FINANCE,
    )
    changes.add(refund)
    docket.refunds.append(refund)
    return refund


def _promise(docket: Docket, refund: Refund, by: str, changes: Changes) -> None:
    refund.promise()
    refund.decided_at, refund.decided_by = changes.now, by
    payload: dict[str, Any] = {
        "amount_minor": to_minor(refund.amount, refund.currency),
        "currency": refund.currency,
        "reason": refund.reason,
        **_paid_back_for(docket, refund),
    }
    asked = order_message(docket, Layer.PAYMENT, "refund", str(refund.pk), payload, otherwise=Layer.BILLING)
    ask_if_known([asked], changes)
    changes.timers.append(TimerChange(ref_of(refund), REFUND_WATCH, changes.now + REFUND_SEEN_WITHIN))


def _paid_back_for(docket: Docket, refund: Refund) -> dict[str, Any]:
    """The lines the money goes back for, each with the bundle it was sold in; nothing where it is for all of the order."""
    units = refund.request.lines if refund.request else {}
    lines = [
        {
            "sku": line.sku.code,
            "quantity": units[str(line.position)],
            **({"bundle": line.bundle.code} if line.bundle else {}),
        }
        for line in docket.lines
        if units.get(str(line.position))
    ]
    return {"lines": lines} if lines else {}


def _ask(docket: Docket, refund: Refund, why: str, changes: Changes) -> None:
    amount = in_words(refund.amount, refund.currency)
    evidence = {
        "refund": str(refund.pk),
        "amount": str(refund.amount),
        "currency": refund.currency,
        "rule": refund.rule,
    }
    title = said("Pay back %(amount)s? %(why)s", amount=amount, why=why)
    changes.openings.append(Opening(TO_DECIDE, docket.order, title, refund.rule, evidence))


def _payment(docket: Docket, news: News, changes: Changes) -> Payment:
    """The payment the news are about, new where nobody has heard of it."""
    reference = str(news.data.get("reference") or news.event_id)[:160]
    found = next((one for one in docket.payments if one.reference == reference), None)
    if found is not None:
        return found
    amount, currency = _money(docket, news)
    payment = Payment(order=docket.order, reference=reference, amount=amount, currency=currency)
    changes.add(payment)
    docket.payments.append(payment)
    return payment


def _money(docket: Docket, news: News) -> tuple[Decimal, str]:
    """The amount as told; without one, all that is still open."""
    currency = str(news.data.get("currency") or docket.order.currency)
    if "amount_minor" in news.data:
        return from_minor(int(news.data["amount_minor"]), currency), currency
    return max(docket.total - docket.captured, NOTHING), currency


def _takes_the_place_of_the_word(docket: Docket, payment: Payment, changes: Changes) -> None:
    """What arrives is what the store had said, and not more money."""
    word = next((one for one in docket.payments if one.reference == STORES_WORD), None)
    if word is not None and word.currency == payment.currency:
        word.amount = max(word.amount - payment.amount, NOTHING)
        changes.edit(word, "amount")


def _tell_mismatch(docket: Docket, payment: Payment, changes: Changes) -> None:
    order = docket.order
    if payment.currency != order.currency:
        title = said(
            "Paid %(paid)s, but it costs %(total)s",
            paid=in_words(payment.amount, payment.currency),
            total=in_words(docket.total, order.currency),
        )
        changes.openings.append(Opening(MISMATCH, order, title, "currency", {"payment": payment.reference}))
    elif order.cancelled_at is None and docket.captured - docket.refunded > docket.total:
        more = in_words(docket.captured - docket.refunded - docket.total, order.currency)
        title = said("Paid %(amount)s more than it costs", amount=more)
        changes.openings.append(Opening(MISMATCH, order, title, "overpaid", {"payment": payment.reference}))
