"""What people set for themselves: how pages look."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit import clock
from audit.context import Actor
from audit.errors import Refused
from exceptions import services
from exceptions.forms.settings import DisplayForm


def _asking(request: HttpRequest) -> Actor:
    """Whoever is signed in: this is about nobody else. Raises `Refused`."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Refused(_("Sign in first."))
    return actor


@login_required
@require_http_methods(["GET", "POST"])
def display(request: HttpRequest) -> HttpResponse:
    """Colours, density, and what follows a finished exception."""
    by = _asking(request)
    chosen = {name: getattr(request.user, name) for name in DisplayForm.base_fields}
    form = DisplayForm(request.POST or None, initial=chosen)
    if request.method == "POST" and form.is_valid():
        services.choose_display(chosen=form.cleaned_data, by=by, now=clock.now())
        messages.success(request, _("Kept. It holds in every browser you sign in with."))
        return redirect("exceptions:display")
    return render(request, "exceptions/display.html", {"form": form}, status=422 if form.errors else 200)
