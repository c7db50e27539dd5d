"""One exception: its page, what is said about it meanwhile, its payload and its files."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.middleware import HtmxDetails

from audit import clock
from audit.context import Actor
from audit.edge import actor_of
from exceptions import selectors, services
from exceptions.forms import AttachForm, LinkForm, NoteForm
from exceptions.selectors import live
from exceptions.selectors.cases import TrailEntry, trail_of
from exceptions.selectors.suggestions import suggestion
from exceptions.selectors.undoing import undoable
from exceptions.views import origins
from exceptions.views.act_kinds import ACTS
from exceptions.views.fragments import fragment, number_of, unless_known
from exceptions.views.origins import Origin

# What is done now and then stands behind “More”, so that the few things mostly done are seen at once.
IN_MENU = frozenset({"start", "wait", "severity"})
# What of the activity is looked at.
ACTIVITY: Mapping[str, Callable[[TrailEntry], bool]] = {
    "people": lambda entry: entry.kind == "person",
    "changes": lambda entry: bool(entry.changes),
}
ACTIVITY_NAMES = {"": _("Everything"), "people": _("People"), "changes": _("Changes")}


@login_required
@require_GET
@vary_on_headers("HX-Request")
def case(request: HttpRequest, key: str) -> HttpResponse:
    """What is wrong, what was tried, what to do, and what happens otherwise."""
    by = actor_of(request, "exceptions.view_case")
    now = clock.now()
    page = selectors.case_page(by=by, key=key, now=now)
    actions = selectors.available_actions(page.case, by=by)
    origin = origins.origin_of(request)
    show = request.GET.get("show", "")
    chosen = ACTIVITY.get(show)
    before = number_of(request.GET.get("before", ""))
    trail = trail_of(page.case, before=before) if before else page.trail
    context = {
        "emergency": selectors.emergency_about(page.case, now=now),
        "page": page,
        "case": page.case,
        "origin": origin,
        "via": origin.suffix if origin else "",
        "entries": [entry for entry in trail if chosen is None or chosen(entry)],
        "undo": undoable(page.trail, by=by, now=now) if not before else set(),
        "earlier": _activity_address(request, trail[-1].number) if trail and trail[-1].number > 1 else "",
        "newest": _activity_address(request, 0) if before else "",
        "activity": [(name, label, name == show) for name, label in ACTIVITY_NAMES.items()],
        "cause": selectors.sharing_cause(page.case, by=by),
        "place": origins.place_in(origin, page.case, by=by, now=now),
        "most_counted": selectors.MOST_COUNTED,
        "suggested": suggestion(page.case, page.playbook) if actions else None,
        "actions": [(name, ACTS[name].button) for name in actions if name != "note"],
        "subject_acts": _subject_acts(request, page, by),
        "more": [(name, ACTS[name].button) for name in actions if name in IN_MENU],
        "can_work": bool(actions) and page.case.is_live,
        "can_rebase": by.may("exceptions.rebase_case", page.case.client_id) and page.case.is_live,
        "can_edit_rules": by.may("rules.edit_rules"),
        "can_ask": by.may("exceptions.request_waiver") and page.case.is_live,
        "note_form": NoteForm(case=page.case) if actions else None,
        "attach_form": AttachForm(case=page.case) if actions else None,
        "link_form": LinkForm(case=page.case) if actions else None,
        "is_watching": any(watcher.user_id == by.user_id for watcher in page.watchers),
        "can_watch": bool(by.owners),
        "known": selectors.knowledge_of(page.case),
        "can_document": by.may("rules.write_runbook") and bool(actions),
        "can_draft": by.may("exceptions.write_postmortem", page.case.client_id),
        "people": live.people_on_case(page.case, by=by, now=now),
        "live": _live_address(page.case.key, page.trail[0].number if page.trail else 0, origin),
    }
    asked: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    is_part = bool(before) and bool(asked) and not asked.boosted
    return render(request, "exceptions/_activity.html" if is_part else "exceptions/case.html", context)


def _subject_acts(request: HttpRequest, page: selectors.CasePage, by: Actor) -> list[tuple[str, str]]:
    """What this person may do with what it is about now, each leading back here."""
    back = urlencode({"return": request.get_full_path()})
    acts = [act for act in page.aside.acts if by.may(act.permission, page.case.client_id)]
    return [(act.label, f"{act.url}?{back}") for act in acts]


def _activity_address(request: HttpRequest, before: int) -> str:
    """The same page with the activity before this event; the newest for none."""
    asked = request.GET.copy()
    asked.pop("before", None)
    if before:
        asked["before"] = str(before)
    return f"{request.path}?{asked.urlencode()}"


def _live_address(key: str, seen: int, origin: Origin | None, told: int = 0) -> str:
    asked = f"{origin.suffix}&" if origin else "?"
    return f"{reverse('exceptions:case-live', args=[key])}{asked}seen={seen}&told={told}"


@fragment
def case_live(request: HttpRequest, key: str) -> HttpResponse:
    """Who else is on it, and what happened since the page was opened."""
    by = actor_of(request, "exceptions.view_case")
    seen, told = (number_of(request.GET.get(name, "0")) for name in ("seen", "told"))
    news = live.case_news(by=by, key=key, seen=seen, now=clock.now())
    origin = origins.origin_of(request)
    context = {
        "key": key,
        "via": origin.suffix if origin else "",
        "news": news,
        "people": news.people,
        "is_told": news.number <= told,
        "live": _live_address(key, seen, origin, max(told, news.number)),
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
