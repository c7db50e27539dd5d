"""Sending an order another way, setting fields of it by hand, and reviewing what others have set."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from audit import clock
from audit.edge import actor_of
from audit.errors import Conflict, Invalid, Refused
from audit.words import in_words
from orders.fulfilment import selectors
from orders.fulfilment.decisions.overrides import ORDER_FIELDS
from orders.fulfilment.forms import RerouteForm, ReturnForm
from orders.fulfilment.forms.overrides import FieldForm, OverrideForm, ReviewForm, StockOverrideForm
from orders.fulfilment.models import OrderRequest, Override
from orders.fulfilment.selectors import overrides as found
from orders.fulfilment.selectors.aside import parcels_to_send_again
from orders.fulfilment.selectors.contents import contents_of
from orders.fulfilment.services import overrides as services
from orders.fulfilment.services import resuming, unwinding
from orders.fulfilment.services.announcing import return_order
from orders.fulfilment.states import WITH_THE_CUSTOMER, RequestState
from orders.fulfilment.views.frame import by_hand, emergency_about, tell_state, way_back
from rules import selectors as rules
from rules.selectors import registry


@login_required
@require_http_methods(["GET", "POST"])
def reroute(request: HttpRequest, key: str) -> HttpResponse:
    """Send one parcel another way, once what was done for it is undone."""
    by = actor_of(request, "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    form = RerouteForm(request.POST or None, parcels=story.parcels, flows=registry.flows_for(by))

    def send() -> HttpResponse:
        order = unwinding.reroute(order_id=story.row.id, **form.cleaned_data, by=by, now=clock.now())
        tell_state(request, order)
        return redirect(way_back(request, key))

    told: dict[str, Any] = {"row": story.row, "back": way_back(request, key), "named": _("Send another way")}
    return by_hand(request, "orders/reroute.html", form, send, about=story.row.id, **told)


@login_required
@require_http_methods(["GET", "POST"])
def resend(request: HttpRequest, key: str) -> HttpResponse:
    """Send every task of an order once more that nobody has answered, that was refused or given back."""
    by = actor_of(request, "orders.work_order")
    order = selectors.order_for(by, key)
    waiting = parcels_to_send_again(order)
    conflict = None
    if request.method == "POST":
        try:
            again = resuming.resend_tasks(order_id=order.pk, by=by, now=clock.now())
        except Conflict as refused:
            conflict = refused
        else:
            if again:
                said = {"keys": ", ".join(parcel.key for parcel in again)}
                messages.success(request, _("Sent again: %(keys)s.") % said)
            else:
                messages.info(request, _("Nothing of it waits for an answer: nothing was sent."))
            return redirect(way_back(request, key))
    context = {
        "emergency": emergency_about(order.pk),
        "order": order,
        "waiting": waiting,
        "conflict": conflict,
        "back": way_back(request, key),
    }
    return render(request, "orders/resend.html", context, status=409 if conflict else 200)


@login_required
@require_http_methods(["GET", "POST"])
def announce(request: HttpRequest, key: str) -> HttpResponse:
    """Announce that something of an order comes back; the rule book says what is done about it."""
    by = actor_of(request, "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    with_them = [line for line in story.lines if line.state in WITH_THE_CUSTOMER]
    form = ReturnForm(request.POST or None, lines=with_them)

    def tell() -> HttpResponse:
        given = {name: form.cleaned_data[name] for name in ("reason", "reference")}
        _tell_ruling(request, return_order(order_id=story.row.id, lines=form.lines(), **given, by=by, now=clock.now()))
        return redirect("fulfilment:order", key)

    told: dict[str, Any] = {"row": story.row, "has_any": bool(with_them), "named": _("Announce a return")}
    return by_hand(request, "orders/return.html", form, tell, about=story.row.id, **told)


def _tell_ruling(request: HttpRequest, kept: OrderRequest) -> None:
    """What the rule said, and who has it."""
    said = {"why": in_words(kept.why), "rule": kept.rule, "owner": kept.owner.name}
    if kept.state == RequestState.DECLINED:
        messages.warning(request, _("Not accepted: %(why)s (rule %(rule)s, %(owner)s answers for it)") % said)
    elif kept.state == RequestState.UNDECIDED:
        messages.info(request, _("%(owner)s decides: %(why)s (rule %(rule)s)") % said)
    else:
        messages.success(request, _("It is expected back: %(why)s (rule %(rule)s)") % said)


@login_required
@require_http_methods(["GET", "POST"])
def override(request: HttpRequest, key: str) -> HttpResponse:
    """Set one field of an order by hand: first which, then to what."""
    by = actor_of(request, "orders.work_order")
    order = selectors.order_for(by, key)
    field = str((request.POST or request.GET).get("field", ""))
    choice = FieldForm({"field": field} if field else None)
    if field not in ORDER_FIELDS:
        which: dict[str, Any] = {"order": order, "choice": choice, "form": choice}
        which["emergency"] = emergency_about(order.pk)
        return render(request, "orders/override.html", which, status=422 if field else 200)
    lines, now = [one for one in contents_of(order).lines if one.is_ordered], found.set_now(by, order, field)
    form = OverrideForm(request.POST or None, field=field, lines=lines, now=now)

    def fix() -> HttpResponse:
        return _fixed(request, services.override_order(order_id=order.pk, **form.given(), by=by, now=clock.now()))

    label = ORDER_FIELDS[field].label
    return by_hand(request, "orders/override.html", form, fix, about=order.pk, order=order, label=label)


def _fixed(request: HttpRequest, kept: Override) -> HttpResponse:
    messages.success(request, _("%(key)s is in force and waits for its review.") % {"key": kept.key})
    return redirect("fulfilment:review", kept.key)


@login_required
@require_GET
def overrides(request: HttpRequest) -> HttpResponse:
    """What was set by hand and waits for a review, and what is set again and again."""
    by = actor_of(request, "orders.view_order")
    tab = "all" if request.GET.get("tab") == "all" else "waiting"
    problem = None
    try:
        page = found.override_page(by=by, tab=tab, after=request.GET.get("after", ""), now=clock.now())
    except Invalid as invalid:
        problem, page = invalid, found.OverridePage([], "", [])
    context = {"page": page, "tab": tab, "problem": problem, "can_work": by.may("orders.work_order")}
    return render(request, "orders/overrides.html", context, status=400 if problem else 200)


@login_required
@require_http_methods(["GET", "POST"])
def override_stock(request: HttpRequest) -> HttpResponse:
    """Set by hand how many units lie on a shelf."""
    by = actor_of(request, "orders.work_order")
    clients = rules.clients_of(by)
    form = StockOverrideForm(request.POST or None, clients=clients)

    def fix() -> HttpResponse:
        given = {name: form.cleaned_data[name] for name in ("sku", "value", "reason")}
        client = clients.get(slug=form.cleaned_data["client"])
        return _fixed(request, services.override_stock(client_id=client.pk, **given, by=by, now=clock.now()))

    return by_hand(request, "orders/override.html", form, fix)


@login_required
@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, key: str) -> HttpResponse:
    """One fix by hand: what it was, what it is, what systems say; taking it over or back."""
    by = actor_of(request, "orders.view_order" if request.method == "GET" else "orders.review_override")
    row, override = found.override_row(by=by, key=key), found.override_named(by, key)
    form = ReviewForm(request.POST or None)

    def decide() -> HttpResponse:
        decision, comment = form.cleaned_data["decision"], form.cleaned_data["comment"]
        given = {"accept": decision != "reject", "propose_rule": decision == "propose", "comment": comment}
        services.review_override(override_id=override.pk, **given, by=by, now=clock.now())
        messages.success(request, _("%(key)s is reviewed.") % {"key": key})
        return redirect("fulfilment:overrides")

    can_review = row.is_waiting and not row.is_mine and by.may("orders.review_override")
    shown: dict[str, Any] = {
        "about": override.order_id,
        "refused": (Conflict, Refused),
        "row": row,
        "can_review": can_review,
    }
    return by_hand(request, "orders/review.html", form, decide, **shown)
