"""Pages of no app: sign-in, the way in, search, status."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from audit import clock
from audit.access import Role
from audit.context import Actor
from audit.errors import NotFound
from audit.services.refusals import tally_refusal
from config import guide, health
from config.shell import may_open
from exceptions import selectors as exceptions
from orders.fulfilment import selectors as fulfilment
from orders.fulfilment.management import demo
from orders.sync import selectors as sync

HELP_PARTS = ("start", "pages", "glossary", "shortcuts", "news")
MOST_TRIES = 5
WAIT_SECONDS = 30


class SignInForm(AuthenticationForm):
    """The same sentence for an unknown name and a wrong password."""

    error_messages = {  # noqa: RUF012 -- the base class's shape
        "invalid_login": gettext_lazy("That username and password do not match."),
        "inactive": gettext_lazy("That username and password do not match."),
        "wait": gettext_lazy("Too many tries. Wait %(n)d seconds."),
    }


class SignIn(LoginView):
    """One card; a pause after five wrong tries."""

    template_name = "registration/signin.html"
    redirect_authenticated_user = True
    authentication_form = SignInForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse to try while the pause lasts."""
        if cache.get(self._key(), 0) >= MOST_TRIES:
            form = SignInForm(request, data=None)
            waited = SignInForm.error_messages["wait"] % {"n": WAIT_SECONDS}
            return self.render_to_response(self.get_context_data(form=form, waited=waited), status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Count the try, for the pause and for the trail."""
        cache.set(self._key(), cache.get(self._key(), 0) + 1, WAIT_SECONDS)
        tally_refusal(source="signin", code="wrong-password", what="POST /signin/", now=clock.now())
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The demo shows its accounts."""
        return {**super().get_context_data(**kwargs), "accounts": _demo_accounts()}

    def _key(self) -> str:
        name = self.request.POST.get("username", "")[:100].lower()
        return f"signin:{self.request.META.get('REMOTE_ADDR', '')}:{hash(name)}"


class SignOut(LogoutView):
    """Back to the sign-in page."""

    next_page = "signin"


def _demo_accounts() -> list[dict[str, str]]:
    if not settings.DEMO:
        return []
    return [{"username": one.username, "role": one.what, "password": demo.DEMO_PASSWORD} for one in demo.DEMO_ACCOUNTS]


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The page a person's role starts on."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if Role.OPS_LEAD in actor.roles:
        return redirect(
            "exceptions:approvals" if exceptions.waiting_for(by=actor, now=clock.now()).exists() else "exceptions:team"
        )
    landing = {
        Role.ADMIN: "exceptions:team",
        Role.AUDITOR: "audit:trail",
        Role.SUPPORT: "fulfilment:orders",
        Role.ACCOUNT_MANAGER: "exceptions:queue",
    }
    for role, route in landing.items():
        if role in actor.roles:
            return redirect(route)
    return redirect("status")


@login_required
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Exact keys jump; words list exceptions and orders."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    words = request.GET.get("q", "").strip()
    now = clock.now()
    cases = (
        exceptions.queue_page(by=actor, filters=exceptions.QueueFilters(scope="team", q=words, per=25), now=now).rows
        if words
        else []
    )
    orders = (
        fulfilment.order_page(by=actor, filters=fulfilment.OrderFilters(q=words, per=25), now=now).rows if words else []
    )
    if len(cases) == 1 and cases[0].key == words.upper():
        return redirect("exceptions:case", cases[0].key)
    if len(orders) == 1 and words in {orders[0].key, orders[0].number}:
        return redirect("fulfilment:order", orders[0].key)
    return render(
        request,
        "search.html",
        {"words": words, "cases": cases, "orders": orders, "nothing": gettext_lazy("Nothing found.")},
    )


@login_required
@require_GET
def status(request: HttpRequest) -> HttpResponse:
    """Timers, intake and delivery, and what waits for them."""
    now = clock.now()
    actor: Actor = request.actor  # type: ignore[attr-defined]
    can_escalate = actor.may("exceptions.fire_timers")
    known = health.status(now)
    health.raise_alarm(known.parts, now)
    context = {
        "status": known,
        "lags": sync.lags_for(actor, now),
        "can_escalate": can_escalate,
        "overdue": exceptions.overdue_timers(now=now) if can_escalate else 0,
    }
    return render(request, "status.html", context)


@login_required
@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """How to begin, what each page is for, the words, the keys, and what is new."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    pages = [
        (guide.anchor(route), title, words, reverse(route) if may_open(route, actor) else "")
        for route, (title, words) in guide.PAGES.items()
    ]
    context = {
        "starts": guide.starts_for(actor.roles),
        "pages": pages,
        "glossary": guide.GLOSSARY,
        "releases": guide.releases(),
    }
    return render(request, "help.html", context)


@login_required
@require_GET
def help_part(request: HttpRequest, part: str) -> HttpResponse:
    """A part of the help page by its own address."""
    del request
    if part not in HELP_PARTS:
        raise NotFound(_("Help has no such part."))
    return redirect(f"{reverse('help')}#{part}")
