"""Shared causes: what exceptions have in common, and what people make of that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to, explain
from audit.errors import Conflict, Invalid, NotFound
from audit.texts import whole_number
from audit.words import in_words
from exceptions import selectors, services
from exceptions.forms.causes import MergeCauseForm, MuteCauseForm, RenameCauseForm, SplitCauseForm
from exceptions.models import SharedCause
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors import QueuePage, live
from exceptions.selectors.cause_pages import CausePage, cause_page
from exceptions.selectors.muting import mute_gate, mutes_of, who_decides_about_muting
from exceptions.selectors.queue_filters import BY_CAUSE
from exceptions.selectors.shared_causes import (
    MANAGE,
    cause_called,
    cause_record,
    causes_beside,
    may_manage,
    visible_cause,
)
from exceptions.views.origins import filters_in, suffix_of
from exceptions.words import cause_in_words

SEE = "exceptions.view_case"
SCOPE = "team"
HOURS = {"minutes": "hours"}  # the domain counts minutes, people say hours


@login_required
@require_GET
def causes(request: HttpRequest) -> HttpResponse:
    """What several exceptions share: the address to remember for the team queues by cause."""
    actor_of(request, SEE)
    return redirect(f"{reverse('exceptions:team')}?{urlencode({'group': BY_CAUSE})}")


@login_required
@require_GET
def called(request: HttpRequest, key: str) -> HttpResponse:
    """The cause of this key: the address to remember. One that was merged leads to the other."""
    found = cause_called(actor_of(request, SEE), key)
    return redirect(address_of(found.type, found.text))


@login_required
@require_GET
def cause(request: HttpRequest) -> HttpResponse:
    """One shared cause: how many, who has them, since when, what they agree on, and what changed before."""
    by = actor_of(request, SEE)
    page = _page(request, by)
    if page is None and (other := _other(request, by)) is not None:
        return redirect(address_of(other.type, other.text))
    context: dict[str, Any] = {
        "page": page,
        "title": _title(page) if page else _("Shared cause"),
        "can_work": by.may("exceptions.work_case"),
        "can_share": by.may("exceptions.reassign_case"),
        "can_ask": by.may("exceptions.request_waiver"),
        "can_draft": by.may("exceptions.write_postmortem"),
        "can_manage": may_manage(by),
        "mutes": mutes_of(page.record, now=clock.now()) if page else (),
        **(_members(request, page, by) if page else {}),
    }
    return render(request, "exceptions/cause.html", context, status=400 if context.get("problem") else 200)


@login_required
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """How people call it from now on."""
    by = actor_of(request, MANAGE)
    page = _page_to_act_on(request, by)
    seen = page.record.version if page.record else None
    form = RenameCauseForm(request.POST or None, initial={"name": page.name, "seen": seen})
    act = Act(_("Rename"), page, form)

    def run() -> HttpResponse:
        services.rename_cause(type=page.type, cause=page.cause, **form.cleaned_data, by=by, now=clock.now())
        messages.success(request, _("Saved. It is called so wherever it is shown."))
        return redirect(act.home)

    return _acted(request, act, run)


@login_required
@require_http_methods(["GET", "POST"])
def merge(request: HttpRequest) -> HttpResponse:
    """Of two causes one."""
    by = actor_of(request, MANAGE)
    page = _page_to_act_on(request, by)
    others = [(text, _choice(text, name, count)) for text, name, count in causes_beside(page.type, page.cause)]
    form = MergeCauseForm(request.POST or None, others=others)
    intro = _(
        "What is open of it moves to the other cause, and what is told of it from now on opens there. Owners and deadlines stay as "
        "they are. It can be taken back for 15 minutes; later its merging can be ended."
    )
    act = Act(_("Merge"), page, form, intro if others else _("No other cause of this kind of exception is open."))

    def run() -> HttpResponse:
        done = services.merge_cause(type=page.type, cause=page.cause, **form.cleaned_data, by=by, now=clock.now())
        return _moving(request, done)

    return _acted(request, act, run)


@login_required
@require_http_methods(["GET", "POST"])
def mute(request: HttpRequest) -> HttpResponse:
    """Ask that nobody is told of its new exceptions for a while."""
    by = actor_of(request, MANAGE)
    page, now = _page_to_act_on(request, by), clock.now()
    gate = mute_gate()
    if gate is None:
        raise NotFound(_("The rule book in force has no gate for this."))
    form = MuteCauseForm(request.POST or None, user_id=by.user_id)
    intro = _(
        "What opens under this cause has its owner, deadline and trail as always, but nobody is told or called about it. Somebody else "
        "decides; it holds from the approval for at most %(hours)s h and ends by itself. Then each owner is told once what came."
    ) % {"hours": gate.max_hours}
    deciders = [one.owner.name for one in who_decides_about_muting(gate, by=by, now=now)]
    act = Act(_("Ask to mute new exceptions"), page, form, intro, deciders=deciders)

    def run() -> HttpResponse:
        given = form.cleaned_data
        asked = services.mute_cause(
            type=page.type,
            cause=page.cause,
            reason=given["reason"],
            plan=given["plan"],
            minutes=given["hours"] * 60,
            owner=given["owner"].slug,
            answer_by=given["answer_by"],
            by=by,
            now=now,
        )
        messages.success(request, _("%(key)s is asked for; it lapses if nobody decides in time.") % {"key": asked.key})
        return redirect("exceptions:waiver", asked.key)

    return _acted(request, act, run)


@login_required
@require_POST
def part(request: HttpRequest) -> HttpResponse:
    """What is told of it opens under it again."""
    by = actor_of(request, MANAGE)
    kind, text = request.POST.get("type", ""), request.POST.get("cause", "")
    try:
        services.part_cause(type=kind, cause=text, by=by, now=clock.now())
    except Conflict as barred:
        messages.warning(request, in_words(barred.message))
    else:
        messages.success(request, _("What is told of it opens under it again. What was moved stays where it is."))
    return redirect(back_to(request, reverse("exceptions:causes")))


@login_required
@require_POST
def split(request: HttpRequest) -> HttpResponse:
    """The chosen ones under a cause of their own: what is asked for, then the job that moves them."""
    by = actor_of(request, MANAGE)
    keys = [key for key in request.POST.getlist("id") if key]
    if "all" in request.POST or not keys:
        messages.warning(request, _("Choose those that have another cause. Where all of them do, rename it."))
        return redirect(back_to(request, reverse("exceptions:causes")))
    page = _page_to_act_on(request, by)
    form = SplitCauseForm(request.POST if "name" in request.POST else None)
    intro = _("They move to a cause of their own. What is told from now on goes on to open under the old one.")
    act = Act(_("Split off"), page, form, intro, keys)

    def run() -> HttpResponse:
        numbers = [number for key in keys if (number := whole_number(key.removeprefix(KEY_PREFIX))) is not None]
        return _moving(request, services.split_cause(numbers=numbers, **form.cleaned_data, by=by, now=clock.now()))

    return _acted(request, act, run)


@dataclass(frozen=True)
class Act:
    """An act on a cause: its button, what it is about, what is asked for, what it does, for which exceptions, and who decides."""

    title: str
    page: CausePage
    form: forms.Form
    intro: str = ""
    keys: Sequence[str] = ()
    deciders: Sequence[str] = ()

    @property
    def home(self) -> str:
        """The page one came from."""
        return address_of(self.page.type, self.page.cause)


def _acted(request: HttpRequest, act: Act, run: Callable[[], HttpResponse]) -> HttpResponse:
    """The form, or what came of it; nothing that was typed is lost."""
    conflict: Conflict | None = None
    if act.form.is_bound and act.form.is_valid():
        try:
            return run()
        except Invalid as invalid:
            explain(act.form, invalid, renamed=HOURS)
        except Conflict as refused:
            conflict = refused
    is_wrong = bool(act.form.errors)
    status = HTTPStatus.CONFLICT if conflict else HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK
    context = {"act": act, "page": act.page, "called": _title(act.page), "form": act.form, "conflict": conflict}
    return render(request, "exceptions/cause_act.html", context, status=status)


def _moving(request: HttpRequest, done: services.Regrouped) -> HttpResponse:
    """On to the job that moves them, and from there to the page of the cause they are moved to."""
    home = address_of(done.into.type, done.into.text)
    if done.job is None:
        messages.success(request, _("Nothing was open of it. What is told of it from now on opens here."))
        return redirect(home)
    return redirect(f"{reverse('exceptions:job', args=[done.job.key])}?{urlencode({'return': home})}")


def _page_to_act_on(request: HttpRequest, by: Actor) -> CausePage:
    """Raises `NotFound` where nothing of it is open."""
    page = _page(request, by)
    if page is None:
        raise NotFound(_("Nothing of this cause is open, or it is not yours to see."))
    return page


def _choice(text: str, name: str, count: int) -> str:
    called = name or in_words(cause_in_words(text))
    return ngettext("%(cause)s (%(n)s open)", "%(cause)s (%(n)s open)", count) % {"cause": called, "n": count}


def address_of(kind: str, text: str) -> str:
    """Where the page of a cause is."""
    return f"{reverse('exceptions:cause')}?{urlencode({'type': kind, 'cause': text})}"


def _page(request: HttpRequest, by: Actor) -> CausePage | None:
    return cause_page(by=by, type=request.GET.get("type", ""), cause=request.GET.get("cause", ""))


def _other(request: HttpRequest, by: Actor) -> SharedCause | None:
    """The cause into which the one asked for was merged, where the reader may see it."""
    found = cause_record(request.GET.get("type", ""), request.GET.get("cause", ""))
    return visible_cause(by, found.merged_into) if found and found.merged_into else None


def _title(page: CausePage) -> str:
    return page.name or in_words(cause_in_words(page.cause))


def _members(request: HttpRequest, page: CausePage, by: Actor) -> dict[str, Any]:
    """The table of its exceptions, as the team queues show them."""
    filters, now = filters_in(request.GET, SCOPE), clock.now()
    columns = [column for column in selectors.column_choices((), selectors.QUEUE_COLUMNS) if column.is_chosen]
    found, problem = QueuePage([], "", 0), None
    try:
        found = selectors.queue_page(by=by, filters=filters, now=now)
    except Invalid as invalid:
        problem = invalid
    return {
        "members": found,
        "problem": problem,
        "filters": filters,
        "scope": SCOPE,
        "query": page.narrowed,
        "columns": columns,
        "shown": {column.name for column in columns},
        "via": suffix_of(SCOPE, page.narrowed),
        "presence": live.people_on_rows(found.rows, by=by, now=now),
    }
