"""Pages of customers: who looks like whom, one pair, one customer, merging and splitting."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, FieldError, Invalid, NotFound
from orders.fulfilment.forms.customers import BecauseForm, MergeForm, PairForm
from orders.fulfilment.models import Likeness
from orders.fulfilment.selectors import customers as found
from orders.fulfilment.services import customers as services
from orders.fulfilment.states import LikenessState, SignKind
from rules import selectors as rules

VIEW = "orders.view_order"


@login_required
@require_GET
def duplicates(request: HttpRequest) -> HttpResponse:
    """Pairs of customers that look alike; a filter nobody knows shows nothing, and says so."""
    by = actor_of(request, VIEW)
    given = {name: str(request.GET.get(name, "")).strip() for name in ("client", "sign", "after")}
    tab, problem = str(request.GET.get("tab") or "likely"), None
    try:
        page = found.likeness_page(by=by, tab=tab, **given)
    except Invalid as invalid:
        problem, page = invalid, found.LikenessPage([], "")
    context = {
        "page": page,
        "problem": problem,
        "tab": tab,
        "tabs": found.TABS.items(),
        "filters": given,
        "signs": SignKind.choices,
        "clients": list(rules.clients_of(by).values_list("slug", "name")),
        "is_filtered": bool(given["client"] or given["sign"]),
    }
    return render(request, "orders/duplicates.html", context, status=400 if problem else 200)


@login_required
@require_http_methods(["GET", "POST"])
def duplicate(request: HttpRequest, key: UUID) -> HttpResponse:
    """Two customers side by side: what they have in common, and saying whether they are the same."""
    by = actor_of(request, VIEW if request.method == "GET" else services.PERMISSION)
    pair = found.likeness_named(by, key)
    if request.method == "GET" and pair.one.head_id == pair.other.head_id:
        messages.info(request, _("The two were merged."))
        return redirect("fulfilment:customer", pair.one.head.key)
    sides = [found.customer_facts(by=by, customer=one.head) for one in (pair.one, pair.other)]
    is_apart = pair.state == LikenessState.APART
    names = {"one": sides[0].key, "other": sides[1].key}
    form = BecauseForm(request.POST or None) if is_apart else PairForm(request.POST or None, **names)
    conflict = None
    if request.method == "POST" and form.is_valid():
        try:
            return _decided(request, pair, form.cleaned_data, by)
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
    context = {
        "row": found.likeness_rows([pair])[0],
        "sides": sides,
        "form": form,
        "conflict": conflict,
        "is_apart": is_apart,
        "can_work": by.may(services.PERMISSION),
    }
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "orders/duplicate.html", context, status=status)


def _decided(request: HttpRequest, pair: Likeness, given: dict[str, str], by: Actor) -> HttpResponse:
    about: dict[str, Any] = {"reason": given["reason"], "by": by, "now": clock.now()}
    if "answer" not in given:
        services.ask_again(likeness_id=pair.pk, **about)
        messages.success(request, _("They are to be decided again."))
    elif given["answer"] == "apart":
        services.keep_apart(likeness_id=pair.pk, **about)
        messages.success(request, _("They are not the same: they are not listed again."))
    else:
        stays = services.merge_customers(**about, **found.as_merge(pair, keep=given["answer"]))
        messages.success(request, _("They are the same: %(key)s stands for both.") % {"key": stays.key})
        return redirect("fulfilment:customer", stays.key)
    return redirect("fulfilment:duplicates")


@login_required
@require_GET
def customer(request: HttpRequest, key: str) -> HttpResponse:
    """One customer: what they are known by, their orders, who was merged into them, who looks alike."""
    by = actor_of(request, VIEW)
    facts = found.customer_facts(by=by, customer=found.customer_named(by, key))
    context = {"facts": facts, "can_work": by.may(services.PERMISSION)}
    return render(request, "orders/customer.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def merge(request: HttpRequest, key: str) -> HttpResponse:
    """Say that one customer is the same as another, who stays."""
    by = actor_of(request, services.PERMISSION)
    customer, form, conflict = found.customer_named(by, key), MergeForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        about: dict[str, Any] = {"reason": form.cleaned_data["reason"], "by": by, "now": clock.now()}
        try:
            into = found.customer_named(by, form.cleaned_data["into"])
            stays = services.merge_customers(customer_id=customer.pk, into_id=into.pk, **about)
        except NotFound as unknown:
            explain(form, Invalid(unknown.message, errors=[FieldError("/into", "unknown", unknown.message)]))
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("They are the same: %(key)s stands for both.") % {"key": stays.key})
            return redirect("fulfilment:customer", stays.key)
    context = {"key": key, "form": form, "conflict": conflict, "is_split": False}
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "orders/customer_act.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def split(request: HttpRequest, key: str) -> HttpResponse:
    """Let a merged customer stand for itself again."""
    by = actor_of(request, services.PERMISSION)
    customer, form, conflict = found.customer_named(by, key), BecauseForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        about = {"reason": form.cleaned_data["reason"], "by": by, "now": clock.now()}
        try:
            services.split_customer(customer_id=customer.pk, **about)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("%(key)s stands for itself again.") % {"key": key})
            return redirect("fulfilment:customer", key)
    context = {"key": key, "head": customer.head.key, "form": form, "conflict": conflict, "is_split": True}
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "orders/customer_act.html", context, status=status)
