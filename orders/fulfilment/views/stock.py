"""Stock: what lies where, for whom, who waits; taking goods in, keeping some back, recalling a lot."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid
from orders.fulfilment.forms import KeepBackForm, LotForm, ReceiveForm
from orders.fulfilment.forms.bundles import PartsForm, written
from orders.fulfilment.selectors import stock as found
from orders.fulfilment.selectors.stock import StockFilters, StockPage, StockPicture
from orders.fulfilment.services import arrivals, bundles, recalling
from orders.fulfilment.services.arrivals import Arrival
from orders.fulfilment.states import LotState
from rules import selectors as rules

Act = Callable[[dict[str, Any]], str]


@login_required
@require_GET
def stock(request: HttpRequest) -> HttpResponse:
    """Every product with its units."""
    by = actor_of(request, "orders.view_order")
    given = request.GET
    filters = StockFilters(
        given.get("q", "").strip(), given.get("client", ""), given.get("waiting") == "1", given.get("after", "")
    )
    problem = None
    try:
        page = found.stock_page(by=by, filters=filters)
    except Invalid as invalid:
        problem, page = invalid, StockPage([], "")
    context = {
        "page": page,
        "filters": filters,
        "problem": problem,
        "clients": list(rules.clients_of(by).values_list("slug", "name")),
        "is_filtered": bool(filters.q or filters.client or filters.waiting),
    }
    return render(request, "orders/stock.html", context, status=400 if problem else 200)


@login_required
@require_GET
def stock_of(request: HttpRequest, key: UUID) -> HttpResponse:
    """The stock of one product."""
    by = actor_of(request, "orders.view_order")
    picture = found.stock_picture(by=by, sku_id=key, today=clock.now().date())
    return render(request, "orders/stock_of.html", {"stock": picture, "can_work": by.may("orders.work_order")})


@login_required
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest, key: UUID) -> HttpResponse:
    """Take units in."""
    by, picture = _working_on(request, key)
    form = ReceiveForm(request.POST or None, initial={"location": picture.lots[0].location if picture.lots else "main"})

    def act(given: dict[str, Any]) -> str:
        reason = given.pop("reason")
        arrival = Arrival(client_id=picture.client_id, sku=picture.code, **given)
        served = arrivals.receive_stock(sku_id=key, arrival=arrival, reason=reason, by=by, now=clock.now())
        said = ngettext("%(n)s waiting order was looked at.", "%(n)s waiting orders were looked at.", len(served))
        return said % {"n": len(served)}

    return _form_page(request, picture, form, act, _("Take goods in"), _("Who has waited longest gets them at once."))


@login_required
@require_http_methods(["GET", "POST"])
def keep_back(request: HttpRequest, key: UUID) -> HttpResponse:
    """Keep units back in a place."""
    by, picture = _working_on(request, key)
    form = KeepBackForm(request.POST or None, places=[(one.location, one.location_name) for one in picture.lots])

    def act(given: dict[str, Any]) -> str:
        arrivals.set_safety_stock(sku_id=key, **given, by=by, now=clock.now())
        return ngettext("%(n)s is kept back.", "%(n)s are kept back.", given["units"]) % {"n": given["units"]}

    explained = _(
        "Units that are kept back are promised to nobody; what is set aside already stays so. When too few are free, the warehouse or the "
        "product's vendor is asked for more, once, and somebody is told when nothing comes in time."
    )
    return _form_page(request, picture, form, act, _("Keep back and reorder"), explained)


@login_required
@require_http_methods(["GET", "POST"])
def recall(request: HttpRequest, key: UUID) -> HttpResponse:
    """Recall a lot."""
    by, picture = _working_on(request, key)
    form = LotForm(request.POST or None, lots=found.lots_to_act_on(by=by, sku_id=key, state=LotState.USABLE))

    def act(given: dict[str, Any]) -> str:
        orders = recalling.recall_lot(sku_id=key, **given, by=by, now=clock.now())
        said = ngettext(
            "Recalled; %(n)s order had units of it.", "Recalled; %(n)s orders had units of it.", len(orders)
        )
        return said % {"n": len(orders)}

    explained = _(
        "Nothing of the lot is promised any more, in any place. Orders whose units are on the shelf get another lot or wait in front; "
        "what is picked or packed becomes an exception."
    )
    return _form_page(request, picture, form, act, _("Recall a lot"), explained)


@login_required
@require_http_methods(["GET", "POST"])
def readmit(request: HttpRequest, key: UUID) -> HttpResponse:
    """Let a recalled lot be sent again."""
    by, picture = _working_on(request, key)
    form = LotForm(request.POST or None, lots=found.lots_to_act_on(by=by, sku_id=key, state=LotState.RECALLED))

    def act(given: dict[str, Any]) -> str:
        recalling.readmit_lot(sku_id=key, **given, by=by, now=clock.now())
        return _("The lot may be sent again.")

    explained = _("The lot may be promised and sent again; who has waited longest gets it at once.")
    return _form_page(request, picture, form, act, _("Let a lot be sent again"), explained)


@login_required
@require_http_methods(["GET", "POST"])
def parts(request: HttpRequest, key: UUID) -> HttpResponse:
    """Say what is in a bundle."""
    by, picture = _working_on(request, key)
    form = PartsForm(request.POST or None, initial=written(picture.parts))

    def act(given: dict[str, Any]) -> str:
        said = bundles.say_parts(sku_id=key, **given, by=by, now=clock.now())
        return ngettext("It has %(n)s part from now on.", "It has %(n)s parts from now on.", len(said)) % {
            "n": len(said)
        }

    explained = _(
        "Orders that come from now on reserve, send and take back these instead; orders there are keep what they have."
    )
    return _form_page(request, picture, form, act, _("Say what is in it"), explained)


def _working_on(request: HttpRequest, key: UUID) -> tuple[Actor, StockPicture]:
    by = actor_of(request, "orders.work_order")
    return by, found.stock_picture(by=by, sku_id=key, today=clock.now().date())


def _form_page(
    request: HttpRequest, picture: StockPicture, form: Form, act: Act, title: str, explained: str
) -> HttpResponse:
    conflict = None
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, act(dict(form.cleaned_data)))
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            return redirect("fulfilment:stock-of", picture.id)
    status = 409 if conflict else 422 if form.errors else 200
    context = {"stock": picture, "form": form, "conflict": conflict, "heading": title, "explained": explained}
    return render(request, "orders/stock_act.html", context, status=status)
