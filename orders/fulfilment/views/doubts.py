"""Putting an order into quarantine by hand."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit import clock
from audit.edge import actor_of
from orders.fulfilment import selectors
from orders.fulfilment.forms.doubts import QuarantineForm
from orders.fulfilment.services.doubting import quarantine_order
from orders.fulfilment.views.frame import by_hand, tell_state


@login_required
@require_http_methods(["GET", "POST"])
def doubt(request: HttpRequest, key: str) -> HttpResponse:
    """Say what of an order is in doubt: it stops until somebody has made sure and resubmits it."""
    by = actor_of(request, "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    form = QuarantineForm(request.POST or None, lines=story.lines, initial={"seen": story.row.version})

    def stop() -> HttpResponse:
        order = quarantine_order(order_id=story.row.id, **form.cleaned_data, by=by, now=clock.now())
        tell_state(request, order)
        return redirect("fulfilment:quarantined", key)

    return by_hand(request, "orders/doubt.html", form, stop, about=story.row.id, row=story.row, named=_("Quarantine"))
