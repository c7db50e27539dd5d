"""The queues, what their exceptions share, and the queue as a file."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from audit import clock
from audit.edge import actor_of
from audit.errors import Invalid, NotFound
from audit.services.taking_out import record_export
from exceptions import list_pages, selectors, services
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors import Offers, QueuePage, live, owners
from exceptions.selectors.facets import FACETS, facet
from exceptions.selectors.groups import GROUPINGS, GroupPage, group_page
from exceptions.selectors.people import people_beside
from exceptions.selectors.queue_filters import BY_CAUSE, LEAVABLE, LEFT_OUT, RANGES
from exceptions.selectors.teams import team_rows
from exceptions.tables import csv_lines, json_lines
from exceptions.views.days import asked_by_fields, days_of
from exceptions.views.facets import menus, part_or_page, values_answer
from exceptions.views.fragments import fragment, moment_of, unless_known
from exceptions.views.lists import FILTERS, chips, current_view, pairs_of, view_to_open
from exceptions.views.origins import filters_in, suffix_of
from exceptions.views.saved_views import opened

Lines: TypeAlias = Callable[[Iterable[ExceptionCase], Collection[str]], Iterator[str]]
ORDERS = {
    "urgency": gettext_lazy(
        "Most urgent first: by deadline, brought forward one minute for every 10 at risk, by at most 24 hours."
    ),
    "due": gettext_lazy("Soonest deadline first."),
    "-risk": gettext_lazy("Most money at risk first."),
    "-created": gettext_lazy("Newest first."),
}

# Filters that have fields for a first and a last day.
MOMENTS = ("due", "created")
# With these there is room for the sentence that says why a row stands where it does.
EXPLAINED = ("about", "risk", selectors.URGENT)
GROUPED_BY = {
    BY_CAUSE: gettext_lazy("Shared cause"),
    "client": gettext_lazy("Client"),
    "type": gettext_lazy("Type"),
    "owner": gettext_lazy("Owner"),
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
def teams(request: HttpRequest) -> HttpResponse:
    """The queues of teams side by side."""
    by = actor_of(request, "exceptions.view_case")
    return render(request, "exceptions/teams.html", {"rows": team_rows(by=by, now=clock.now())})


@login_required
@require_GET
def of_team(request: HttpRequest, team_slug: str) -> HttpResponse:
    """What a team and its people have: the address to remember for a filter of the team queues."""
    actor_of(request, "exceptions.view_case")
    if not owners.is_team(team_slug):
        raise NotFound(_("There is no such team."))
    return redirect(f"{reverse('exceptions:team')}?{urlencode({'owner': f'{owners.TEAM}{team_slug}'})}")


@login_required
@require_GET
def unowned(request: HttpRequest) -> HttpResponse:
    """What has no owner who works."""
    return _queue(request, "unowned", _("Ownership gaps"))


def _queue(request: HttpRequest, scope: str, title: str) -> HttpResponse:
    by = actor_of(request, "exceptions.view_case")
    if (asked := asked_by_fields(request, MOMENTS)) is not None:
        return redirect(f"{request.path}?{asked}")
    now = clock.now()
    offers = selectors.offers(by=by, page=scope)
    if (view := view_to_open(request, offers.views)) is not None:
        return opened(scope, view.query, view.number)
    filters = filters_in(request.GET, scope)
    problem = None
    read = group_page if filters.group in GROUPINGS else selectors.queue_page
    page: QueuePage | GroupPage = QueuePage([], "", 0)
    try:
        list_pages.refuse_foreign(list_pages.list_page(scope), request.GET.urlencode())
        page = read(by=by, filters=filters, now=now)
    except Invalid as invalid:
        problem = invalid
    query = list_pages.canonical_query(request.GET.urlencode())
    is_empty = not (query or problem or page.count)
    context = {
        "title": title,
        "scope": scope,
        "filters": filters,
        "page": page,
        "order": ORDERS.get(filters.sort, ""),
        "most_counted": selectors.MOST_COUNTED,
        "elsewhere": selectors.waiting_count(by=by) if is_empty and scope == "mine" else 0,
        "last": selectors.last_resolved(by=by, now=now) if is_empty else None,
        "problem": problem,
        "tabs": selectors.tabs(by=by, scope=scope, now=now),
        "can_work": by.may("exceptions.work_case"),
        "can_ask": by.may("exceptions.request_waiver"),
        "query": query,
        "via": suffix_of(scope, query),
        "presence": live.people_on_rows(page.rows, by=by, now=now),
        "people": None if problem else people_beside(by=by, filters=filters, now=now),
        "can_share": by.may("exceptions.reassign_case"),
        "live": "" if problem else _live_address(request, scope, page, now),
        **_chosen(request, offers, scope, () if problem else filters.cols),
        **_grouped(request, filters.group),
    }
    return render(request, "exceptions/queue.html", context, status=400 if problem else 200)


def _chosen(request: HttpRequest, offers: Offers, scope: str, asked: Sequence[str]) -> dict[str, Any]:
    """What is chosen of the list, what else could be, and what forms have to carry along."""
    columns = selectors.column_choices(asked, selectors.QUEUE_COLUMNS)
    choices = {name: _with_asked(request, name, options) for name, options in offers.choices.items()}
    return {
        "choices": choices,
        "chips": chips(request, choices, leavable=LEAVABLE),
        "columns": [column for column in columns if column.is_chosen],
        "column_choices": columns,
        "shown": {column.name for column in columns if column.is_chosen},
        "explained": urlencode([*pairs_of(request, besides=("cols",)), *(("cols", name) for name in EXPLAINED)]),
        "menus": menus(request, {name: choices.get(name, []) for name in FACETS if (scope, name) != ("mine", "owner")}),
        "days": days_of(request, MOMENTS),
        "kept": pairs_of(request, only=("cols", "per", "view", "group", *(f"{name}{LEFT_OUT}" for name in LEAVABLE)))
        or [("view", "all")],
        "carried": pairs_of(request, besides=("cols",)),
        "views": offers.views,
        "view": current_view(request, offers.views),
    }


def _grouped(request: HttpRequest, group: str) -> dict[str, Any]:
    """By what the list is grouped and can be, each with its address; `narrowed` is what the addresses of its groups have in common."""
    others = pairs_of(request, besides=("group",))
    own = GROUPINGS[group].filters if group in GROUPINGS else ()
    return {
        "grouped_by": GROUPED_BY.get(group, ""),
        "groupings": [(name, title, urlencode([*others, ("group", name)])) for name, title in GROUPED_BY.items()],
        "narrowed": urlencode(pairs_of(request, besides=("group", "view", *own))),
        "ungrouped": urlencode(others) or "view=all",
    }


def _with_asked(request: HttpRequest, name: str, options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is offered, and the range the address asks for, which the form must not drop."""
    asked = request.GET.get(name, "") if name in RANGES else ""
    return options if asked in {"", *dict(options)} else [*options, (asked, asked)]


