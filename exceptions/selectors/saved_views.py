"""The views somebody has of a list: their own, and what their teams share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.urls import reverse

from audit.context import Actor
from audit.errors import NotFound
from exceptions import list_pages
from exceptions.models import DefaultView, SavedView
from rules import selectors as rules
from rules.models import Team

MANAGE = "exceptions.manage_views"


@dataclass(frozen=True)
class ViewLink:
    """A view among the tabs of its list."""

    number: int
    title: str
    query: str
    version: int
    is_mine: bool
    is_default: bool

    @property
    def address(self) -> str:
        """The query string that opens it."""
        return with_number(self.query, self.number)


@dataclass(frozen=True)
class ViewRow:
    """A view on the page about views."""

    number: int
    title: str
    url: str
    version: int
    is_mine: bool
    is_default: bool
    may_change: bool
    owner: str
    team: str
    team_slug: str
    used_by: int


@dataclass(frozen=True)
class ViewsOfPage:
    """The views of one list."""

    slug: str
    title: str
    url: str
    mine: Sequence[ViewRow]
    shared: Sequence[ViewRow]

    @property
    def has_default(self) -> bool:
        """Whether one of them is seen first."""
        return any(row.is_default for row in (*self.mine, *self.shared))


def with_number(query: str, number: int) -> str:
    """The query string of a view, saying which view it is."""
    return f"{query}&view={number}" if query else f"view={number}"


def visible_views(by: Actor) -> QuerySet[SavedView]:
    """The person's own and what the person's teams share; for who manages views, everything that is shared."""
    shared = Q(team__isnull=False) if by.may(MANAGE) else Q(team__in=by.teams)
    return SavedView.objects.filter(Q(user=by.user_id) | shared, is_active=True)


def views_for(by: Actor) -> QuerySet[SavedView]:
    """As `visible_views`, without those that name a client the actor does not have; `is_first` says whether it is seen first."""
    clients = _client_slugs(by)
    known = [pk for pk, query in visible_views(by).values_list("pk", "query") if _names_only(query, clients)]
    first = DefaultView.objects.filter(user=by.user_id, view=OuterRef("pk"))
    return SavedView.objects.filter(pk__in=known).select_related("user", "team").annotate(is_first=Exists(first))


def may_change(view: SavedView, by: Actor) -> bool:
    """Whether the actor may rename, share or delete it: its owner may, and for a shared one who manages views."""
    return view.user_id == by.user_id or (view.team_id is not None and by.may(MANAGE))


def view_for(by: Actor, number: int) -> SavedView:
    """The view. Raises `NotFound`, also for what is not shared with the actor."""
    view = visible_views(by).filter(number=number).first()
    if view is None or not _names_only(view.query, _client_slugs(by)):
        raise NotFound("There is no such view, or it is not shared with you.")
    return view


def teams_of(by: Actor) -> list[tuple[str, str]]:
    """The teams a view can be shared with: slug and name."""
    return list(Team.objects.filter(pk__in=by.teams, is_active=True).order_by("name", "pk").values_list("slug", "name"))


def link_records(by: Actor, page: str) -> dict[str, QuerySet[Any, tuple[Any, ...]]]:
    """The rows of `read_links`, to be asked in one statement with others: kind, number, title, query, version."""
    mine = SavedView.objects.filter(user=by.user_id, page=page, is_active=True)
    shared = SavedView.objects.filter(team__in=by.teams, page=page, is_active=True).exclude(user=by.user_id)
    first = DefaultView.objects.filter(user=by.user_id, page=page, view__isnull=False)
    nothing = Value("", output_field=CharField())
    columns = (Cast("number", TextField()), "title", "query", Cast("version", TextField()))
    return {
        "mine": mine.values_list(Value("mine"), *columns),
        "shared": shared.values_list(Value("shared"), *columns),
        "first": first.values_list(
            Value("first"), Cast(F("view__number"), TextField()), nothing, nothing, Cast("version", TextField())
        ),
    }


def read_links(rows: Sequence[tuple[str, str, str, str, str]], clients: Collection[str]) -> list[ViewLink]:
    """The views in these rows, own ones first; a shared one that names a client the reader does not have is not there."""
    first = {number for kind, number, *_ in rows if kind == "first"}
    links = [
        ViewLink(int(number), title, query, int(version), kind == "mine", number in first)
        for kind, number, title, query, version in rows
        if kind == "mine" or (kind == "shared" and _names_only(query, clients))
    ]
    return sorted(links, key=lambda link: (not link.is_mine, link.title.casefold(), link.number))


def view_links(*, by: Actor, page: str, clients: Collection[str]) -> list[ViewLink]:
    """The views of a list, in one statement; `clients` are the slugs of those the reader has."""
    first, *others = link_records(by, page).values()
    return read_links(list(first.union(*others, all=True)), clients)


def views_page(by: Actor) -> list[ViewsOfPage]:
    """Every list the actor may open, with its views."""
    clients = _client_slugs(by)
    first = set(DefaultView.objects.filter(user=by.user_id).values_list("view_id", flat=True))
    views = visible_views(by).select_related("user", "team").annotate(used_by=Count("defaults"))
    shown = [view for view in views.order_by("title", "pk") if _names_only(view.query, clients)]
    rows: Mapping[str, list[ViewRow]] = {page.slug: [] for page in list_pages.registered()}
    for view in shown:
        if view.page in rows:
            rows[view.page].append(_row(view, by, first))
    return [
        ViewsOfPage(
            slug=page.slug,
            title=str(page.title),
            url=reverse(page.route),
            mine=[row for row in rows[page.slug] if row.is_mine],
            shared=[row for row in rows[page.slug] if not row.is_mine],
        )
        for page in list_pages.registered()
        if by.may(page.permission)
    ]


def _row(view: Any, by: Actor, first: Collection[UUID | None]) -> ViewRow:
    return ViewRow(
        number=view.number,
        title=view.title,
        url=f"{reverse(list_pages.list_page(view.page).route)}?{with_number(view.query, view.number)}",
        version=view.version,
        is_mine=view.user_id == by.user_id,
        is_default=view.pk in first,
        may_change=may_change(view, by),
        owner=view.user.display_name,
        team=view.team.name if view.team else "",
        team_slug=view.team.slug if view.team else "",
        used_by=view.used_by,
    )


def _client_slugs(by: Actor) -> set[str]:
    house = {list_pages.NONE} if by.clients is None else set()
    return house | set(rules.clients_of(by).values_list("slug", flat=True))


def _names_only(query: str, clients: Collection[str]) -> bool:
    asked = parse_qs(query)
    return {*asked.get("client", ()), *asked.get("client!", ())} <= set(clients)
