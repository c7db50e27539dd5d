"""Pages of no app: the way in, search, status."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from audit import clock
from audit.access import Role
from audit.context import Actor
from audit.errors import NotFound
from audit.selectors.trail import event_called
from config import guide, health, news
from config.shell import may_open
from exceptions import selectors as exceptions
from orders.fulfilment import selectors as fulfilment
from orders.sync import selectors as sync
from rules import selectors as rules
from rules.models import Runbook
from rules.runbooks import about
from rules.states import Covered

HELP_PARTS = ("start", "pages", "glossary", "shortcuts", "news")


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
        Role.PACKER: "fulfilment:checks",
    }
    for role, route in landing.items():
        if role in actor.roles:
            return redirect(route)
    return redirect("status")


@login_required
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Exact keys jump, and so do ids of events of the trail; words list exceptions, orders and what came in."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    words, now = request.GET.get("q", "").strip(), clock.now()
    context: dict[str, Any] = {"words": words, "cases": [], "orders": [], "told": []}
    if words.isprintable() and words:
        filters = exceptions.QueueFilters(scope="team", q=words, per=25)
        cases = exceptions.queue_page(by=actor, filters=filters, now=now).rows
        told = sync.events_called(by=actor, words=words)
        orders = _orders_called(words, actor) or (_orders_called(told[0].subject, actor) if told else [])
        if place := _exactly(words, cases, orders) or _in_the_trail(words, actor):
            return redirect(place)
        context |= {"cases": cases, "orders": orders, "told": told}
    return render(request, "search.html", context)


def _orders_called(words: str, actor: Actor) -> Sequence[fulfilment.OrderRow]:
    return fulfilment.order_page(by=actor, filters=fulfilment.OrderFilters(q=words, per=25), now=clock.now()).rows


def _exactly(words: str, cases: Sequence[exceptions.CaseRow], orders: Sequence[fulfilment.OrderRow]) -> str:
    """Where the one thing is that is called just that."""
    if len(cases) == 1 and cases[0].key == words.upper():
        return reverse("exceptions:case", args=[cases[0].key])
    if len(orders) == 1 and words in {orders[0].key, orders[0].number}:
        return reverse("fulfilment:order", args=[orders[0].key])
    return ""


def _in_the_trail(words: str, actor: Actor) -> str:
    event = event_called(by=actor, words=words)
    return reverse("audit:event", args=[event.pk]) if event else ""


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
        "parts": _with_runbooks(known.parts),
        "status": known,
        "pauses": _pauses(actor, now) if known.paused_by_hand else [],
        "lags": sync.measured_lags_for(actor, now),
        "can_escalate": can_escalate,
        "overdue": exceptions.overdue_timers(now=now) if can_escalate else 0,
    }
    return render(request, "status.html", context)


def _pauses(actor: Actor, now: datetime) -> list[tuple[exceptions.Pause, str]]:
    """What is paused by hand of what exists for the reader, with the name of the gate that was opened."""
    names = {gate.slug: gate.name for gate in rules.active_book().gates()}
    return [(one, names.get(one.waiver.gate, one.waiver.gate)) for one in exceptions.pauses(by=actor, now=now)]


def _with_runbooks(parts: Sequence[health.Part]) -> list[tuple[health.Part, list[Runbook]]]:
    """Each part with what to do when it does not run."""
    named = {about(Covered.ALERT, part.name): part for part in parts}
    found = rules.runbooks_about(named) if parts[0].light is not health.Light.RED else {}
    return [(part, found.get(name, [])) for name, part in named.items()]


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
        "releases": news.releases(),
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
