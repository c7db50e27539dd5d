"""The list somebody came from, as the address of an exception carries it along: `?v=team%3Fclient%3Dnorthwind`."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from audit.context import Actor
from audit.errors import Invalid, NotFound
from exceptions import list_pages, selectors
from exceptions.models import ExceptionCase
from exceptions.selectors import QueueFilters
from exceptions.selectors.places import Neighbours, Place, neighbours, place_of
from exceptions.selectors.queue_filters import LEAVABLE, LEFT_OUT, OF_SEVERAL, PER_PAGE

MARK = "v"
SCOPES = ("mine", "team", "unowned")


@dataclass(frozen=True)
class Origin:
    """A list with its filters; `suffix` is what an address says to have come from there, "" for nowhere."""

    scope: str
    query: str
    filters: QueueFilters

    @property
    def suffix(self) -> str:
        """The end of an address."""
        return suffix_of(self.scope, self.query)

    @property
    def title(self) -> Any:
        """The list's name."""
        return list_pages.list_page(self.scope).title

    @property
    def url(self) -> str:
        """The list's address."""
        asked = f"?{self.query}" if self.query else ""
        return f"{reverse(list_pages.list_page(self.scope).route)}{asked}"


def filters_in(query: QueryDict, scope: str) -> QueueFilters:
    """What of the queue an address asks for."""
    names = {field.name for field in fields(QueueFilters)} - {"scope", "per", "cols", "without"}
    given: dict[str, Any] = {name: value.strip() for name in names - OF_SEVERAL if (value := str(query.get(name, "")))}
    several = {name: [value for one in query.getlist(name) if (value := str(one).strip())] for name in OF_SEVERAL}
    given |= {name: ",".join(dict.fromkeys(values)) for name, values in several.items() if values}
    left_out = {name: [str(one).strip() for one in query.getlist(f"{name}{LEFT_OUT}")] for name in sorted(LEAVABLE)}
    given["without"] = tuple((name, tuple(filter(None, values))) for name, values in left_out.items() if any(values))
    sizes = {str(size): size for size in PER_PAGE}
    cols = selectors.asked_columns([str(one) for one in query.getlist("cols")])
    return QueueFilters(scope=scope, per=sizes.get(str(query.get("per", "50")), 0), cols=cols, **given)


def suffix_of(scope: str, query: str) -> str:
    """The end of an address that says from which list it was reached; the list's columns and number of rows are no part of that."""
    kept = [
        pair
        for pair in QueryDict(query).lists()
        if pair[0] not in {"cols", "per", "group", *list_pages.PLACES_IN_A_LIST}
    ]
    asked = urlencode(kept, doseq=True)
    return "?" + urlencode({MARK: f"{scope}?{asked}" if asked else scope})


def origin_of(request: HttpRequest) -> Origin | None:
    """The list the address names; None for none, and for one there is not: an exception can be read without its list."""
    scope, _, query = request.GET.get(MARK, "")[: list_pages.LONGEST_QUERY].partition("?")
    if scope not in SCOPES:
        return None
    try:
        list_pages.refuse_foreign(list_pages.list_page(scope), query)
    except Invalid:
        return None
    return Origin(scope, query, filters_in(QueryDict(query), scope))


def place_in(origin: Origin | None, case: ExceptionCase, *, by: Actor, now: datetime) -> Place | None:
    """Where the exception stands in the list; None without a list."""
    try:
        return place_of(case, by=by, filters=origin.filters, now=now) if origin else None
    except (Invalid, NotFound):
        return None


def beside(origin: Origin | None, case: ExceptionCase, *, by: Actor, now: datetime) -> Neighbours:
    """What is before and after it in the list; nothing without a list."""
    try:
        return neighbours(case, by=by, filters=origin.filters, now=now) if origin else Neighbours()
    except (Invalid, NotFound):
        return Neighbours()
