"""One order's story and trace, and those that are held until somebody completes them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to
from audit.errors import IllegalTransition, Invalid, NotFound, StaleVersion, TokenInvalid
from audit.selectors.tokens import verify_token
from audit.services.tokens import check_proof, token_in
from audit.texts import whole_number
from audit.words import Said, in_words, said
from orders.fulfilment import selectors
from orders.fulfilment.forms import AddressForm, CancelForm, HoldForm, LinesForm, ReleaseForm
from orders.fulfilment.forms.doubts import ConfirmForm
from orders.fulfilment.selectors import QuarantineDetail, QuarantinePage, StepPanel
from orders.fulfilment.selectors.deviations import MOST_SHOWN
from orders.fulfilment.selectors.documents import documents_of
from orders.fulfilment.selectors.exports import SHOWN, newest_text
from orders.fulfilment.services.doubting import resubmit_doubted
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.holds import hold_order, release_hold
from orders.fulfilment.services.quarantine import complete_address, complete_lines, keep_fields
from orders.fulfilment.services.resuming import cancel_order
from orders.fulfilment.states import WITH_THE_CUSTOMER
from orders.fulfilment.views.frame import by_hand, emergency_about, tell_state, way_back
from rules import facts
from rules import selectors as rules

STEPS_MORE, MOST_STEPS = 500, 10_000
MOST_OF_A_KIND = 1_000
EVENLY = "even"  # the time axis of a trace


@login_required
@require_GET
def order(request: HttpRequest, key: str) -> HttpResponse:
    """What started it, which system is right, who is next, and what if that fails."""
    by = actor_of(request, "orders.view_order")
    more = {name: MOST_OF_A_KIND for name in ("exports", "exceptions") if request.GET.get("show") == name}
    story = selectors.order_story(by=by, key=key, exports_shown=more.get("exports", SHOWN))
    context = {
        "emergency": emergency_about(story.row.id),
        "story": story,
        "trace": selectors.order_trace(by=by, key=key),
        "documents": documents_of(story, by=by),
        "deviations": selectors.deviations_of(by=by, key=key, most=more.get("exceptions", MOST_SHOWN)),
        "can_work": by.may("orders.work_order"),
        "can_come_back": any(line.state in WITH_THE_CUSTOMER for line in story.lines),
    }
    return render(request, "orders/order.html", context)


@login_required
@require_GET
def trace(request: HttpRequest, key: str) -> HttpResponse:
    """The order's way from its trigger to its outcome, with the four answers on top."""
    by = actor_of(request, "orders.view_order")
    kind, system, scale = (str(request.GET.get(name, "")) for name in ("kind", "system", "scale"))
    steps = min(max(whole_number(request.GET.get("steps", "")) or STEPS_MORE, STEPS_MORE), MOST_STEPS)
    story = selectors.order_story(by=by, key=key)
    context = {
        "emergency": emergency_about(story.row.id),
        "story": story,
        "trace": selectors.waterfall(
            by=by, key=key, now=clock.now(), kind=kind, system=system, evenly=scale == EVENLY, at_most=steps
        ),
        "more": steps + STEPS_MORE,
        "panel": _panel(request, by, key),
        "kinds": selectors.KIND_WORDS.items(),
        "kind": kind,
        "system": system,
        "is_table": request.GET.get("as") == "table",
    }
    return render(request, "orders/trace.html", context)


def _panel(request: HttpRequest, by: Actor, key: str) -> StepPanel | None:
    """The step that is asked for in full. Raises `NotFound` for one that is none of this order."""
    asked = request.GET.get("event", "")
    if not asked:
        return None
    try:
        return selectors.step_panel(by=by, key=key, event_id=UUID(asked))
    except ValueError as broken:
        raise NotFound(_("There is no such step, or it is not yours to see.")) from broken


@login_required
@require_GET
def why(request: HttpRequest, key: str) -> HttpResponse:
    """Every decision about the order, with what almost decided instead."""
    by = actor_of(request, "orders.view_order")
    return render(request, "orders/why.html", {"page": selectors.why_page(by=by, key=key)})


