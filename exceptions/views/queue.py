"""The queues, what their exceptions share, and the queue as a file."""

from dataclasses import fields

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from audit import clock
from audit.errors import DomainError, Invalid
from exceptions import selectors, services
from exceptions.selectors import QueueFilters, QueuePage
from exceptions.selectors.queue import PER_PAGE
from exceptions.tables import csv_lines
from exceptions.views.edge import actor_of

ORDERS = {
    "urgency": gettext_lazy(
        "Most urgent first: by deadline, brought forward one minute for every 10 at risk, by at most 24 hours."
    ),
    "due": gettext_lazy("Soonest deadline first."),
    "-risk": gettext_lazy("Most money at risk first."),
    "-created": gettext_lazy("Newest first."),
}


@login_required
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """What needs me, the most urgent first."""
    return _queue(request, "mine", _("My queue"))


@login_required
@require_GET
def team(request: HttpRequest) -> HttpResponse:
    """What needs anybody."""
    return _queue(request, "team", _("Team queues"))


@login_required
@require_GET
def unowned(request: HttpRequest) -> HttpResponse:
    """What has no owner who works."""
    return _queue(request, "unowned", _("Ownership gaps"))


def _queue(request: HttpRequest, scope: str, title: str) -> HttpResponse:
    by = actor_of(request, "exceptions.view_case")
    now = clock.now()
    filters = _filters(request, scope)
    problem = None
    try:
        page = selectors.queue_page(by=by, filters=filters, now=now)
    except Invalid as invalid:
        problem, page = invalid, QueuePage([], "", 0)
    context = {
        "title": title,
        "scope": scope,
        "filters": filters,
        "page": page,
        "order": ORDERS.get(filters.sort, ""),
        "most_counted": selectors.MOST_COUNTED,
        "problem": problem,
        "tabs": selectors.tabs(by=by, scope=scope, now=now),
        "choices": selectors.choices(by=by),
        "can_work": by.may("exceptions.work_case"),
        "query": _without_page(request),
    }
    return render(request, "exceptions/queue.html", context, status=400 if problem else 200)


@login_required
@require_GET
def causes(request: HttpRequest) -> HttpResponse:
    """What several of the most urgent exceptions share."""
    by = actor_of(request, "exceptions.view_case")
    context = {
        "causes": selectors.shared_causes(by=by, now=clock.now()),
        "most_counted": selectors.MOST_COUNTED,
        "can_work": by.may("exceptions.work_case"),
    }
    return render(request, "exceptions/causes.html", context)


@login_required
@require_GET
def export(request: HttpRequest, scope: str) -> StreamingHttpResponse:
    """Everything the filters leave, all pages, as CSV."""
    by = actor_of(request, "exceptions.view_case")
    now = clock.now()
    cases = selectors.exported_cases(by=by, filters=_filters(request, scope), now=now)
    services.record_export(query=f"{scope}?{_without_page(request)}", by=by, now=now)
    name = f"exceptions-{scope}-{now:%Y%m%d-%H%M}.csv"
    return StreamingHttpResponse(
        csv_lines(cases),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _filters(request: HttpRequest, scope: str) -> QueueFilters:
    names = {field.name for field in fields(QueueFilters)} - {"scope", "per"}
    given = {name: value.strip() for name in names if (value := request.GET.get(name, ""))}
    sizes = {str(size): size for size in PER_PAGE}
    return QueueFilters(scope=scope, per=sizes.get(request.GET.get("per", "50"), 0), **given)


def _without_page(request: HttpRequest) -> str:
    kept = request.GET.copy()
    kept.pop("after", None)
    return kept.urlencode()


@login_required
@require_POST
def start_next(request: HttpRequest) -> HttpResponse:
    """Take the most urgent exception nobody has taken, and open it."""
    by = actor_of(request, "exceptions.work_case")
    now = clock.now()
    waiting = selectors.queue_page(by=by, filters=QueueFilters(scope="mine", state="open", per=25), now=now)
    for row in waiting.rows:
        try:
            case = services.acknowledge_case(case_id=row.id, by=by, now=now, seen=row.version)
        except DomainError:
            continue  # somebody was faster: the next one
        return redirect("exceptions:case", case.key)
    messages.info(request, _("Nothing in your queue waits to be taken."))
    return redirect("exceptions:queue")
