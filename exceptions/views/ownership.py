"""Whether everything has somebody, whose turn it is, and who has something only for a while."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid
from audit.texts import whole_number
from audit.words import in_words
from exceptions import selectors, services
from exceptions.forms.people import LendForm
from rules import services as rules

SEEING, LENDING = "rules.view_rules", "rules.manage_absence"


@login_required
@require_safe
def gaps(request: HttpRequest) -> HttpResponse:
    """What nobody is behind, and what nobody took in time."""
    by = actor_of(request, SEEING)
    page = selectors.gap_page(by=by, now=clock.now())
    return render(request, "exceptions/gaps.html", {"page": page, "can_edit": by.may("rules.edit_rules")})


@login_required
@require_safe
def rotation(request: HttpRequest) -> HttpResponse:
    """Who has answered for which flow and rule since when, the longest first."""
    by = actor_of(request, SEEING)
    page = selectors.rotation_page(by=by, now=clock.now())
    return render(request, "exceptions/rotation.html", {"page": page, "can_edit": by.may("rules.edit_rules")})


@login_required
@require_POST
def rotate(request: HttpRequest) -> HttpResponse:
    """The next of the team answers for it from now on."""
    by = actor_of(request, "rules.edit_rules")
    seen = request.POST.get("seen", "")
    try:
        done = rules.rotate_ownership(
            kind=request.POST.get("kind", ""),
            slug=request.POST.get("slug", ""),
            by=by,
            now=clock.now(),
            seen=whole_number(seen),
        )
    except Conflict as refused:
        messages.warning(request, in_words(refused.message))
        return redirect("exceptions:rotation")
    said = _("%(owner)s answers for “%(what)s” now.") % {"owner": done.owner.name, "what": done.what}
    waits = _("Other edits wait too, so it takes effect with the next rule book.")
    messages.success(request, said if done.is_in_force else f"{said} {waits}")
    return redirect("exceptions:rotation")


@login_required
@require_http_methods(["GET", "POST"])
def temporary(request: HttpRequest) -> HttpResponse:
    """Who has what for a while, and giving it to somebody."""
    by, now = actor_of(request, SEEING), clock.now()
    page = selectors.lending_page(by=by, now=now)
    form = LendForm(request.POST or None, places=page.places, able=page.able)
    if request.method == "POST":
        actor_of(request, LENDING)
    if request.method == "POST" and form.is_valid():
        try:
            lent = services.lend(by=by, now=now, **form.cleaned_data)
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            form.add_error("what", in_words(refused.message))
        else:
            messages.success(request, _("%(name)s has it now.") % {"name": lent.holder.name})
            return redirect("exceptions:temporary")
    context = {"page": page, "form": form, "can_lend": by.may(LENDING)}
    return render(request, "exceptions/temporary.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def give_back(request: HttpRequest) -> HttpResponse:
    """It ends before its time."""
    by = actor_of(request, LENDING)
    try:
        lending_id = UUID(request.POST.get("lending", ""))
    except ValueError:
        raise Invalid(_("There is no such temporary ownership.")) from None
    services.give_back(lending_id=lending_id, by=by, now=clock.now())
    messages.success(request, _("It went back."))
    return redirect("exceptions:temporary")
