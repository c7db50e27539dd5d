"""Keeping views of lists: the page about them, and what is done with one."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, back_to, explain
from audit.errors import Invalid
from exceptions import list_pages, selectors, services
from exceptions.forms import ViewForm
from exceptions.views.fragments import number_of

VIEW = "exceptions.view_case"


def opened(page: str, query: str, number: int) -> HttpResponseRedirect:
    """The list, showing the view."""
    pairs = f"{query}&" if query else ""
    return HttpResponseRedirect(
        f"{reverse(list_pages.list_page(page).route)}?{pairs}{urlencode({'view': number or 'all'})}"
    )


@login_required
@require_GET
def views(request: HttpRequest) -> HttpResponse:
    """One's own views and those one's teams share, list by list."""
    by = actor_of(request, VIEW)
    context = {"pages": selectors.views_page(by), "teams": selectors.teams_of(by)}
    return render(request, "exceptions/views.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def save(request: HttpRequest, page: str) -> HttpResponse:
    """Keep what a list shows under a name."""
    where = list_pages.list_page(page)
    by = actor_of(request, where.permission)
    asked = list_pages.canonical_query(request.GET.urlencode())
    form = ViewForm(request.POST or None, teams=selectors.teams_of(by), initial={"query": asked})
    if request.method == "POST" and form.is_valid():
        try:
            view = services.save_view(page=page, by=by, now=clock.now(), **form.cleaned_data)
        except Invalid as invalid:
            explain(form, invalid)
        else:
            messages.success(request, _("“%(title)s” is saved.") % {"title": view.title})
            return opened(page, view.query, view.number)
    context = {"form": form, "where": where, "back": f"{reverse(where.route)}?{asked or 'view=all'}"}
    return render(request, "exceptions/view_save.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def change(request: HttpRequest, number: int) -> HttpResponse:
    """Another name, another team."""
    by = actor_of(request, VIEW)
    title, team = request.POST.get("title", ""), request.POST.get("team", "")
    view = services.change_view(
        number=number, title=title, team=team, seen=number_of(request.POST.get("seen", "")), by=by, now=clock.now()
    )
    messages.success(request, _("“%(title)s” is changed.") % {"title": view.title})
    return redirect("exceptions:views")


@login_required
@require_POST
def change_query(request: HttpRequest, number: int) -> HttpResponse:
    """From now on it shows what is on the screen."""
    by = actor_of(request, VIEW)
    query = request.POST.get("query", "")
    view = services.change_view_query(
        number=number, query=query, seen=number_of(request.POST.get("seen", "")), by=by, now=clock.now()
    )
    messages.success(request, _("“%(title)s” is changed.") % {"title": view.title})
    return opened(view.page, view.query, view.number)


@login_required
@require_POST
def delete(request: HttpRequest, number: int) -> HttpResponse:
    """Gone for everybody."""
    by = actor_of(request, VIEW)
    view = services.delete_view(number=number, seen=number_of(request.POST.get("seen", "")), by=by, now=clock.now())
    messages.success(request, _("“%(title)s” is deleted.") % {"title": view.title})
    return redirect("exceptions:views")


@login_required
@require_POST
def make_default(request: HttpRequest, page: str) -> HttpResponse:
    """See a view first on its list, or the whole list."""
    by = actor_of(request, list_pages.list_page(page).permission)
    number = number_of(request.POST.get("view", "")) or None
    services.set_default_view(page=page, number=number, by=by, now=clock.now())
    messages.success(request, _("Kept. It is what you see first."))
    return redirect(back_to(request, reverse("exceptions:views")))
