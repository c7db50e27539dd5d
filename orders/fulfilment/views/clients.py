"""Clients: whether orders of each can come, and setting up a new one, or a brand or product line of one."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid, NotFound
from audit.words import in_words
from orders.fulfilment.decisions.clients import Draft
from orders.fulfilment.forms.clients import ConnectStoreForm, NewClientForm, NewLineForm, TryMessageForm
from orders.fulfilment.selectors import clients as found
from orders.fulfilment.selectors import stores, templates
from orders.fulfilment.services import clients as services
from orders.fulfilment.services import connecting
from orders.fulfilment.services.clients import SetUp
from rules.selectors import registry

EDITING = "rules.edit_rules"
CONFIRM = "confirm"
Show = Callable[[Any], Draft]
Make = Callable[[Any, dict[str, Any]], SetUp]


@login_required
@require_safe
def clients(request: HttpRequest) -> HttpResponse:
    """The clients one works for."""
    by = actor_of(request, registry.PERMISSION)
    context = {"clients": found.clients_page(by), "can_set_up": _can_set_up(by)}
    return render(request, "orders/clients.html", context)


@login_required
@require_safe
def client(request: HttpRequest, key: str) -> HttpResponse:
    """One client: whether orders can come, what is missing, and what is its own."""
    by = actor_of(request, registry.PERMISSION)
    context = {
        "page": found.client_page(key, by=by, now=clock.now()),
        "can_edit": by.may(EDITING),
        "can_connect": by.may(connecting.PERMISSION),
        "can_set_up": _can_set_up(by),
    }
    return render(request, "orders/client.html", context)


def _can_set_up(by: Actor) -> bool:
    return by.clients is None and all(by.may(permission) for permission in services.NEEDS)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def new_client(request: HttpRequest) -> HttpResponse:
    """Choose a template, fill in what is different, see what it makes, then make it."""
    by, now = actor_of(request, EDITING), clock.now()
    key = request.GET.get("template", "")
    if not key:
        return render(request, "orders/client_templates.html", {"templates": templates.templates_for(by)})
    choices = templates.client_choices(key, by=by)
    form = NewClientForm(request.POST or None, choices=choices)
    context = {"form": form, "title": choices.title, "client": None}
    return _set_up(
        request,
        form,
        context,
        show=lambda wish: services.draft_client(wish=wish, by=by),
        make=lambda wish, given: services.set_up_client(wish=wish, **given, by=by, now=now),
    )


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def new_line(request: HttpRequest, key: str) -> HttpResponse:
    """Say which orders are of the brand or product line and who owns them, see what it makes, then make it."""
    by, now = actor_of(request, EDITING), clock.now()
    about = found.client_called(key, by=by)
    form = NewLineForm(request.POST or None, choices=templates.line_choices())
    return _set_up(
        request,
        form,
        {"form": form, "title": about.name, "client": about},
        show=lambda wish: services.draft_line(client=about, wish=wish, by=by),
        make=lambda wish, given: services.set_up_line(client=about, wish=wish, **given, by=by, now=now),
    )


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def client_store(request: HttpRequest, key: str) -> HttpResponse:
    """Connect the client's store: choose what it is, give its secret, and see a message go through."""
    by, now = actor_of(request, connecting.PERMISSION), clock.now()
    about = found.client_called(key, by=by)
    try:
        page = stores.store_page(about, now=now)
    except NotFound as missing:
        messages.warning(request, in_words(missing.message))
        return redirect("fulfilment:client", about.slug)
    tries = "body" in request.POST
    form = ConnectStoreForm(request.POST if request.POST and not tries else None, kinds=page.kinds)
    shown = next(iter(page.connected), "")
    message = TryMessageForm(request.POST if tries else None, initial={"kind": shown, "body": stores.sample_of(shown)})
    asked, tried = (message if tries else form), []
    if request.method == "POST" and asked.is_valid():
        given = asked.cleaned_data
        try:
            if not tries:
                connecting.connect_store(client=about, **given, by=by, now=now)
                messages.success(request, _("The store is connected. Try a message now."))
                return redirect("fulfilment:client-store", about.slug)
            tried = connecting.try_message(client=about, **given, by=by, now=now)
        except Invalid as invalid:
            explain(asked, invalid)
    context = {"page": page, "form": form, "message": message if shown else None, "tried": tried, "asked": asked}
    works = bool(tried) and all(one.is_ok for one in tried)
    context["works"] = works
    return render(request, "orders/store.html", context, status=422 if asked.errors else 200)


def _set_up(request: HttpRequest, form: Any, context: dict[str, Any], *, show: Show, make: Make) -> HttpResponse:
    """Shown first, made when what was shown is confirmed; what was typed stays."""
    shown: Draft | None = None
    changed: Conflict | None = None
    if request.method == "POST" and form.is_valid():
        try:
            if CONFIRM in request.POST and form.cleaned_data["seen"]:
                given = {name: form.cleaned_data[name] for name in ("reason", "seen")}
                return _made(request, make(form.wish(), given))
            shown = show(form.wish())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as conflict:
            changed, shown = conflict, show(form.wish())
    if shown is not None:
        form.data = form.data.copy()
        form.data["seen"] = shown.digest
    status = 409 if changed else 422 if form.errors else 200
    told = {**context, "shown": services.counted(shown) if shown else None, "changed": changed}
    return render(request, "orders/set_up.html", told, status=status)


def _made(request: HttpRequest, made: SetUp) -> HttpResponse:
    """What came of it, with the secrets, which are shown this once."""
    context = {"made": made, "counts": services.counted(made.draft)}
    return render(request, "orders/set_up_done.html", context, status=201)
