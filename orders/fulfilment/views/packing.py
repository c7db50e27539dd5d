"""Saying which lines of an order go in one parcel."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid
from orders.fulfilment import selectors
from orders.fulfilment.forms.packing import PackForm
from orders.fulfilment.services import packing
from orders.fulfilment.views.frame import emergency_about


@login_required
@require_http_methods(["GET", "POST"])
def pack(request: HttpRequest, key: str) -> HttpResponse:
    """Send some lines in one parcel of their own, or all as the rules plan it."""
    by = actor_of(request, "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    form = PackForm(request.POST or None, lines=story.lines, parcels=story.parcels)
    conflict = None
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            packing.pack_together(order_id=story.row.id, lines=form.chosen(), reason=reason, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("The parcels are planned anew."))
            return redirect("fulfilment:order", key)
    status = 409 if conflict else 422 if form.errors else 200
    context = {"emergency": emergency_about(story.row.id), "row": story.row, "form": form, "conflict": conflict}
    return render(request, "orders/pack.html", context, status=status)