def _live_address(request: HttpRequest, scope: str, page: QueuePage | GroupPage, now: datetime) -> str:
    shown = ",".join(row.key.removeprefix(KEY_PREFIX) for row in page.rows)
    asked = {"since": now.isoformat(), "shown": shown}
    kept = list_pages.canonical_query(request.GET.urlencode())
    return f"{reverse('exceptions:queue-live', args=[scope])}?{'&'.join(filter(None, [kept, urlencode(asked)]))}"


def _shown(request: HttpRequest) -> str:
    kept = request.GET.copy()
    for name in ("since", "shown", "told"):
        kept.pop(name, None)
    return kept.urlencode()


@part_or_page
def queue_values(request: HttpRequest, scope: str, filter_name: str) -> HttpResponse:
    """What a filter of the queue can be set to, with how many exceptions each value would leave under the other filters."""
    by = actor_of(request, "exceptions.view_case")
    page = list_pages.list_page(scope)
    list_pages.refuse_foreign(page, request.GET.urlencode())
    found = facet(by=by, filters=filters_in(request.GET, scope), name=filter_name, now=clock.now())
    return values_answer(request, found, label=str(FILTERS[filter_name]), back=reverse(page.route))


@fragment
def queue_live(request: HttpRequest, scope: str) -> HttpResponse:
    """What became of the rows on the screen, and how many came since: never another order, never another set of rows."""
    by = actor_of(request, "exceptions.view_case")
    now = clock.now()
    shown = live.shown_numbers(request.GET.get("shown", ""))
    since = moment_of(request.GET.get("since", ""))
    news = live.queue_news(by=by, filters=filters_in(request.GET, scope), shown=shown, since=since, now=now)
    asked = request.GET.copy()
    asked["told"] = str(news.came)
    context = {
        "news": news,
        "is_told": request.GET.get("told", "0") == str(news.came),
        "live": f"{request.path}?{asked.urlencode()}",
        "list": f"{reverse(list_pages.list_page(scope).route)}?{list_pages.canonical_query(_shown(request)) or 'view=all'}",
        "most_counted": selectors.MOST_COUNTED,
    }
    return unless_known(request, render(request, "exceptions/_queue_news.html", context))


@login_required
@require_GET
def export_csv(request: HttpRequest, scope: str) -> StreamingHttpResponse:
    """Everything the filters leave, all pages, as CSV."""
    return _taken_out(request, scope, csv_lines, "csv", "text/csv; charset=utf-8")


@login_required
@require_GET
def export_json(request: HttpRequest, scope: str) -> StreamingHttpResponse:
    """As CSV, for programs."""
    return _taken_out(request, scope, json_lines, "json", "application/json")


def _taken_out(
    request: HttpRequest, scope: str, lines_of: Lines, ending: str, content_type: str
) -> StreamingHttpResponse:
    by = actor_of(request, "exceptions.view_case")
    now = clock.now()
    filters = filters_in(request.GET, scope)
    query = request.GET.urlencode()
    cases = selectors.exported_cases(by=by, filters=filters, now=now)
    list_pages.refuse_foreign(list_pages.list_page(scope), query)
    asked = f"{scope}?{list_pages.canonical_query(query)}"
    record_export(query=asked, by=by, now=now, event="queue.exported")
    columns = selectors.column_choices(filters.cols, selectors.QUEUE_COLUMNS)
    chosen = [column.name for column in columns if column.is_chosen]
    name = f"exceptions-{scope}-{now:%Y%m%d-%H%M}.{ending}"
    return StreamingHttpResponse(
        lines_of(cases, chosen if filters.cols else ()),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@login_required
@require_POST
def start_next(request: HttpRequest) -> HttpResponse:
    """Take the most urgent exception nobody has taken, and open it."""
    by = actor_of(request, "exceptions.work_case")
    taken = services.take_next(by=by, now=clock.now())
    if taken is not None:
        return redirect(f"{reverse('exceptions:case', args=[taken.key])}{suffix_of('mine', '')}")
    messages.info(request, _("Nothing in your queue waits to be taken."))
    return redirect("exceptions:queue")
