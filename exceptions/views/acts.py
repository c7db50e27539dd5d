"""The acts on one exception: a page for each that is also its form, and what happens when two people act at once."""

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to, explain
from audit.errors import Conflict, DomainError, Invalid, NotFound, Refused
from audit.models.users import AfterAct
from audit.words import in_words, listed, said
from exceptions import selectors, services
from exceptions.forms import (
    ActForm,
    ReassignForm,
    StepForm,
)
from exceptions.models import ExceptionCase
from exceptions.selectors.actions import barred_from
from exceptions.selectors.merging import Doer, Merge, done_before, merge_of
from exceptions.selectors.suggestions import Suggestion, suggestion
from exceptions.selectors.takers import takers
from exceptions.views import origins
from exceptions.views.act_kinds import ACTS
from exceptions.views.origins import Origin


@login_required
@require_GET
def next_act(request: HttpRequest, key: str) -> HttpResponse:
    """Lead to the form of what should be done next; when there is nothing, to the exception, saying why."""
    by = actor_of(request, "exceptions.work_case")
    found = selectors.case_for(by, key)
    book = selectors.playbook_of(found, now=clock.now())
    suggested = suggestion(found, book)
    if suggested is None:
        if book.missing:
            missing = listed(book.missing, between="; ")
            messages.info(request, in_words(said("Nothing can be done next. Missing: %(what)s.", what=missing)))
        return redirect(_home(request, found))
    return redirect(_form_address(request, found, suggested))


def _form_address(request: HttpRequest, found: ExceptionCase, suggested: Suggestion) -> str:
    origin = origins.origin_of(request)
    if suggested.step is not None:
        address = reverse("exceptions:step", args=[found.key, suggested.step.number])
    else:
        address = reverse("exceptions:act", args=[found.key, suggested.action])
    return f"{address}{origin.suffix if origin else ''}"


def _home(request: HttpRequest, found: ExceptionCase) -> str:
    """The exception's page, as somebody who came from where they came from sees it."""
    origin = origins.origin_of(request)
    return f"{reverse('exceptions:case', args=[found.key])}{origin.suffix if origin else ''}"


@login_required
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """An act's form alone on a page (GET), and the act (POST)."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.case_for(by, key)
    spec = ACTS.get(action)
    if spec is None:
        raise NotFound(_("There is no such act."))
    if request.method == "POST":
        form = spec.form(request.POST, request.FILES, case=found)
    else:
        form = spec.form(case=found, initial={name: request.GET.get(name, "") for name in spec.asked})
    title = str(spec.button)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        book = selectors.playbook_of(found, now=clock.now()) if action == "resolve" else None
        opens_next = spec.next_in_queue and getattr(request.user, "after_act", "") == AfterAct.NEXT
        button = _("Resolve and open next") if opens_next and _next_of(request, found, by)[1] else ""
        may_ask = bool(book and book.missing and found.gate) and by.may("exceptions.request_waiver")
        return _form_page(request, found, form, title, status=status, book=book, button=button, may_ask=may_ask)
    return _perform(request, found, form, action, by)


def _perform(request: HttpRequest, found: ExceptionCase, form: ActForm, action: str, by: Actor) -> HttpResponse:
    spec = ACTS[action]
    try:
        done = spec.run(found, form, by)
    except Refused:
        raise
    except DomainError as refused:
        found = selectors.case_for(by, found.key)
        return _refused(request, found, form, str(spec.button), refused, barred_from(action, found, by=by))
    before = done_before(action, done, by=by) if isinstance(done, ExceptionCase) else None
    said = _already(before) if before else spec.said
    messages.success(request, f"{found.key}: {said} {_told(done)}".strip())
    stays = not spec.next_in_queue or getattr(request.user, "after_act", "") == AfterAct.STAY
    return redirect(back_to(request, _home(request, found)) if stays else _after(request, found, by))


def _already(before: Doer) -> str:
    """Who came first, at what time in the reader's zone."""
    at, today = localtime(before.at), localtime(clock.now())
    moment = date_format(at, "H:i" if at.date() == today.date() else "j M, H:i")
    return _("%(who)s already did this at %(at)s.") % {"who": before.who, "at": moment}


def _after(request: HttpRequest, found: ExceptionCase, by: Actor) -> str:
    """What is next in the list somebody came from, or the most urgent in their own; the list when nothing is left, or they want that."""
    if getattr(request.user, "after_act", "") == AfterAct.LIST:
        origin = origins.origin_of(request)
        return origin.url if origin else reverse("exceptions:queue")
    origin, key = _next_of(request, found, by)
    return f"{reverse('exceptions:case', args=[key])}{origin.suffix}" if key else origin.url


