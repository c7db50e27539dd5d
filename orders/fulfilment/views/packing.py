"""Saying which lines of an order go in one parcel."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit import clock
from audit.edge import actor_of
from orders.fulfilment import selectors
from orders.fulfilment.forms.packing import PackForm
from orders.fulfilment.services import packing
from orders.fulfilment.views.frame import by_hand


@login_required
@require_http_methods(["GET", "POST"])
def pack(request: HttpRequest, key: str) -> HttpResponse:
    """Send some lines in one parcel of their own, or all as the rules plan it."""
    by = actor_of(request, "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    form = PackForm(request.POST or None, lines=story.lines, parcels=story.parcels)

    def plan() -> HttpResponse:
        given = {"lines": form.chosen(), "reason": form.cleaned_data["reason"]}
        packing.pack_together(order_id=story.row.id, **given, by=by, now=clock.now())
        messages.success(request, _("The parcels are planned anew."))
        return redirect("fulfilment:order", key)

    named = _("What goes in one parcel")
    return by_hand(request, "orders/pack.html", form, plan, about=story.row.id, row=story.row, named=named)
