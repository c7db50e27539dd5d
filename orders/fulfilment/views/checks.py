"""Pages of whoever packs: what waits, one parcel at a time, giving it to the carrier; and what is known of a product."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, DomainError, Invalid, NotFound
from audit.words import in_words
from orders.fulfilment.forms.checks import CheckForm, HandOverForm, ProductForm
from orders.fulfilment.models import CheckResult
from orders.fulfilment.selectors import checks as found
from orders.fulfilment.selectors.false_passes import WINDOWS, false_passes
from orders.fulfilment.selectors.products import product_known
from orders.fulfilment.services.checking import PERMISSION, Photo, perform_check
from orders.fulfilment.services.describing import describe_product
from orders.fulfilment.services.handing_over import hand_over_parcel
from orders.fulfilment.states import Verdict

VIEW = "orders.view_order"


@login_required
@require_GET
def checks(request: HttpRequest) -> HttpResponse:
    """Parcels that wait for a check; what is scanned or typed leads to its parcel."""
    by = actor_of(request, VIEW)
    asked = str(request.GET.get("parcel", "")).strip()
    problem: DomainError | None = None
    try:
        if asked:
            return redirect("fulfilment:parcel", found.parcel_named(by, asked).key)
    except NotFound as unknown:
        problem = unknown
    tab = str(request.GET.get("tab", ""))
    try:
        page = found.waiting_page(by=by, tab=tab, after=str(request.GET.get("after", "")))
    except Invalid as invalid:
        problem, page = invalid, found.WaitingPage([], "")
    context = {"page": page, "tab": tab, "asked": asked, "problem": problem, "first": not request.GET.get("after")}
    status = 404 if isinstance(problem, NotFound) else 400 if problem else 200
    return render(request, "orders/checks.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def parcel(request: HttpRequest, key: str) -> HttpResponse:
    """One parcel: the check to do now, then the others; what is found is sent here."""
    by = actor_of(request, VIEW if request.method == "GET" else PERMISSION)
    slug = str((request.POST if request.method == "POST" else request.GET).get("check", ""))
    page = found.parcel_to_check(by=by, key=key, slug=slug, now=clock.now())
    form = CheckForm(request.POST or None, request.FILES or None, check=page.now) if page.now else None
    conflict = None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            result = _perform(page, form, by, slug)
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            _tell(request, page, result)
            return redirect(_again(page, result))
    elif request.method == "POST" and form is None:
        conflict = Conflict(_("Nothing of this parcel is left to check."))
    status = 409 if conflict else 422 if form is not None and form.errors else 200
    leave = HandOverForm(initial=_label_of(page))
    context: dict[str, Any] = {"page": page, "form": form, "conflict": conflict, "leave": leave}
    context |= {"can_check": by.may(PERMISSION), "can_describe": by.may("orders.work_order")}
    return render(request, "orders/parcel.html", context, status=status)


def _perform(page: found.ParcelToCheck, form: CheckForm, by: Actor, slug: str) -> CheckResult:
    """The check that was sent, also where somebody has done it meanwhile: then the door says who."""
    sent = next((one for one in page.checks if one.slug == slug), form.check)
    file = form.cleaned_data["photo"]
    photo = Photo(file.name, file.read()) if file else None
    return perform_check(check_id=sent.id, seen=form.seen(), photo=photo, by=by, now=clock.now())


def _tell(request: HttpRequest, page: found.ParcelToCheck, result: CheckResult) -> None:
    name = page.now.name if page.now else ""
    if result.verdict == Verdict.FAILED:
        why = " ".join(in_words(one) for one in result.sentences)
        messages.error(request, _("“%(name)s” failed. %(why)s") % {"name": name, "why": why})
    elif result.verdict == Verdict.PASSED:
        messages.success(request, _("“%(name)s” is passed.") % {"name": name})
    else:
        messages.success(request, _("Right so far. Go on."))


def _again(page: found.ParcelToCheck, result: CheckResult) -> str:
    """The parcel again: with the same check while it is not passed, else with the next."""
    same = page.now is not None and result.verdict != Verdict.PASSED
    return reverse("fulfilment:parcel", args=[page.key]) + (f"?check={page.now.slug}" if same and page.now else "")


def _label_of(page: found.ParcelToCheck) -> dict[str, str]:
    labels = [result.seen for one in page.checks if one.kind == "label" for result in one.results[:1] if one.is_passed]
    return {"tracking": page.tracking_number or (labels[0] if labels else "")}


@login_required
@require_POST
def hand_over(request: HttpRequest, key: str) -> HttpResponse:
    """The carrier has taken the parcel."""
    by = actor_of(request, PERMISSION)
    page = found.parcel_to_check(by=by, key=key, now=clock.now())
    leave, conflict = HandOverForm(request.POST), None
    if leave.is_valid():
        try:
            left = hand_over_parcel(fulfilment_id=page.id, **leave.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(leave, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("%(key)s has left with %(who)s.") % {"key": left.key, "who": left.carrier})
            return redirect("fulfilment:checks")
    form = CheckForm(check=page.now) if page.now else None
    context = {"page": page, "form": form, "leave": leave, "conflict": conflict, "can_check": True}
    return render(request, "orders/parcel.html", context, status=409 if conflict else 422)


@login_required
@require_GET
def photo(request: HttpRequest, check: UUID, number: int) -> FileResponse:
    """The photo of a result, to be saved and never shown: what is in it came from outside."""
    result = found.result_named(actor_of(request, VIEW), check, number)
    response = FileResponse(
        found.opened_photo(result), as_attachment=True, filename=result.file_name, content_type=result.content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_http_methods(["GET", "POST"])
def product(request: HttpRequest, sku: UUID) -> HttpResponse:
    """What is known of a product: barcode, lots, weight and size."""
    by = actor_of(request, "orders.work_order")
    known = product_known(by=by, sku_id=sku)
    form = ProductForm(request.POST or None, initial=known.initial())
    if request.method == "POST" and form.is_valid():
        try:
            describe_product(sku_id=sku, **form.facts(), by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        else:
            messages.success(request, _("It is known of %(sku)s from now on.") % {"sku": known.code})
            return redirect("fulfilment:product", sku)
    context = {"known": known, "form": form}
    return render(request, "orders/product.html", context, status=422 if form.errors else 200)


@login_required
@require_GET
def quality(request: HttpRequest) -> HttpResponse:
    """How often a check was passed that should not have been, by what came back."""
    by = actor_of(request, VIEW)
    asked = str(request.GET.get("days", ""))
    days = int(asked) if asked in {str(one) for one in WINDOWS} else WINDOWS[0]
    context = {"report": false_passes(by=by, days=days, now=clock.now()), "days": days, "windows": WINDOWS}
    return render(request, "orders/quality.html", context)
