"""The frame around every page: where one may go, how healthy the product is, who one is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django_htmx.middleware import HtmxDetails

from audit import clock
from audit.context import Actor
from audit.words import in_words
from config.guide import PAGES, PERMISSIONS, RECORDS, anchor
from config.health import Light, Part, pulse
from exceptions import selectors as exceptions
from exceptions.selectors import notifications, queue, queue_filters
from orders.campaigns.selectors import waiting_for
from orders.fulfilment import selectors as fulfilment
from orders.fulfilment.selectors.checks import waiting_parcels
from orders.fulfilment.selectors.customers import to_decide_about
from orders.fulfilment.selectors.overrides import waiting_overrides
from orders.sync import selectors as sync
from rules import selectors as rules

MOST_COUNTED = 999
MOST_UNREAD = 99


@dataclass(frozen=True)
class Entry:
    """One way to go; `count` is what waits there for this person."""

    title: str
    url: str
    icon: str
    current: bool = False
    count: int = 0
    unit: str = ""
    hot: bool = False
    key: str = ""

    @property
    def count_words(self) -> str:
        """The count, or “999+”."""
        return f"{MOST_COUNTED}+" if self.count > MOST_COUNTED else str(self.count)


@dataclass(frozen=True)
class Group:
    """Entries under one heading."""

    title: str
    entries: list[Entry]


@dataclass(frozen=True)
class Shortcut:
    """A key and what it does."""

    keys: tuple[str, ...]
    does: str | Promise


@dataclass(frozen=True)
class Place:
    """A page the product has: who may open it, and what is counted there; `waiting` is the same question at every moment.

    `holds` is a route whose pages belong to it though their addresses do not begin with its own.
    """

    title: str | Promise
    route: str
    icon: str
    permission: str
    group: str
    key: str = ""
    unit: str | Promise = ""
    hot: bool = False
    counted: Callable[[Actor, datetime], QuerySet[Any]] | None = None
    waiting: Callable[[Actor], QuerySet[Any]] | None = None
    holds: str = ""


DOTS = {Light.GREEN: "", Light.AMBER: "warn", Light.RED: "danger"}


@dataclass(frozen=True)
class Shell:
    """What `base.html` needs."""

    groups: list[Group]
    name: str
    role: str
    zone: str
    health: Part
    searched: str = ""
    unread: int = 0
    sees_work: bool = False
    is_away: bool = False
    topic: str = "start"
    shortcuts: list[Shortcut] = field(default_factory=list)

    @property
    def unread_words(self) -> str:
        """How much is unread, or “99+”."""
        return f"{MOST_UNREAD}+" if self.unread > MOST_UNREAD else str(self.unread)

    @property
    def dot(self) -> str:
        """The colour of the health chip, as a class."""
        return DOTS[self.health.light]


def of_queue(by: Actor, now: datetime) -> QuerySet[Any]:
    """The open exceptions this person has."""
    mine = exceptions.QueueFilters(scope="mine")
    return queue.by_urgency(queue_filters.filtered(exceptions.visible_cases(by).live(), by=by, filters=mine, now=now))


def to_decide(by: Actor, now: datetime) -> QuerySet[Any]:
    """The requests this person could decide about."""
    return exceptions.waiting_for(by=by, now=now)


PLACES = (
    Place(
        gettext_lazy("My queue"),
        "exceptions:queue",
        "inbox",
        "exceptions.view_case",
        "work",
        "q",
        gettext_lazy("open"),
        counted=of_queue,
    ),
    Place(
        gettext_lazy("Team queues"),
        "exceptions:team",
        "team",
        "exceptions.view_case",
        "work",
        "t",
        holds="exceptions:causes",
    ),
    Place(
        gettext_lazy("Approvals"),
        "exceptions:approvals",
        "approve",
        "exceptions.view_case",
        "work",
        "a",
        gettext_lazy("to decide"),
        hot=True,
        counted=to_decide,
    ),
    Place(
        gettext_lazy("Checks"),
        "fulfilment:checks",
        "order",
        "orders.check_parcel",
        "work",
        unit=gettext_lazy("to check"),
        waiting=waiting_parcels,
    ),
    Place(gettext_lazy("Jobs"), "exceptions:jobs", "check-list", "exceptions.view_case", "work"),
    Place(gettext_lazy("Orders"), "fulfilment:orders", "order", "orders.view_order", "flows", "o"),
    Place(gettext_lazy("Shipments"), "fulfilment:shipments", "send", "orders.view_order", "flows"),
    Place(
        gettext_lazy("Customers"),
        "fulfilment:duplicates",
        "team",
        "orders.view_order",
        "flows",
        unit=gettext_lazy("to decide"),
        waiting=to_decide_about,
    ),
    Place(
        gettext_lazy("Quarantine"),
        "fulfilment:quarantine",
        "lock",
        "orders.view_order",
        "flows",
        unit=gettext_lazy("held"),
        waiting=fulfilment.quarantined,
    ),
    Place(gettext_lazy("Stock"), "fulfilment:stock", "check-list", "orders.view_order", "flows"),
    Place(
        gettext_lazy("Overrides"),
        "fulfilment:overrides",
        "check-list",
        "orders.view_order",
        "flows",
        unit=gettext_lazy("to review"),
        waiting=waiting_overrides,
    ),
    Place(
        gettext_lazy("Content"),
        "campaigns:assets",
        "campaign",
        "content.view_asset",
        "flows",
        unit=gettext_lazy("waiting"),
        waiting=waiting_for,
    ),
    Place(gettext_lazy("All flows"), "sync:flows", "flow", "rules.view_rules", "flows"),
    Place(gettext_lazy("Systems"), "sync:systems", "system", "sync.view_system", "sync"),
    Place(gettext_lazy("Contracts"), "rules:contracts", "contract", "rules.view_rules", "sync"),
    Place(
        gettext_lazy("Dead letters"),
        "sync:dead-letters",
        "dlq",
        "sync.view_system",
        "sync",
        "d",
        gettext_lazy("waiting"),
        hot=True,
        waiting=sync.dead_letters,
    ),
    Place(gettext_lazy("Sandbox"), "sync:sandbox", "bolt", "sync.edit_system", "sync"),
    Place(gettext_lazy("Accounting"), "exceptions:accounting", "bars", "exceptions.view_case", "assurance", "m"),
    Place(gettext_lazy("Quality"), "fulfilment:quality", "bars", "orders.view_order", "assurance"),
    Place(gettext_lazy("Postmortems"), "exceptions:postmortems", "eye", "exceptions.view_case", "assurance"),
    Place(gettext_lazy("Runbooks"), "exceptions:runbooks", "help", "rules.view_runbook", "assurance"),
    Place(gettext_lazy("Audit trail"), "audit:trail", "audit", "audit.view_trail", "assurance"),
    Place(gettext_lazy("Verification"), "audit:verify", "shield", "audit.verify", "assurance"),
    Place(gettext_lazy("Clients"), "fulfilment:clients", "team", "rules.view_rules", "govern"),
    Place(gettext_lazy("Ownership"), "exceptions:gaps", "team", "rules.view_rules", "govern"),
    Place(gettext_lazy("Admin"), "admin:index", "rules", "rules.edit_rules", "govern"),
)

GROUPS = {
    "work": gettext_lazy("Work"),
    "flows": gettext_lazy("Flows"),
    "sync": gettext_lazy("Sync"),
    "assurance": gettext_lazy("Assurance"),
    "govern": gettext_lazy("Govern"),
}
SHORTCUTS = (
    Shortcut(("/",), gettext_lazy("Search")),
    Shortcut(("g", "q"), gettext_lazy("My queue")),
    Shortcut(("g", "t"), gettext_lazy("Team queues")),
    Shortcut(("g", "a"), gettext_lazy("Approvals")),
    Shortcut(("g", "o"), gettext_lazy("Orders")),
    Shortcut(("g", "d"), gettext_lazy("Dead letters")),
    Shortcut(("g", "m"), gettext_lazy("Accounting")),
    Shortcut(("j", "k"), gettext_lazy("Next and previous row")),
    Shortcut(("Enter",), pgettext_lazy("to do", "Open")),
    Shortcut(("s",), gettext_lazy("The next step of the row, or of the exception on the page")),
    Shortcut(("1", "…", "9"), gettext_lazy("A step of the playbook")),
    Shortcut(("[", "]"), gettext_lazy("Previous and next exception of the list one came from")),
    Shortcut(("b",), gettext_lazy("By shared cause, or one by one")),
    Shortcut(("x",), gettext_lazy("Select")),
    Shortcut(("Shift+x",), gettext_lazy("Select all rows from the last one selected to this one")),
    Shortcut(("f",), gettext_lazy("First filter")),
    Shortcut(("v",), gettext_lazy("Views")),
    Shortcut(("n",), gettext_lazy("Start next")),
    Shortcut(("a",), gettext_lazy("Take it (acknowledge)")),
    Shortcut(("e",), gettext_lazy("Reassign")),
    Shortcut(("r",), gettext_lazy("Resolve")),
    Shortcut(("c",), gettext_lazy("Note")),
    Shortcut(("w",), gettext_lazy("Wait for others")),
    Shortcut(("t",), gettext_lazy("Ask for a time-limited exception")),
    Shortcut(("h",), gettext_lazy("Every field, every change")),
    Shortcut(("Ctrl+Enter",), gettext_lazy("Send the form")),
    Shortcut(("Esc",), gettext_lazy("Leave the field, or close this")),
    Shortcut(("?",), gettext_lazy("These keys")),
)


def shell(request: HttpRequest) -> dict[str, object]:
    """Context processor: the frame, for people who are signed in."""
    actor: Actor | None = getattr(request, "actor", None)
    asked: HtmxDetails | None = getattr(request, "htmx", None)  # nothing of a request that was refused on its way in
    is_part = asked is not None and bool(asked) and not asked.boosted
    if actor is None or not request.user.is_authenticated or request.path.startswith("/admin/") or is_part:
        return {}
    now = clock.now()
    places = [place for place in PLACES if _is_open(place, actor)]
    counts, unread, is_away = _counts(places, actor, now)
    return {
        "shell": Shell(
            groups=_groups(places, request.path, counts),
            name=actor.name,
            role=", ".join(sorted(in_words(role.replace("_", " ").capitalize()) for role in actor.roles))
            or gettext("No role yet"),
            zone=timezone.get_current_timezone_name(),
            health=pulse(now),
            unread=unread,
            sees_work=actor.may("exceptions.view_case"),
            is_away=is_away,
            topic=topic(request.path),
            searched=request.GET.get("q", "") if request.path == _url("search") else "",
            shortcuts=list(SHORTCUTS),
        )
    }


def _counts(places: Sequence[Place], actor: Actor, now: datetime) -> tuple[dict[str, int], int, bool]:
    """What waits at each place, by its route, how much is unread, and whether one is away: every page says it, so it is one statement."""
    asker = replace(actor, request_id="")
    asked = {place.route: _asked(place.waiting, asker) for place in places if place.waiting}
    asked |= {
        place.route: exceptions.capped(place.counted(actor, now), MOST_COUNTED) for place in places if place.counted
    }
    told = [_asked(notifications.unread, asker)] if actor.may("exceptions.view_case") else []
    away = exceptions.capped(rules.own_absences(actor, at=now), 1)
    away_count, *counts = exceptions.counts_of([away, *asked.values(), *told])
    return dict(zip(asked, counts, strict=False)), counts[-1] if told else 0, bool(away_count)


@lru_cache(maxsize=1_000)
def _asked(waiting: Callable[[Actor], QuerySet[Any]], asker: Actor) -> exceptions.Capped:
    """Putting these questions into words was a fifth of a page; for one asker they never change."""
    return exceptions.capped(waiting(asker), MOST_COUNTED)


def _groups(places: Sequence[Place], path: str, counts: Mapping[str, int]) -> list[Group]:
    held = {_url(place.holds): _url(place.route) for place in places if place.holds}
    here = _nearest([*(_url(place.route) for place in places), *held], path)
    here = held.get(here, here)
    groups = []
    for name, title in GROUPS.items():
        entries = [_entry(place, here, counts.get(place.route, 0)) for place in places if place.group == name]
        if entries:
            groups.append(Group(str(title), entries))
    return groups


@cache
def _url(route: str) -> str:
    """Its address; looking it up for every entry of every page was a twelfth of a page."""
    return reverse(route)


def _nearest(urls: Iterable[str], path: str) -> str:
    """The entry a page belongs to: the longest address its own begins with."""
    return max((url for url in urls if path.startswith(url)), key=len, default="")


def may_open(route: str, actor: Actor) -> bool:
    """Whether this person may go there, if it is somewhere to go: single records are not."""
    place = next((place for place in PLACES if place.route == route), None)
    if place is not None:
        return _is_open(place, actor)
    return route not in RECORDS and (route not in PERMISSIONS or actor.may(PERMISSIONS[route]))


def _is_open(place: Place, actor: Actor) -> bool:
    return actor.may(place.permission) and (place.route != "sync:sandbox" or settings.DEMO)


def topic(path: str) -> str:
    """Where the help page explains this page."""
    urls = {RECORDS.get(route) or _url(route): route for route in PAGES}
    return anchor(urls.get(_nearest(urls, path), ""))


def _entry(place: Place, here: str, count: int) -> Entry:
    url = _url(place.route)
    return Entry(str(place.title), url, place.icon, url == here, count, str(place.unit), place.hot, place.key)
