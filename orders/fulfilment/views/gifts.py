"""Saying by hand what of an order is a gift."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit import clock
from audit.edge import actor_of
from audit.errors import NotFound
from orders.fulfilment import selectors
from orders.fulfilment.forms.gifts import GiftForm
from orders.fulfilment.services.giving import say_gift
from orders.fulfilment.views.frame import by_hand


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
    form = GiftForm(request.POST or None, gift=known, initial={"seen": story.row.version})

    def note() -> HttpResponse:
        rest = {name: form.cleaned_data[name] for name in ("reason", "seen")}
        order = say_gift(order_id=story.row.id, line=str(line), gift=form.gift(), **rest, by=by, now=clock.now())
        told = {"key": order.key, "state": order.get_state_display()}
        messages.success(request, _("It is noted. %(key)s is “%(state)s” now.") % told)
        return redirect("fulfilment:order", key)

    shown: dict[str, Any] = {"row": story.row, "line": line, "sku": sku, "gift": known}
    return by_hand(request, "orders/gift.html", form, note, about=story.row.id, **shown)
