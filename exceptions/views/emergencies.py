"""Break-glass: open at once, roll back in one act, review afterwards."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, DomainError, Refused
from audit.subject_refs import SubjectRef
from exceptions import selectors, services
from exceptions.forms.waivers import BreakGlassForm, ReviewForm
from exceptions.selectors.asking import chosen_together
from exceptions.views.waivers import HOURS
from rules import selectors as rules


@login_required
@require_http_methods(["GET", "POST"])
def break_glass(request: HttpRequest) -> HttpResponse:
    """Open a gate at once, for what an exception is about."""
    by = actor_of(request, "exceptions.break_glass")
    case = selectors.case_for(by, request.GET.get("for", ""))
    book = rules.active_book()
    gates = [gate for gate in book.gates() if gate.break_glass_hours]
    together = chosen_together(case, keys=request.GET.getlist("also"), by=by)
    form = BreakGlassForm(request.POST or None, case=case, gates=gates, also=together.also)
    conflict: Conflict | None = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            broken = services.break_glass(
                gate=given["gate"],
                subject=SubjectRef(case.subject_type, case.subject_id, case.client_id),
                subject_key=case.subject_key,
                client_id=case.client_id,
                case_id=case.pk,
                reason=given["reason"],
                plan=given["plan"],
                minutes=given["hours"] * 60,
                confirm=given["confirm"],
                also=[one.pk for one in together.also],
                by=by,
                now=clock.now(),
            )
        except Refused:
            raise
        except Conflict as faster:
            conflict = faster
        except DomainError as refused:
            explain(form, refused, renamed=HOURS)
        else:
            messages.success(request, _("%(key)s is in force. The leads are called.") % {"key": broken.key})
            return redirect("exceptions:waiver", broken.key)
    answering = [(gate, selectors.gate_owner(gate, book)) for gate in gates]
    context = {
        "case": case,
        "together": together,
        "also": together.also,
        "form": form,
        "conflict": conflict,
        "gates": answering,
    }
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "exceptions/break_glass.html", context, status=status)


@login_required
@require_POST
def roll_back(request: HttpRequest, key: str) -> HttpResponse:
    """End it and call back what passed."""
    by = actor_of(request, "exceptions.revoke_waiver")
    found = selectors.waiver_for(by, key)
    done = services.roll_back(waiver_id=found.pk, by=by, now=clock.now())
    messages.success(request, _("%(key)s is rolled back. %(done)s") % {"key": key, "done": done})
    return redirect("exceptions:waiver", key)


@login_required
@require_POST
def review(request: HttpRequest, key: str) -> HttpResponse:
    """Say whether it was an emergency."""
    by = actor_of(request, "exceptions.decide_waiver")
    found = selectors.waiver_for(by, key)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return render(request, "exceptions/review.html", {"waiver": found, "form": form}, status=422)
    services.review_emergency(waiver_id=found.pk, **form.cleaned_data, by=by, now=clock.now())
    messages.success(request, _("Your review of %(key)s is kept.") % {"key": key})
    return redirect("exceptions:waiver", key)
