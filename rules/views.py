"""Contracts, for those who answer for them: what waits for their act, and the acts; and the frozen rule books."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid, NotFound, StaleVersion
from audit.texts import whole_number
from audit.words import in_words
from rules import selectors, services
from rules.forms import DraftForm, TextForm, VersionForm
from rules.models import Contract
from rules.selectors import book_pages
from rules.selectors.answering import ContractPage
from rules.states import Slot

SEEING = "rules.view_rules"
MOST_DIGITS = 9  # what an integer column surely holds

Run = Callable[[Contract, Mapping[str, Any], Actor, datetime], object]
Begin = Callable[[ContractPage], Mapping[str, Any]]


@dataclass(frozen=True)
class Act:
    """One act of one owner: its form and with what that begins, what it calls, its title, its button and what is said afterwards."""

    slot: Slot
    form: Callable[..., forms.Form]
    begin: Begin
    run: Run
    title: str | Promise
    button: str | Promise
    said: str | Promise
    more: Mapping[str, Any] = field(default_factory=dict)


@login_required
@require_safe
def contracts(request: HttpRequest) -> HttpResponse:
    """What waits for the reader, the reader's contracts, and all of them."""
    by = actor_of(request, SEEING)
    page = selectors.contracts_page(by=by, shows_all=request.GET.get("show") == "all")
    return render(request, "rules/contracts.html", {"page": page})


@login_required
@require_safe
def contract(request: HttpRequest, contract: str) -> HttpResponse:
    """One contract: who answers for what, its versions, and the schema of one of them."""
    by = actor_of(request, SEEING)
    page = selectors.contract_page(by=by, name=contract, number=_number(request.GET.get("version", "")))
    return render(request, "rules/contract.html", {"page": page, "slots": _slots(page)})


def _number(text: str) -> int | None:
    """A version's number; one that is none leads to no version."""
    return (whole_number(text, most_digits=MOST_DIGITS) or 0) if text else None


def _slots(page: ContractPage) -> list[dict[str, Any]]:
    """The three owners, each with the acts that are theirs beside those on one version."""
    acts: dict[Slot, list[tuple[str, Any]]] = {slot: [] for slot in Slot}
    for name, act in ACTS.items():
        if act.form is not VersionForm:
            acts[act.slot].append((name, act.button))
    return [
        {
            "label": slot.label,
            "owner": getattr(page.contract, slot),
            "is_mine": slot in page.mine,
            "acts": acts[slot] if slot in page.open_to else [],
        }
        for slot in Slot
    ]


@login_required
@require_safe
def books(request: HttpRequest) -> HttpResponse:
    """The frozen rule books, newest first."""
    by = actor_of(request, SEEING)
    rows, following = book_pages.book_rows(by, before=_number(request.GET.get("before", "")))
    context = {"rows": rows, "next_before": following, "can_freeze": by.may("rules.freeze_rules")}
    return render(request, "rules/books.html", context)


@login_required
@require_safe
def book(request: HttpRequest, number: str) -> HttpResponse:
    """One of them: who froze it, when and why, what it changed, and what it decided."""
    by = actor_of(request, SEEING)
    page = book_pages.book_page(by, _number(number) or 0, against=_number(request.GET.get("against", "")))
    return render(request, "rules/book.html", {"page": page})


