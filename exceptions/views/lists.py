"""What lists share: which view is on the screen, and which filters are on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.words import in_words
from exceptions import list_pages
from exceptions.selectors import ViewLink
from exceptions.views.ranges import range_in_words
from exceptions.words import cause_in_words

FILTERS: Mapping[str, Any] = {
    "q": _("Words"),
    "state": _("State"),
    "client": _("Client"),
    "customer": _("Customer"),
    "type": _("Type"),
    "due": _("Due"),
    "risk": _("At risk"),
    "owner": _("Owner"),
    "cause": _("Cause"),
}


@dataclass(frozen=True)
class Chip:
    """A filter that is on, in words, and the address without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class CurrentView:
    """The view on the screen; it is changed when the address shows something else than what was kept."""

    link: ViewLink
    is_changed: bool


def view_to_open(request: HttpRequest, views: Sequence[ViewLink]) -> ViewLink | None:
    """The view an address asks for that says nothing else: the named one, or the person's first one for a bare address."""
    if not request.GET:
        return next((view for view in views if view.is_default), None)
    if set(request.GET) == {"view"}:
        named = next((view for view in views if str(view.number) == request.GET["view"]), None)
        return named if named and named.query else None
    return None


def current_view(request: HttpRequest, views: Sequence[ViewLink]) -> CurrentView | None:
    """The view an address says it shows."""
    number = request.GET.get("view", "")
    link = next((view for view in views if str(view.number) == number), None)
    if link is None:
        return None
    return CurrentView(link, list_pages.canonical_query(request.GET.urlencode()) != link.query)


def chips(
    request: HttpRequest, choices: Mapping[str, Sequence[tuple[str, str]]], *, labels: Mapping[str, Any] = FILTERS
) -> list[Chip]:
    """The filters that are on, of those that have a label."""
    found = []
    for name, label in labels.items():
        for value in request.GET.getlist(name):
            if value:
                words = dict(choices.get(name, ())).get(value) or _words_of(name, value)
                found.append(Chip(str(label), words, _without(request, name, value)))
    return found


def _words_of(name: str, value: str) -> str:
    """A value that the page does not offer itself, such as one of a link from a report."""
    if name == "cause":
        return in_words(cause_in_words(value))
    return value if name == "q" else range_in_words(value)


def pairs_of(
    request: HttpRequest, *, only: Collection[str] = (), besides: Collection[str] = ()
) -> list[tuple[str, str]]:
    """What a form has to carry along of an address: name and value, without the place in the list."""
    return [
        (name, value)
        for name, values in request.GET.lists()
        if name != "after" and name not in besides and (not only or name in only)
        for value in values
    ]


def _without(request: HttpRequest, name: str, value: str) -> str:
    kept = request.GET.copy()
    kept.pop("after", None)
    kept.setlist(name, [other for other in kept.getlist(name) if other != value])
    return kept.urlencode() or "view=all"
