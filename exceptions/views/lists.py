"""What lists share: which view is on the screen, and which filters are on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from audit.words import in_words
from exceptions import list_pages
from exceptions.selectors import ViewLink
from exceptions.selectors.queue_filters import LEFT_OUT
from exceptions.views.ranges import range_in_words
from exceptions.words import cause_in_words

FILTERS: Mapping[str, Any] = {
    "q": _("Words"),
    "state": _("State"),
    "client": _("Client"),
    "customer": _("Customer"),
    "type": _("Type"),
    "due": _("Due"),
    "created": _("Opened"),
    "risk": _("At risk"),
    "owner": _("Owner"),
    "hold": _("Hold"),
    "channel": _("Channel"),
    "cause": _("Cause"),
}


@dataclass(frozen=True)
class Chip:
    """A filter that is on, in words, and the address without it; `instead` is the one that leaves out what it asks for, or the reverse."""

    label: str
    value: str
    without: str
    instead: str = ""
    is_left_out: bool = False


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
    request: HttpRequest,
    choices: Mapping[str, Sequence[tuple[str, str]]],
    *,
    labels: Mapping[str, Any] = FILTERS,
    leavable: Collection[str] = (),
) -> list[Chip]:
    """The filters that are on, of those that have a label; of what is `leavable` also what is left out."""
    return [
        _chip(request, asked, value, str(label), dict(choices.get(name, ())), may_turn=name in leavable)
        for name, label in labels.items()
        for asked in ((name, f"{name}{LEFT_OUT}") if name in leavable else (name,))
        for value in request.GET.getlist(asked)
        if value
    ]


def _chip(
    request: HttpRequest, asked: str, value: str, label: str, words: Mapping[str, str], *, may_turn: bool
) -> Chip:
    name = asked.removesuffix(LEFT_OUT)
    is_left_out = asked != name
    known = filter_in_words(asked, value)
    kept = _besides(request, asked, value)
    turned = kept.copy()
    turned.appendlist(name if is_left_out else f"{name}{LEFT_OUT}", value)
    return Chip(
        label=str(_("%(label)s: not") % {"label": label}) if is_left_out else label,
        value=words.get(value, known),
        without=kept.urlencode() or "view=all",
        instead=turned.urlencode() if may_turn else "",
        is_left_out=is_left_out,
    )


def filter_in_words(name: str, value: str) -> str:
    """What a filter asks for, where no list of choices says it: a cause or a range as people read it, anything else as it is."""
    return in_words(cause_in_words(value)) if name.removesuffix(LEFT_OUT) == "cause" else range_in_words(value)


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


def _besides(request: HttpRequest, name: str, value: str) -> QueryDict:
    kept = request.GET.copy()
    kept.pop("after", None)
    kept.setlist(name, [other for other in kept.getlist(name) if other != value])
    return kept
