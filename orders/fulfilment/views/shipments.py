"""Sending parcels of several orders in one shipment."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid
from orders.fulfilment.forms.shipments import TogetherForm, WhyForm
from orders.fulfilment.selectors import shipments as found
from orders.fulfilment.services import shipments as services

VIEW = "orders.view_order"


@login_required
@require_http_methods(["GET", "POST"])
def shipments(request: HttpRequest) -> HttpResponse:
    """What could go together, what does, and having parcels go together."""
    by = actor_of(request, VIEW if request.method == "GET" else services.PERMISSION)
    chosen = " ".join(request.GET.getlist("parcel"))
    form, conflict, problem = TogetherForm(request.POST or None, initial={"parcels": chosen}), None, None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.ship_together(**form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("%(key)s: its parcels go together.") % {"key": made.key})
            return redirect("fulfilment:shipment", made.key)
    try:
        rows, following = found.shipment_page(by=by, after=request.GET.get("after", ""))
    except Invalid as invalid:
        problem, rows, following = invalid, [], ""
    context = {
        "rows": rows,
        "next_after": following,
        "proposals": found.proposals(by),
        "form": form,
        "is_asking": bool(chosen) or form.is_bound,
        "conflict": conflict,
        "problem": problem,
        "can_ship": by.may(services.PERMISSION),
    }
    status = 409 if conflict else 422 if form.errors else 400 if problem else 200
    return render(request, "orders/shipments.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def shipment(request: HttpRequest, key: str) -> HttpResponse:
    """One shipment with its parcels, and sending them each by itself again."""
    by = actor_of(request, VIEW if request.method == "GET" else services.PERMISSION)
    record = found.shipment_named(by, key)
    form, conflict = WhyForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            services.ship_apart(shipment_id=record.pk, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("%(key)s is undone: its parcels go each by itself.") % {"key": key})
            return redirect("fulfilment:shipments")
    (row,) = found.shipment_rows([record])
    can_undo = row.can_be_undone and by.may(services.PERMISSION)
    context = {"row": row, "form": form, "conflict": conflict, "can_undo": can_undo}
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "orders/shipment.html", context, status=status)
