"""What waits for a decision and for how long, what is live, what was decided, and who decides instead of whom."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to, explain
from audit.errors import Invalid, NotFound
from audit.words import in_words
from exceptions import selectors, services
from exceptions.ageing import Waiting
from exceptions.counting import counted
from exceptions.forms.waivers import DelegateForm
from exceptions.job_kinds import action_of
from exceptions.models import JobPlan, Waiver
from exceptions.selectors.approvers import delegations_of, possible_delegates
from exceptions.selectors.jobs import items_for, job_called
from exceptions.states import ItemState
from exceptions.views.plans import confirmed, plan_page
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

WAITS_FOR_ME = {"waiting": True, "others": False}


@dataclass(frozen=True)
class Row:
    """A line: a time-limited exception, its gate, who answers for that, how many approved, what it is for; or another decision."""

    due_at: datetime
    waiver: Waiver | None = None
    gate: str = ""
    gate_owner: str = ""
    is_own: bool = False
    given: int = 0
    lets_through: str = ""
    other: Waiting | None = None


@login_required
@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    """A tab of the inbox."""
    by = actor_of(request, "exceptions.view_case")
    tab = request.GET.get("tab", "waiting")
    if tab not in TABS:
        raise NotFound(_("There is no such list."))
    now = clock.now()
    counts, others = selectors.approval_counts(by=by, now=now), selectors.other_decisions(by=by, now=now)
    for name, is_mine in WAITS_FOR_ME.items():
        counts[name] += sum(one.decides == is_mine for one in others)
    tabs = [(name, title, counts.get(name)) for name, title in TABS.items()]
    can_choose = tab == "waiting" and by.may("exceptions.decide_waiver")
    context = {"tab": tab, "tabs": tabs, "counts": counts, "now": now, "can_choose": can_choose}
    if tab == "ageing":
        ageing = selectors.waiting_longest(by=by, now=now)
        return render(request, "exceptions/ageing.html", {**context, "rows": ageing})
    rows = _waivers(by, tab, now)
    if tab in WAITS_FOR_ME:
        found = [one for one in others if one.decides == WAITS_FOR_ME[tab]]
        rows = sorted(
            [*rows, *(Row(one.due_at, other=one, is_own=one.is_own) for one in found)], key=attrgetter("due_at")
        )
    return render(request, "exceptions/approvals.html", {**context, "rows": rows})


def _waivers(by: Actor, tab: str, now: datetime) -> list[Row]:
    book = rules.active_book()
    listed = selectors.approvals(by=by, tab=tab, now=now)
    given = selectors.approvals_given(listed)
    return [
        Row(
            waiver.answer_by,
            waiver,
            gate.name,
            selectors.gate_owner(gate, book),
            waiver.requested_by == by.id,
            given.get(waiver.pk, 0),
            counted(waiver.subject_type, len(waiver.allowed_ids if waiver.starts_at else waiver.subject_keys)),
        )
        for waiver in listed
        for gate in [book.gate(waiver.gate)]
    ]


@login_required
@require_POST
def decide_many(request: HttpRequest) -> HttpResponse:
    """A plan to deny the chosen requests or to ask about them; confirmed, the job that does it. Nobody approves many."""
    by = actor_of(request, "exceptions.decide_waiver")
    home = back_to(request, reverse("exceptions:approvals"))
    show = partial(plan_page, request, "exceptions/plan_decisions.html", home)
    if "plan" in request.POST:
        return confirmed(request, by, home, partial(_plan_again, by), show)
    keys, now = request.POST.getlist("id"), clock.now()
    if "job" in request.POST:
        job = job_called(by, request.POST["job"])
        keys = list(items_for(by, job).exclude(state=ItemState.DONE).values_list("key", flat=True))
    try:
        plan = services.plan_decisions(action=request.POST.get("do", ""), keys=keys, by=by, now=now) if keys else None
    except Invalid as invalid:
        messages.warning(request, in_words(invalid.message))
        return redirect(home)
    if plan is None:
        messages.warning(request, _("Choose at least one request and what to do with it."))
        return redirect(home)
    return show(plan)


def _plan_again(by: Actor, plan: JobPlan, now: datetime) -> JobPlan:
    keys = [item["key"] for item in plan.items]
    return services.plan_decisions(action=action_of(plan.kind), keys=keys, by=by, now=now)


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
