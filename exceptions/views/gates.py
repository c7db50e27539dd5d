"""Gates: what each stops and asks for, and who says so."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, DomainError, Invalid
from exceptions.forms.knowledge import GateForm
from rules import services as rules
from rules.selectors import registry

SEEING = registry.PERMISSION


@login_required
@require_safe
def gates(request: HttpRequest) -> HttpResponse:
    """Every gate, with what it asks for and who answers for that."""
    by = actor_of(request, SEEING)
    rows = [(gate, registry.may_describe(by, gate)) for gate in registry.gates_for(by).filter(is_active=True)]
    return render(request, "exceptions/gates.html", {"rows": rows})


@login_required
@require_http_methods(["GET", "POST"])
def gate(request: HttpRequest, gate: str) -> HttpResponse:
    """What one asks for; its content owner says it anew."""
    by = actor_of(request, SEEING)
    found = registry.gate_called(gate)
    initial = {"blocks": found.blocks, "needs": found.needs, "seen": found.version}
    form = GateForm(request.POST or None, initial=initial)
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            rules.describe_gate(slug=gate, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as stale:
            conflict = stale
        else:
            messages.success(request, _("Kept. It is said wherever somebody asks from the next rule book on."))
            return redirect("exceptions:gates")
    context = {"gate": found, "form": form, "may_describe": registry.may_describe(by, found), "conflict": conflict}
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "exceptions/gate.html", context, status=status)
