"""Saying that two orders are one: which the other is, both side by side, and why."""

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
from orders.fulfilment.forms.customers import SameOrderForm
from orders.fulfilment.services import merging
from orders.fulfilment.views.frame import emergency_about


@login_required
@require_http_methods(["GET", "POST"])
def same_order(request: HttpRequest, key: str) -> HttpResponse:
    """Name the other order and look at both; sent with a reason, this one ends as the same as the other."""
    by = actor_of(request, merging.PERMISSION)
    order = selectors.order_for(by, key)
    name, conflict, other = str(request.GET.get("into", "")).strip(), None, None
    form = SameOrderForm(request.POST or None, initial={"into": name})
    given = request.POST.get("into", "") if request.method == "POST" else name
    try:
        other = selectors.other_order(by, order, given) if given else None
        if other is not None and form.is_valid():
            reason = form.cleaned_data["reason"]
            merging.merge_orders(order_id=order.pk, into_id=other.pk, reason=reason, by=by, now=clock.now())
            messages.success(request, _("%(key)s is the same order: %(into)s stays.") % {"key": key, "into": other.key})
            return redirect("fulfilment:order", other.key)
    except Invalid as invalid:
        if not form.is_bound:
            form = SameOrderForm({"into": given})
        form.errors.pop("reason", None)
        explain(form, invalid)
    except Conflict as refused:
        conflict = refused
    context = {
        "emergency": emergency_about(order.pk),
        "key": key,
        "sides": [selectors.order_story(by=by, key=one.key) for one in (order, other) if one is not None and other],
        "form": form,
        "conflict": conflict,
    }
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "orders/same_order.html", context, status=status)