@login_required
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, contract: str, act: str) -> HttpResponse:
    """An act of one of the three: its form, and doing it. Refused for whose it is not."""
    by, chosen = actor_of(request, SEEING), ACTS.get(act)
    if chosen is None:
        raise NotFound(_("There is no such act."))
    page = selectors.contract_page(by=by, name=contract, number=_number(request.GET.get("version", "")))
    services.refuse_unless_theirs(by=by, contract=page.contract, slot=chosen.slot)
    form = chosen.form(request.POST or None, initial=chosen.begin(page), **chosen.more)
    stale = None
    if request.method == "POST" and form.is_valid():
        try:
            chosen.run(page.contract, form.cleaned_data, by, clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except StaleVersion as changed:
            stale = changed
        except Conflict as conflict:
            messages.warning(request, in_words(conflict.message))
            return redirect("rules:contract", contract)
        else:
            messages.success(request, str(chosen.said))
            return redirect("rules:contract", contract)
    context = {"page": page, "act": chosen, "form": form, "stale": stale}
    return render(request, "rules/contract_act.html", context, status=409 if stale else 422 if form.errors else 200)


def _begin_text(name: str) -> Begin:
    return lambda page: {"seen": page.contract.version, "text": getattr(page.contract, name)}


def _begin_version(page: ContractPage) -> Mapping[str, Any]:
    return {"seen": page.shown.version, "number": page.shown.number} if page.shown else {}


def _begin_draft(page: ContractPage) -> Mapping[str, Any]:
    return {"schema": page.shown.schema, "pii": "\n".join(page.shown.pii)} if page.shown else {}


def _draft(contract: Contract, given: Mapping[str, Any], by: Actor, now: datetime) -> object:
    return services.draft_contract_version(contract=contract, schema=given["schema"], pii=given["pii"], by=by, now=now)


def _publish(contract: Contract, given: Mapping[str, Any], by: Actor, now: datetime) -> object:
    return services.publish_contract_version(**_version(contract, given), by=by, now=now)


def _retire(contract: Contract, given: Mapping[str, Any], by: Actor, now: datetime) -> object:
    return services.retire_contract_version(**_version(contract, given), by=by, now=now)


def _version(contract: Contract, given: Mapping[str, Any]) -> dict[str, Any]:
    version = selectors.contract_version(contract, given["number"])
    return {"version_id": version.pk, "reason": given["reason"], "seen": given["seen"]}


def _describe(contract: Contract, given: Mapping[str, Any], by: Actor, now: datetime) -> object:
    return services.describe_contract(name=contract.name, description=given["text"], seen=given["seen"], by=by, now=now)


def _runbook(contract: Contract, given: Mapping[str, Any], by: Actor, now: datetime) -> object:
    return services.write_runbook(name=contract.name, runbook=given["text"], seen=given["seen"], by=by, now=now)


def _accept(contract: Contract, given: Mapping[str, Any], by: Actor, now: datetime) -> object:
    return services.accept_contract_risk(name=contract.name, risk=given["text"], seen=given["seen"], by=by, now=now)


ACTS: Mapping[str, Act] = {
    "draft": Act(
        Slot.CONTRACT,
        DraftForm,
        _begin_draft,
        _draft,
        gettext_lazy("Draft the next version"),
        gettext_lazy("Draft the next version"),
        gettext_lazy("It is written. Nothing changes before it is put in force."),
    ),
    "publish": Act(
        Slot.CONTRACT,
        VersionForm,
        _begin_version,
        _publish,
        gettext_lazy("Put this version in force"),
        gettext_lazy("Put in force"),
        gettext_lazy("It is in force. The version before it is still accepted."),
    ),
    "retire": Act(
        Slot.CONTRACT,
        VersionForm,
        _begin_version,
        _retire,
        gettext_lazy("Stop accepting this version"),
        gettext_lazy("Retire"),
        gettext_lazy("It is no longer accepted."),
    ),
    "describe": Act(
        Slot.CONTRACT,
        TextForm,
        _begin_text("description"),
        _describe,
        gettext_lazy("Say what it means"),
        gettext_lazy("Say what it means"),
        gettext_lazy("Kept."),
        {"label": gettext_lazy("What it means, and how often it comes")},
    ),
    "runbook": Act(
        Slot.EXECUTION,
        TextForm,
        _begin_text("runbook"),
        _runbook,
        gettext_lazy("Write what to do when it breaks"),
        gettext_lazy("Write the runbook"),
        gettext_lazy("Kept."),
        {"label": gettext_lazy("What to do when it breaks, and what runs by itself")},
    ),
    "accept-risk": Act(
        Slot.BUSINESS,
        TextForm,
        _begin_text("residual_risk"),
        _accept,
        gettext_lazy("Accept what remains risky"),
        gettext_lazy("Accept the risk"),
        gettext_lazy("Accepted in your name."),
        {"label": gettext_lazy("What is known to go wrong and is lived with")},
    ),
}
