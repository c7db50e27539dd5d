"""Orders in a list, and one order's story and trace."""

from dataclasses import fields
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from audit import clock
from audit.access import require
from audit.context import Actor
from audit.errors import Invalid, Refused
from orders.fulfilment import selectors
from orders.fulfilment.selectors import OrderFilters, OrderPage
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.states import OrderState
from rules import selectors as rules

SINGLE = ("tab", "q", "after")
SEVERAL = ("state", "client", "channel", "flow", "rule", "owner", "hold", "sku", "carrier", "vendor")


def _actor(request: HttpRequest, permission: str = "orders.view_order") -> Actor:
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Refused(_("Sign in first."))
    require(actor, permission)
    return actor


@login_required
@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """The list. A filter nobody knows shows nothing, and says so."""
    by = _actor(request)
    now = clock.now()
    given: dict[str, Any] = {name: request.GET[name].strip() for name in SINGLE if request.GET.get(name)}
    given |= {name: [value for value in request.GET.getlist(name) if value] for name in SEVERAL}
    problem = None
    filters = OrderFilters()
    try:
        filters = OrderFilters(**given)
        page = selectors.order_page(by=by, filters=filters, now=now)
    except Invalid as invalid:
        problem, page = invalid, OrderPage([], "", 0)
    counts = selectors.tab_counts(by=by, now=now)
    context = {
        "page": page,
        "problem": problem,
        "filters": filters,
        "tabs": [(tab, title, counts.get(tab, 0)) for tab, title in selectors.TABS.items()],
        "states": OrderState.choices,
        "clients": list(rules.clients_of(by).values_list("slug", "name")),
        "is_filtered": any(request.GET.get(field.name) for field in fields(OrderFilters)),
    }
    return render(request, "orders/orders.html", context, status=400 if problem else 200)


@login_required
@require_GET
def order(request: HttpRequest, key: str) -> HttpResponse:
    """What started it, which system is right, who is next, and what if that fails."""
    by = _actor(request)
    story = selectors.order_story(by=by, key=key)
    return render(request, "orders/order.html", {"story": story, "trace": selectors.order_trace(by=by, key=key)})


@login_required
@require_GET
def export(request: HttpRequest, key: str) -> HttpResponse:
    """The order as other systems get it, with its audit token."""
    by = _actor(request, "orders.export_order")
    found = selectors.order_for(by, key)
    document = export_order(order_id=found.pk, by=by, now=clock.now())
    return JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False})
