"""What waits for a decision and for how long, what is live, what was decided, and who decides instead of whom."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Invalid, NotFound
from exceptions import selectors, services
from exceptions.forms.waivers import DelegateForm
from exceptions.selectors.approvers import delegations_of, possible_delegates
from rules import selectors as rules

TABS = {
    "waiting": gettext_lazy("For me"),
    "others": gettext_lazy("Waiting for others"),
    "ageing": gettext_lazy("Waiting longest"),
    "live": gettext_lazy("Live now"),
    "ending": gettext_lazy("Ends within 24 h"),
    "decided": gettext_lazy("Decided"),
    "all": gettext_lazy("All"),
}


@login_required
@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    """A tab of the inbox."""
    by = actor_of(request, "exceptions.view_case")
    tab = request.GET.get("tab", "waiting")
    if tab not in TABS:
        raise NotFound(_("There is no such list."))
    now = clock.now()
    counts = selectors.approval_counts(by=by, now=now)
    tabs = [(name, title, counts.get(name)) for name, title in TABS.items()]
    context = {"tab": tab, "tabs": tabs, "counts": counts, "now": now}
    if tab == "ageing":
        rows = selectors.waiting_longest(by=by, now=now)
        return render(request, "exceptions/ageing.html", {**context, "rows": rows})
    book = rules.active_book()
    listed = selectors.approvals(by=by, tab=tab, now=now)
    given = selectors.approvals_given(listed)
    waivers = [
        (waiver, gate.name, selectors.gate_owner(gate, book), waiver.requested_by == by.id, given.get(waiver.pk, 0))
        for waiver in listed
        for gate in [book.gate(waiver.gate)]
    ]
    return render(request, "exceptions/approvals.html", {**context, "waivers": waivers})


@login_required
@require_http_methods(["GET", "POST"])
def delegates(request: HttpRequest) -> HttpResponse:
    """Who decides instead of me, and instead of whom I decide."""
    by = actor_of(request, "exceptions.decide_waiver" if request.method == "POST" else "exceptions.view_case")
    now = clock.now()
    form = DelegateForm(request.POST or None, able=possible_delegates(by), initial={"starts_at": now})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            begun = services.delegate_approvals(**given, by=by, now=now)
        except Invalid as invalid:
            explain(form, invalid)
        else:
            messages.success(request, _("%(name)s can decide for you.") % {"name": begun.delegate.name})
            return redirect("exceptions:delegates")
    context = {
        "form": form,
        "delegations": delegations_of(by, now=now),
        "can_delegate": by.may("exceptions.decide_waiver"),
    }
    return render(request, "exceptions/delegates.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def end_delegation(request: HttpRequest, key: UUID) -> HttpResponse:
    """End one before its time."""
    by = actor_of(request, "exceptions.view_case")
    services.end_delegation(delegation_id=key, by=by, now=clock.now())
    messages.success(request, _("It has ended."))
    return redirect("exceptions:delegates")