def _next_of(request: HttpRequest, found: ExceptionCase, by: Actor) -> tuple[Origin, str]:
    """The list it goes on in, and what is next there; "" where nothing is."""
    origin, now = origins.origin_of(request), clock.now()
    if origin is not None:
        return origin, origins.beside(origin, found, by=by, now=now).next
    origin = Origin("mine", "", selectors.QueueFilters(scope="mine", per=25))
    rows = selectors.queue_page(by=by, filters=origin.filters, now=now).rows
    return origin, next((row.key for row in rows if row.key != found.key), "")


def _told(done: object) -> str:
    """Who was told of a note."""
    names = ", ".join(getattr(done, "told", ()))
    return _("Told: %(names)s.") % {"names": names} if names else ""


@login_required
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, key: str, index: int) -> HttpResponse:
    """A step of the playbook."""
    by = actor_of(request, "exceptions.work_case")
    found = selectors.case_for(by, key)
    steps = selectors.playbook_of(found, now=clock.now()).steps
    if not 1 <= index <= len(steps):
        raise NotFound(_("The playbook has no such step."))
    todo = steps[index - 1]
    form = StepForm(request.POST or None, case=found, step=todo)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        return _form_page(request, found, form, todo.label, status=status, intro=todo.how or todo.why_not)
    given = form.cleaned_data
    try:
        done = services.complete_step(
            case_id=found.pk,
            index=index - 1,
            outcome=given.get("outcome", ""),
            note=given.get("note", ""),
            data=form.data_given(),
            by=by,
            now=clock.now(),
            seen=given["seen"],
        )
    except Refused:
        raise
    except DomainError as refused:
        found = selectors.case_for(by, key)
        now_is = selectors.playbook_of(found, now=clock.now()).steps[index - 1]
        return _refused(request, found, form, todo.label, refused, now_is.why_not or _done_by(now_is))
    messages.success(request, f"{todo.label}: {done.outcome}")
    return redirect(_after_step(request, key, by))


def _done_by(todo: selectors.Step) -> str:
    return _("%(who)s has done it: %(what)s.") % {"who": todo.done_by, "what": todo.outcome} if todo.done_at else ""


def _after_step(request: HttpRequest, key: str, by: Actor) -> str:
    """Where nothing is left but to say how it was solved, the form that does; else back to the exception."""
    found = selectors.case_for(by, key)
    suggested = suggestion(found, selectors.playbook_of(found, now=clock.now()))
    if suggested is not None and suggested.action == "resolve":
        return _form_address(request, found, suggested)
    return back_to(request, _home(request, found))


def _refused(
    request: HttpRequest, found: ExceptionCase, form: ActForm, title: str, refused: DomainError, why_not: str
) -> HttpResponse:
    """The form again, with what stands in the way beside what was typed: nothing of it is lost, and it can be done on top."""
    if isinstance(refused, Invalid):
        explain(form, refused)
        return _form_page(request, found, form, title, status=422)
    merge = merge_of(found, seen=form.cleaned_data["seen"], typed=form.typed(), why_not=why_not)
    fresh = form.again({**request.POST.dict(), "seen": found.version}, case=found)
    fresh.is_valid()
    status = 409 if isinstance(refused, Conflict) else 404
    return _form_page(request, found, fresh, title, status=status, conflict=refused, merge=merge)


def _form_page(
    request: HttpRequest,
    found: ExceptionCase,
    form: ActForm,
    title: str,
    *,
    status: int,
    conflict: DomainError | None = None,
    merge: Merge | None = None,
    intro: str = "",
    book: selectors.Playbook | None = None,
    button: str = "",
    may_ask: bool = False,
) -> HttpResponse:
    home = _home(request, found)
    context = {
        "emergency": selectors.emergency_about(found, now=clock.now()),
        "case": found,
        "home": home,
        "intro": intro,
        "book": book,
        "form": form,
        "title": title,
        "button": button,
        "may_ask": may_ask,
        "via": home.partition("?")[1] + home.partition("?")[2],
        "conflict": conflict,
        "merge": merge,
        "takers": takers(found, now=clock.now()) if isinstance(form, ReassignForm) else (),
        "is_ready": status == HTTPStatus.OK and form.take_focus(),
        "return": back_to(request, home),
    }
    return render(request, "exceptions/act.html", context, status=status)
