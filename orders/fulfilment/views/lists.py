"""Orders in a list: what is asked for, in which order, and the whole of it as a file."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import gettext_noop as noop
from django.views.decorators.http import require_GET

from audit import clock
from audit.context import Actor
from audit.edge import actor_of
from audit.errors import Invalid
from audit.services.taking_out import record_export
from audit.texts import whole_number
from exceptions import list_pages
from exceptions.selectors import (
    Choice,
    asked_columns,
    column_choices,
    refuse_unknown_columns,
    view_links,
)
from exceptions.views.days import asked_by_fields, days_of
from exceptions.views.facets import menus, part_or_page, values_answer
from exceptions.views.lists import FILTERS, chips, current_view, pairs_of, view_to_open
from exceptions.views.saved_views import opened
from orders.fulfilment import selectors
from orders.fulfilment.selectors import OrderFilters, OrderPage, OrderRow
from orders.fulfilment.selectors.order_facets import ORDER_FACETS, order_facet
from orders.fulfilment.selectors.orders import PAGE_SIZES, PER_PAGE
from orders.fulfilment.states import HoldReason, OrderState
from orders.fulfilment.tables import csv_lines, json_lines
from rules import selectors as rules
from rules.selectors import registry

LIST = "orders"
Lines = Callable[[Iterable[OrderRow], Collection[str]], Iterator[str]]
# The columns a list can be put in the order of, and what that is called in its address.
SORTABLE: Final[Mapping[str, str]] = {
    "order": "key",
    "placed": "placed",
    "state": "state",
    "due": "due",
    "value": "total",
    "promised": "promised",
}
Choices = list[tuple[str, str]]
ORDERS: Final[Choices] = [
    ("placed", noop("Oldest first")),
    ("due", noop("Due soonest first")),
    ("promised", noop("Promised soonest first")),
    ("-total", noop("Highest value first")),
    ("total", noop("Lowest value first")),
    ("state", noop("By state")),
    ("key", noop("By key")),
]
OFFERED: Final[Mapping[str, Choices]] = {
    "promised": [("overdue", noop("Over")), ("today", noop("Within a day")), ("7d", noop("Within 7 days"))],
    "placed": [("today", noop("Today")), ("7d", noop("In the last 7 days")), ("30d", noop("In the last 30 days"))],
    "fraud": [("70..", noop("High, 70 and more")), ("30..69", noop("Raised, 30 to 69")), ("..29", noop("Low"))],
    "behind": [("true", noop("Longer than promised")), ("false", noop("As promised, or told of nothing"))],
    "test": [("false", noop("Without")), ("true", noop("Only"))],
}
LABELS: Final = {
    **FILTERS,
    "channel": _l("Channel"),
    "owner": _l("Owner by rule"),
    "holder": _l("Owner now"),
    "flow": _l("Flow"),
    "rule": _l("Rule"),
    "hold": _l("Hold"),
    "sku": _l("Product"),
    "carrier": _l("Carrier"),
    "vendor": _l("Vendor"),
    "promised": _l("Promised"),
    "placed": _l("Placed"),
    "total": _l("Value"),
    "fraud": _l("Fraud score"),
    "behind": _l("Other systems behind"),
    "test": _l("Test orders"),
}


# Filters that have fields for a first and a last day.
MOMENTS: Final = ("placed", "promised")


@login_required
@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """The list. A filter nobody knows shows nothing, and says so."""
    by = actor_of(request, "orders.view_order")
    if (fields := asked_by_fields(request, MOMENTS)) is not None:
        return redirect(f"{request.path}?{fields}")
    now = clock.now()
    clients = list(rules.clients_of(by).values_list("slug", "name"))
    views = view_links(by=by, page=LIST, clients={slug for slug, _ in clients})
    if (view := view_to_open(request, views)) is not None:
        return opened(LIST, view.query, view.number)
    problem = None
    filters, columns = OrderFilters(), column_choices((), selectors.ORDER_COLUMNS)
    try:
        filters, columns = asked_for(request.GET)
        page = selectors.order_page(by=by, filters=filters, now=now)
    except Invalid as invalid:
        problem, page = invalid, OrderPage([], "", 0)
    counts = selectors.tab_counts(by=by, now=now)
    choices = _choices(request, by, clients)
    context = {
        "page": page,
        "problem": problem,
        "filters": filters,
        "tabs": [(tab, title, counts.get(tab, 0)) for tab, title in selectors.TABS.items()],
        "choices": choices,
        "chips": chips(request, choices, labels=LABELS),
        "columns": [column for column in columns if column.is_chosen],
        "column_choices": columns,
        "shown": {column.name for column in columns if column.is_chosen},
        "menus": menus(request, {name: choices.get(name, []) for name in ORDER_FACETS}, labels=LABELS),
        "days": days_of(request, MOMENTS),
        "kept": pairs_of(request, besides=("q", "tab", "sort", "per", *ORDER_FACETS, *choices)) or [("view", "all")],
        "sortable": SORTABLE,
        "orders_of_list": ORDERS,
        "page_sizes": [(size, str(size)) for size in PAGE_SIZES if size != PER_PAGE],
        "carried": pairs_of(request, besides=("cols",)),
        "query": list_pages.canonical_query(request.GET.urlencode()),
        "views": views,
        "view": current_view(request, views),
        "can_work": by.may("orders.work_order"),
    }
    return render(request, "orders/orders.html", context, status=400 if problem else 200)


@part_or_page
def order_values(request: HttpRequest, filter_name: str) -> HttpResponse:
    """What a filter of the list can be set to, with how many orders each value would leave under the other filters."""
    by = actor_of(request, "orders.view_order")
    found = order_facet(by=by, filters=asked_for(request.GET)[0], name=filter_name, now=clock.now())
    return values_answer(request, found, label=str(LABELS[filter_name]), back=reverse("fulfilment:orders"))


def _choices(request: HttpRequest, by: Actor, clients: Choices) -> dict[str, Choices]:
    """What the filters offer; more can be asked for in the address, and is offered then."""
    knows_rules = by.may("rules.view_rules")
    owners = registry.owners_for(by).filter(is_active=True) if knows_rules else None
    offered: dict[str, Choices] = {
        "state": OrderState.choices,
        "client": clients,
        "flow": list(registry.flows_for(by).values_list("slug", "name")) if knows_rules else [],
        "holder": list(owners.order_by("name").values_list("slug", "name")) if owners is not None else [],
        "hold": HoldReason.choices,
        **OFFERED,
    }
    return {
        name: [*options, *((one, one) for one in request.GET.getlist(name) if one and one not in dict(options))]
        for name, options in offered.items()
    }


def asked_for(query: QueryDict) -> tuple[OrderFilters, list[Choice]]:
    """What is asked for, in rows and in columns. Raises `Invalid` for what the list does not know: that never widens it."""
    list_pages.refuse_foreign(list_pages.list_page(LIST), query.urlencode())
    asked = asked_columns(query.getlist("cols"))
    refuse_unknown_columns(asked, selectors.ORDER_COLUMNS)
    given: dict[str, Any] = {
        name: str(query[name]).strip() for name in ("tab", "q", "sort", "after") if query.get(name)
    }
    given["per"] = whole_number(query.get("per") or str(PER_PAGE)) or 0
    given |= {name: [value for value in query.getlist(name) if value] for name in selectors.SEVERAL}
    return OrderFilters(**given), column_choices(asked, selectors.ORDER_COLUMNS)


@login_required
@require_GET
def orders_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Everything the filters leave, all pages, as CSV."""
    return _taken_out(request, csv_lines, "csv", "text/csv; charset=utf-8")


@login_required
@require_GET
def orders_json(request: HttpRequest) -> StreamingHttpResponse:
    """As CSV, for programs."""
    return _taken_out(request, json_lines, "json", "application/json")


def _taken_out(request: HttpRequest, lines_of: Lines, ending: str, content_type: str) -> StreamingHttpResponse:
    """What somebody searched for may be personal, so the trail only says that they did."""
    by = actor_of(request, "orders.view_order")
    now = clock.now()
    filters, columns = asked_for(request.GET)
    rows = selectors.exported_orders(by=by, filters=filters, now=now)
    said = request.GET.copy()
    if filters.q:
        said["q"] = "…"
    asked = f"{LIST}?{list_pages.canonical_query(said.urlencode())}"
    record_export(query=asked, by=by, now=now, event="orders.exported")
    chosen = [column.name for column in columns if column.is_chosen] if request.GET.get("cols") else []
    return StreamingHttpResponse(
        lines_of(rows, chosen),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="orders-{now:%Y%m%d-%H%M}.{ending}"'},
    )
