"""Keeping, changing and deleting views, and choosing which one is seen first."""

from datetime import datetime
from typing import Final

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, Refused, StaleVersion
from audit.models import User
from audit.services.events import record
from audit.words import said
from exceptions import list_pages
from exceptions.models import DefaultView, SavedView
from exceptions.selectors.saved_views import may_change, view_for
from rules.models import Team

LONGEST_TITLE: Final = 60
MOST_VIEWS: Final = 50


def save_view(*, page: str, title: str, query: str, team: str = "", by: Actor, now: datetime) -> SavedView:
    """Keep what a list shows under a name; `team` is the slug of one of the person's teams it is shared with.

    Raises `NotFound` for an unknown list, `Refused` for who is no person or may not open it, and `Invalid` for a title that is empty, taken
    or an address, a parameter the list does not know, or a team of others.
    """
    with acting(by, at=now):
        where = list_pages.list_page(page)
        require(by, where.permission)
        person = _lock_person(by)
        _refuse_too_many(person, page)
        list_pages.refuse_foreign(where, query)
        view = SavedView(user=person, page=page, query=_kept(query), team=_shared_with(team, by))
        view.title = _free_title(title, person.pk, page)
        view.save()
        view.refresh_from_db(fields=["number"])
        record("view.saved", subject=view, page=page, team=team)
    return view


def change_view(*, number: int, title: str, team: str, seen: int | None, by: Actor, now: datetime) -> SavedView:
    """Give it another name, or share it with another team or none. Raises as `save_view`, and `StaleVersion`."""
    with acting(by, at=now):
        view = _to_change(number, seen, by)
        if team != (view.team.slug if view.team else ""):
            view.team = _shared_with(team, by)
        if title.strip() != view.title:
            view.title = _free_title(title, view.user_id, view.page, besides=view)
        view.save()
        record("view.changed", subject=view)
    return view


def change_view_query(*, number: int, query: str, seen: int | None, by: Actor, now: datetime) -> SavedView:
    """Let it show something else from now on. Raises as `save_view`, and `StaleVersion`."""
    with acting(by, at=now):
        view = _to_change(number, seen, by)
        list_pages.refuse_foreign(list_pages.list_page(view.page), query)
        view.query = _kept(query)
        view.save()
        record("view.changed", subject=view)
    return view


def delete_view(*, number: int, seen: int | None, by: Actor, now: datetime) -> SavedView:
    """Take it away from everybody; its history stays. Raises `NotFound`, `Refused` and `StaleVersion`."""
    with acting(by, at=now):
        view = _to_change(number, seen, by)
        view.is_active = False
        view.save()
        record("view.deleted", subject=view)
    return view


def set_default_view(*, page: str, number: int | None, by: Actor, now: datetime) -> DefaultView:
    """See this view first on this list, or the whole list. Raises `NotFound` and `Refused`."""
    with acting(by, at=now):
        require(by, list_pages.list_page(page).permission)
        person = _lock_person(by)
        view = None if number is None else view_for(by, number)
        if view is not None and view.page != page:
            detail = said("This view is of another list.")
            raise Invalid(detail, errors=[FieldError("/view", "unknown", detail)])
        first = DefaultView.objects.filter(user=person, page=page).first()
        first = first or DefaultView(user=person, page=page)
        first.view = view
        first.save()
        record("view.default_set", subject=first, changes={}, page=page, view=number or 0)
    return first


def _lock_person(by: Actor) -> User:
    """Whoever saves twice at once waits here."""
    if by.user_id is None:
        raise Refused("Only people have views.")
    return User.objects.select_for_update(no_key=True).get(pk=by.user_id)


def _to_change(number: int, seen: int | None, by: Actor) -> SavedView:
    found = view_for(by, number)
    User.objects.select_for_update(no_key=True).get(pk=found.user_id)  # titles are told apart per person
    view = SavedView.objects.select_for_update(of=("self",)).select_related("team").get(pk=found.pk)
    if not may_change(view, by):
        raise Refused("Only who saved this view, or an ops lead, can change it. Save it as yours instead.")
    if seen not in {None, view.version} or not view.is_active:
        raise StaleVersion(
            said("“%(title)s” was changed by somebody else. Look at it again before you go on.", title=view.title)
        )
    return view


def _refuse_too_many(person: User, page: str) -> None:
    if SavedView.objects.filter(user=person, page=page, is_active=True).count() >= MOST_VIEWS:
        detail = said("You have %(value)s views of this list already. Delete one first.", value=MOST_VIEWS)
        raise Invalid(detail, errors=[FieldError("", "too-many", detail)])


def _free_title(title: str, user_id: int, page: str, *, besides: SavedView | None = None) -> str:
    title = " ".join(title.split())
    detail = ""
    if not 0 < len(title) <= LONGEST_TITLE:
        detail = said("Give it a name of at most %(value)s characters.", value=LONGEST_TITLE)
    elif "@" in title:
        detail = said("The name of a view cannot hold an e-mail address.")
    else:
        others = SavedView.objects.filter(user_id=user_id, page=page, title__iexact=title, is_active=True)
        if (others.exclude(pk=besides.pk) if besides else others).exists():
            detail = said("There is a view “%(title)s” of this list already.", title=title)
    if detail:
        raise Invalid(detail, errors=[FieldError("/title", "not-usable", detail)])
    return title


def _kept(query: str) -> str:
    kept = list_pages.canonical_query(query)
    detail = ""
    if len(kept) > list_pages.LONGEST_QUERY:
        detail = said("These are too many filters for a view.")
    elif "%40" in kept or "@" in kept:
        detail = said("A view cannot keep an e-mail address. Search for it each time.")
    if detail:
        raise Invalid(detail, errors=[FieldError("/query", "not-usable", detail)])
    return kept


def _shared_with(team: str, by: Actor) -> Team | None:
    if not team:
        return None
    found = Team.objects.filter(slug=team, pk__in=by.teams, is_active=True).first()
    if found is None:
        detail = said("Choose one of your own teams.")
        raise Invalid(detail, errors=[FieldError("/team", "unknown", detail)])
    return found
