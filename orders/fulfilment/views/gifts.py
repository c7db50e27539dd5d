"""Saying by hand what of an order is a gift."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid, NotFound
from orders.fulfilment import selectors
from orders.fulfilment.forms.gifts import GiftForm
from orders.fulfilment.services.giving import say_gift
from orders.fulfilment.views.frame import emergency_about


@login_required
@require_http_methods(["GET", "POST"])
def gift(request: HttpRequest, key: str, line: int) -> HttpResponse:
    """Say what is given to whom with this line or bundle, with which words and how wrapped, while it is not packed."""
    by = actor_of(request, "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    sku = story.sold.get(line)
    if sku is None:
        raise NotFound(_("There is no such line that could be a gift."))
    known = next((one for one in story.gifts if one.line == line), None)
    form, conflict = GiftForm(request.POST or None, gift=known, initial={"seen": story.row.version}), None
    if request.method == "POST" and form.is_valid():
        rest = {name: form.cleaned_data[name] for name in ("reason", "seen")}
        try:
            order = say_gift(order_id=story.row.id, line=str(line), gift=form.gift(), **rest, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            told = {"key": order.key, "state": order.get_state_display()}
            messages.success(request, _("It is noted. %(key)s is “%(state)s” now.") % told)
            return redirect("fulfilment:order", key)
    status = 409 if conflict else 422 if form.errors else 200
    context = {
        "emergency": emergency_about(story.row.id),
        "row": story.row,
        "line": line,
        "sku": sku,
        "gift": known,
        "form": form,
        "conflict": conflict,
    }
    return render(request, "orders/gift.html", context, status=status)
