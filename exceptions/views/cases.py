"""One exception: its page, and one page per act that also works as the act's form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.errors import Conflict, DomainError, Invalid, NotFound, Refused
from exceptions import selectors, services
from exceptions.forms import (
    ActForm,
    AttachForm,
    LinkForm,
    NoteForm,
    ReasonForm,
    ReassignForm,
    ResolveForm,
    SeverityForm,
    StepForm,
    WaitForm,
)
from exceptions.models import ExceptionCase
from exceptions.selectors import live
from exceptions.views.edge import actor_of, back_to
from exceptions.views.fragments import fragment, number_of, unless_known

Run = Callable[[ExceptionCase, Any, Actor], object]


@dataclass(frozen=True)
class Act:
    """One act: its form, what it calls, its button and what it says afterwards."""

    form: type[ActForm]
    run: Run
    button: Any
    said: Any
    next_in_queue: bool = False


def _of(case: ExceptionCase, form: Any, by: Actor) -> dict[str, Any]:
    return {"case_id": case.pk, "by": by, "now": clock.now(), "seen": form.cleaned_data["seen"]}


def _wait(case: ExceptionCase, form: Any, by: Actor) -> object:
    now = clock.now()
    until = form.until(now)
    given = form.cleaned_data
    return services.wait_case(
        case_id=case.pk,
        until=until,
        reason=given["reason"],
        on=given["on"],
        party=given["party"],
        by=by,
        now=now,
        seen=given["seen"],
    )


ACTS = {
    "acknowledge": Act(
        ActForm,
        lambda c, f, by: services.acknowledge_case(**_of(c, f, by)),
        gettext_lazy("Take it"),
        gettext_lazy("You have it now."),
    ),
    "start": Act(
        ActForm, lambda c, f, by: services.start_case(**_of(c, f, by)), gettext_lazy("Start"), gettext_lazy("Started.")
    ),
    "resume": Act(
        ActForm,
        lambda c, f, by: services.resume_case(**_of(c, f, by)),
        gettext_lazy("Resume"),
        gettext_lazy("It is yours again."),
    ),
    "wait": Act(WaitForm, _wait, gettext_lazy("Wait"), gettext_lazy("Waiting. It comes back by itself.")),
    "reassign": Act(
        ReassignForm,
        lambda c, f, by: services.reassign_case(
            **_of(c, f, by), to=f.cleaned_data["to"].slug, reason=f.cleaned_data["reason"]
        ),
        gettext_lazy("Reassign"),
        gettext_lazy("Reassigned. The clock keeps running."),
    ),
    "severity": Act(
        SeverityForm,
        lambda c, f, by: services.change_severity(
            **_of(c, f, by), severity=f.cleaned_data["severity"], reason=f.cleaned_data["reason"]
        ),
        gettext_lazy("Change severity"),
        gettext_lazy("Changed. The deadline was worked out anew."),
    ),
    "rebase": Act(
        ReasonForm,
        lambda c, f, by: services.rebase_case(**_of(c, f, by), reason=f.cleaned_data["reason"]),
        gettext_lazy("Use the ladder in force"),
        gettext_lazy("It climbs the ladder of the rule book in force now."),
    ),
    "note": Act(
        NoteForm,
        lambda c, f, by: services.note_case(case_id=c.pk, text=f.cleaned_data["text"], by=by, now=clock.now()),
        gettext_lazy("Add note"),
        gettext_lazy("Note added."),
    ),
    "attach": Act(
        AttachForm,
        lambda c, f, by: services.attach_file(
            case_id=c.pk,
            name=f.cleaned_data["file"].name,
            content=f.cleaned_data["file"].read(),
            by=by,
            now=clock.now(),
        ),
        gettext_lazy("Add file"),
        gettext_lazy("File added."),
    ),
    "link": Act(
        LinkForm,
        lambda c, f, by: services.link_cases(
            case_id=c.pk, exception=f.cleaned_data["exception"], by=by, now=clock.now()
        ),
        gettext_lazy("Link exception"),
        gettext_lazy("Linked."),
    ),
    "unlink": Act(
        LinkForm,
        lambda c, f, by: services.unlink_cases(
            case_id=c.pk, exception=f.cleaned_data["exception"], by=by, now=clock.now()
        ),
        gettext_lazy("Unlink exception"),
        gettext_lazy("Unlinked."),
    ),
    "resolve": Act(
        ResolveForm,
        lambda c, f, by: services.resolve_case(
            **_of(c, f, by),
            outcome=f.cleaned_data["outcome"],
            root_cause=f.cleaned_data["root_cause"],
            note=f.cleaned_data["note"],
        ),
        gettext_lazy("Resolve"),
        gettext_lazy("Resolved."),
        next_in_queue=True,
    ),
    "reopen": Act(
        ReasonForm,
        lambda c, f, by: services.reopen_case(**_of(c, f, by), reason=f.cleaned_data["reason"]),
        gettext_lazy("Reopen"),
        gettext_lazy("Reopened."),
    ),
}


@login_required
@require_GET
def case(request: HttpRequest, key: str) -> HttpResponse:
    """What is wrong, what was tried, what to do, and what happens otherwise."""
    by = actor_of(request, "exceptions.view_case")
    page = selectors.case_page(by=by, key=key, now=clock.now())
    actions = selectors.available_actions(page.case, by=by)
    context = {
        "page": page,
        "case": page.case,
        "actions": [(name, ACTS[name].button) for name in actions if name != "note"],
        "can_work": bool(actions) and page.case.is_live,
        "can_rebase": by.may("exceptions.rebase_case", page.case.client_id) and page.case.is_live,
        "can_ask": by.may("exceptions.request_waiver") and page.case.is_live,
        "note_form": NoteForm(case=page.case) if actions else None,
        "attach_form": AttachForm(case=page.case) if actions else None,
        "link_form": LinkForm(case=page.case) if actions else None,
        "people": live.people_on_case(page.case, by=by, now=clock.now()),
        "live": _live_address(page.case.key, page.trail[0].number if page.trail else 0),
    }
    return render(request, "exceptions/case.html", context)


def _live_address(key: str, seen: int, told: int = 0) -> str:
    return f"{reverse('exceptions:case-live', args=[key])}?seen={seen}&told={told}"


@fragment
def case_live(request: HttpRequest, key: str) -> HttpResponse:
    """Who else is on it, and what happened since the page was opened."""
    by = actor_of(request, "exceptions.view_case")
    seen, told = (number_of(request.GET.get(name, "0")) for name in ("seen", "told"))
    news = live.case_news(by=by, key=key, seen=seen, now=clock.now())
    context = {
        "key": key,
        "news": news,
        "people": news.people,
        "is_told": news.number <= told,
        "live": _live_address(key, seen, max(told, news.number)),
    }
    return unless_known(request, render(request, "exceptions/_case_news.html", context))


@require_POST
def presence(request: HttpRequest) -> HttpResponse:
    """I am looking at this exception, editing it, or gone."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    by = actor_of(request, "exceptions.view_case")
    said = request.POST
    services.note_presence(
        key=said.get("key", ""),
        doing=said.get("doing", "looking"),
        page=said.get("page", ""),
        by=by,
        now=clock.now(),
    )
    return HttpResponse(status=204)


