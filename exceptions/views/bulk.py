"""One act on many exceptions: the plan, then the act on exactly what the plan showed, then what came of each."""

import re
from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from audit import clock
from audit.context import Actor
from exceptions import selectors, services
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX
from exceptions.states import RootCause
from exceptions.views.edge import actor_of, back_to
from rules import selectors as rules
from rules.models import Owner

KEY = re.compile(rf"^{KEY_PREFIX}(\d{{1,15}})$", re.ASCII)
VERSION = re.compile(r"^\d{1,9}$", re.ASCII)
BUTTONS = {
    "acknowledge": gettext_lazy("Take"),
    "reassign": gettext_lazy("Reassign"),
    "note": gettext_lazy("Add note"),
    "resolve": gettext_lazy("Resolve"),
}


@login_required
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """A plan for an act on the chosen rows or a whole cause; confirmed, the act on exactly those."""
    by = actor_of(request, "exceptions.work_case")
    action = request.POST.get("do", "")
    home = back_to(request, "/queue/")
    cases = _chosen(request, by)
    if not cases or action not in services.BATCH_ACTS:
        messages.warning(request, _("Choose at least one exception and what to do with it."))
        return redirect(home)
    if len(cases) > services.MOST_AT_ONCE:
        messages.warning(request, _("At most %(most)d at once; choose fewer.") % {"most": services.MOST_AT_ONCE})
        return redirect(home)
    context = {"action": action, "button": BUTTONS[action], "home": home}
    if "confirm" in request.POST:
        outcomes = services.act_on_cases(
            action=action, chosen=_as_planned(request, cases), given=_given(request), by=by, now=clock.now()
        )
        refused = [one for one in outcomes if one.why]
        context |= {"done": [one for one in outcomes if not one.why], "refused": refused}
        return render(request, "exceptions/outcomes.html", context)
    context |= {
        "rows": selectors.rows_of(cases, by=by, now=clock.now()),
        "owners": _owners(),
        "outcomes": _common_outcomes(cases),
        "root_causes": RootCause.choices,
    }
    return render(request, "exceptions/plan.html", context)


def _chosen(request: HttpRequest, by: Actor) -> list[ExceptionCase]:
    """What was ticked, or all of a cause as far as one act reaches."""
    if "cause" in request.POST:
        kind, cause = request.POST.get("type", ""), request.POST["cause"]
        return selectors.cases_of_cause(by=by, kind=kind, cause=cause, most=services.MOST_AT_ONCE)
    keys = [KEY.match(key) for key in request.POST.getlist("id")[: services.MOST_AT_ONCE + 1]]
    return selectors.chosen_cases(by=by, numbers=[int(key[1]) for key in keys if key])


def _as_planned(request: HttpRequest, cases: Sequence[ExceptionCase]) -> list[services.Chosen]:
    """The cases at the versions the plan showed; one it did not show is taken as overtaken."""
    pairs = zip(request.POST.getlist("id"), request.POST.getlist("seen"), strict=False)
    seen = {key: int(version) for key, version in pairs if VERSION.match(version)}
    return [services.Chosen(case.pk, case.key, seen.get(case.key, 0)) for case in cases]


def _given(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "").strip() for name in ("to", "reason", "text", "outcome", "root_cause")}


def _owners() -> list[Owner]:
    owners = rules.roster(clock.now()).owners.values()
    return sorted((owner for owner in owners if owner.is_active), key=lambda owner: owner.name)


def _common_outcomes(cases: Sequence[ExceptionCase]) -> list[tuple[str, str]]:
    """The ways to resolve that every one of them allows."""
    allowed = [{row["slug"]: row["label"] for row in case.outcomes} for case in cases]
    return [(slug, label) for slug, label in allowed[0].items() if all(slug in others for others in allowed)]