@login_required
@require_GET
def export(request: HttpRequest, key: str) -> HttpResponse:
    """The order as other systems get it, with its audit token."""
    by = actor_of(request, "orders.export_order")
    found = selectors.order_for(by, key)
    return HttpResponse(export_order(order_id=found.pk, by=by, now=clock.now()).text, content_type="application/json")


@login_required
@require_GET
def verify(request: HttpRequest, key: str) -> HttpResponse:
    """Whether the newest export of an order is as it was issued, by its audit token."""
    by = actor_of(request, "orders.export_order")
    context: dict[str, Any] = {"row": selectors.rows_of([order := selectors.order_for(by, key)])[0]}
    text = newest_text(order)
    try:
        context["facts"] = verify_token(token_in(text)[0])
        context["proof"] = check_proof(text=text, by=by) if by.may("audit.verify") else None
    except TokenInvalid as wrong:
        context["problem"] = wrong
    return render(request, "orders/verify.html", context)


@login_required
@require_GET
def quarantine(request: HttpRequest) -> HttpResponse:
    """Orders that are held because something of them is missing or cannot be right."""
    by = actor_of(request, "orders.view_order")
    given = {name: str(request.GET.get(name, "")).strip() for name in ("q", "client", "after")}
    problem = None
    try:
        page = selectors.quarantine_page(by=by, now=clock.now(), **given)
    except Invalid as invalid:
        problem, page = invalid, QuarantinePage([], "", 0, is_capped=False)
    context = {
        "page": page,
        "problem": problem,
        "filters": given,
        "clients": list(rules.clients_of(by).values_list("slug", "name")),
        "is_filtered": bool(given["q"] or given["client"]),
        "can_work": by.may("orders.work_order"),
    }
    return render(request, "orders/quarantine.html", context, status=400 if problem else 200)


@login_required
@require_http_methods(["GET", "POST"])
def quarantined(request: HttpRequest, key: str) -> HttpResponse:
    """What one held order lacks, an editor for just that, and letting it go on."""
    by = actor_of(request, "orders.view_order")
    try:
        detail = selectors.quarantine_detail(by=by, key=key, now=clock.now())
    except IllegalTransition as gone:
        if request.method == "POST":
            raise
        messages.info(request, in_words(gone.message))
        return redirect("fulfilment:order", key)
    is_stale = request.POST.get("seen", "") not in {"", str(detail.order.version)}
    form = _completion_form(request, detail, is_stale=is_stale)

    def complete() -> HttpResponse:
        if is_stale:
            raise StaleVersion(said_stale(detail.order.key))
        if isinstance(form, AddressForm) and "keep" in request.POST:
            return _kept(request, detail, form, by)
        return _completed(request, detail, form, by)

    return by_hand(
        request,
        "orders/quarantined.html",
        form,
        complete,
        about=detail.order.pk,
        detail=detail,
        can_work=by.may("orders.work_order"),
    )