@login_required
@require_GET
def payload(request: HttpRequest, key: str) -> HttpResponse:
    """The exception's standard payload."""
    by = actor_of(request, "exceptions.view_case")
    return JsonResponse(selectors.payload(by=by, key=key, now=clock.now()), json_dumps_params={"indent": 2})


@login_required
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """An act's form alone on a page (GET), and the act (POST)."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.case_for(by, key)
    spec = ACTS.get(action)
    if spec is None:
        raise NotFound(_("There is no such act."))
    form = spec.form(request.POST, request.FILES, case=found) if request.method == "POST" else spec.form(case=found)
    title = str(spec.button)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        book = selectors.playbook_of(found, now=clock.now()) if action == "resolve" else None
        return _form_page(request, found, form, title, status=status, book=book)
    return _perform(request, found, form, spec, by)


def _perform(request: HttpRequest, found: ExceptionCase, form: ActForm, spec: Act, by: Actor) -> HttpResponse:
    try:
        done = spec.run(found, form, by)
    except Refused:
        raise
    except DomainError as refused:
        return _refused(request, found, form, str(spec.button), refused)
    messages.success(request, f"{found.key}: {spec.said} {_told(done)}".strip())
    if spec.next_in_queue:
        waiting = selectors.queue_page(by=by, filters=selectors.QueueFilters(scope="mine", per=25), now=clock.now())
        if waiting.rows:
            return redirect("exceptions:case", waiting.rows[0].key)
        return redirect("exceptions:queue")
    return redirect(back_to(request, f"/exceptions/{found.key}/"))


def _told(done: object) -> str:
    """Who was told of a note."""
    names = ", ".join(getattr(done, "told", ()))
    return _("Told: %(names)s.") % {"names": names} if names else ""


@login_required
@require_GET
def file(request: HttpRequest, key: str, number: int) -> FileResponse:
    """A file of the exception, to be saved and never shown: what is in it came from outside."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.attachment_for(by=by, key=key, number=number)
    response = FileResponse(
        selectors.opened(found), as_attachment=True, filename=found.name, content_type=found.content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


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
        return _refused(request, found, form, todo.label, refused)
    messages.success(request, f"{todo.label}: {done.outcome}")
    return redirect(back_to(request, f"/exceptions/{found.key}/"))


def _refused(
    request: HttpRequest, found: ExceptionCase, form: ActForm, title: str, refused: DomainError
) -> HttpResponse:
    """The form again, with what stands in the way; nothing typed is lost."""
    if isinstance(refused, Invalid):
        for error in refused.errors:
            name = error.pointer.rpartition("/")[2]
            form.add_error(name if name in form.fields else None, error.detail)
        return _form_page(request, found, form, title, status=422)
    found.refresh_from_db()
    fresh = form.again({**request.POST.dict(), "seen": found.version})
    fresh.is_valid()
    status = 409 if isinstance(refused, Conflict) else 404
    return _form_page(request, found, fresh, title, status=status, conflict=refused)


def _form_page(
    request: HttpRequest,
    found: ExceptionCase,
    form: ActForm,
    title: str,
    *,
    status: int,
    conflict: DomainError | None = None,
    intro: str = "",
    book: selectors.Playbook | None = None,
) -> HttpResponse:
    context = {
        "case": found,
        "intro": intro,
        "book": book,
        "form": form,
        "title": title,
        "conflict": conflict,
        "return": back_to(request, f"/exceptions/{found.key}/"),
    }
    return render(request, "exceptions/act.html", context, status=status)