@login_required
@require_http_methods(["GET", "POST"])
def holds(request: HttpRequest, key: str) -> HttpResponse:
    """What stops an order or has stopped it, and placing one more hold."""
    by = actor_of(request, "orders.view_order" if request.method == "GET" else "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    form = HoldForm(request.POST or None, parcels=story.parcels)

    def place() -> HttpResponse:
        hold_order(order_id=story.row.id, **form.cleaned_data, by=by, now=clock.now())
        messages.success(request, _("%(key)s is on hold.") % {"key": form.cleaned_data["fulfilment"] or key})
        return redirect(way_back(request, key))

    return by_hand(
        request,
        "orders/holds.html",
        form,
        place,
        about=story.row.id,
        row=story.row,
        back=way_back(request, key),
        holds=selectors.order_holds(by=by, key=key),
        can_hold=by.may("orders.work_order") and story.row.is_open,
        can_release=by.may("exceptions.decide_waiver"),
        attributes=facts.context(rules.HOLD_CONTEXT).paths(),
    )


@login_required
@require_http_methods(["GET", "POST"])
def release(request: HttpRequest, key: str, hold: UUID) -> HttpResponse:
    """Let go of one hold of an order; the others stay."""
    by = actor_of(request, "orders.work_order")
    found = selectors.hold_named(selectors.order_holds(by=by, key=key), str(hold))
    if found is None:
        raise NotFound(_("There is no such hold."))
    form = ReleaseForm(request.POST or None)

    def let_go() -> HttpResponse:
        order = release_hold(hold_id=hold, reason=form.cleaned_data["reason"], by=by, now=clock.now())
        told = {"key": order.key, "state": order.get_state_display()}
        messages.success(request, _("The hold is released. %(key)s is “%(state)s” now.") % told)
        return redirect(way_back(request, key))

    about, back = selectors.order_for(by, key).pk, back_to(request, reverse("fulfilment:holds", args=[key]))
    return by_hand(request, "orders/release.html", form, let_go, about=about, key=key, hold=found, back=back)


@login_required
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest, key: str) -> HttpResponse:
    """Cancel all of an order or some units of it."""
    by = actor_of(request, "orders.work_order")
    story = selectors.order_story(by=by, key=key)
    live = [line for line in story.lines if line.state not in {"cancelled", "returned"}]
    form = CancelForm(request.POST or None, lines=live)

    def leave_out() -> HttpResponse:
        given = {"reason": form.cleaned_data["reason"], "lines": form.lines()}
        order = cancel_order(order_id=story.row.id, **given, by=by, now=clock.now())
        tell_state(request, order)
        return redirect(way_back(request, key))

    told: dict[str, Any] = {"row": story.row, "back": way_back(request, key), "named": pgettext("to do", "Cancel")}
    return by_hand(request, "orders/cancel.html", form, leave_out, about=story.row.id, **told)


def said_stale(key: str) -> Said:
    """That somebody was faster; what was typed is still there, and what it says now stands beside it."""
    return said(
        "%(key)s was changed since you looked at it. What you typed is still here; where something else is kept now, "
        "it says so. Send it again to apply yours.",
        key=key,
    )


def _completion_form(
    request: HttpRequest, detail: QuarantineDetail, *, is_stale: bool
) -> AddressForm | LinesForm | ConfirmForm:
    data, initial = request.POST.copy() or None, {"seen": detail.order.version}
    if data and is_stale:  # who sends it again has seen what is kept now
        data["seen"] = str(detail.order.version)
    if detail.doubt is not None:
        return ConfirmForm(data, initial=initial, doubt=detail.doubt)
    if detail.line_hints is not None:
        return LinesForm(data, initial=initial, hints=detail.line_hints)
    return AddressForm(
        data,
        initial=initial,
        named=list(detail.named),
        others=list(detail.others),
        is_kept="keep" in request.POST,
        is_stale=is_stale,
    )


def _kept(request: HttpRequest, detail: QuarantineDetail, form: AddressForm, by: Actor) -> HttpResponse:
    fields = form.of_group(request.POST["keep"])
    keep_fields(order_id=detail.order.pk, fields=fields, by=by, now=clock.now(), seen=form.cleaned_data["seen"])
    messages.success(request, _("It is kept. The order stays held until it is resubmitted."))
    return redirect("fulfilment:quarantined", detail.order.key)


def _completed(
    request: HttpRequest, detail: QuarantineDetail, form: AddressForm | LinesForm | ConfirmForm, by: Actor
) -> HttpResponse:
    given = form.cleaned_data
    about: dict[str, Any] = {
        "order_id": detail.order.pk,
        "reason": given["reason"],
        "by": by,
        "now": clock.now(),
        "seen": given["seen"],
    }
    if isinstance(form, LinesForm):
        order = complete_lines(lines=form.lines(), **about)
    elif isinstance(form, ConfirmForm):
        order = resubmit_doubted(confirmed=form.confirmed(), **about)
    else:
        order = complete_address(fields=form.address(), accept_suggestions="accept" in request.POST, **about)
    told = {"key": order.key, "state": order.get_state_display()}
    messages.success(request, _("%(key)s goes on: it is “%(state)s” now.") % told)
    return redirect("fulfilment:order", order.key)
