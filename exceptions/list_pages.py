"""The lists a view can be saved of: each app declares its own, with the parameters its address knows."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from django.utils.functional import Promise

from audit.errors import FieldError, Invalid, NotFound
from audit.words import said

LONGEST_QUERY: Final = 1_000
# Where somebody is in a list, and by which view, is not what the list shows.
PLACES_IN_A_LIST: Final = frozenset({"after", "view"})
# What a filter says for what has none: `cause=none`, and `client=none` for what is of the house.
NONE: Final = "none"


@dataclass(frozen=True)
class ListPage:
    """A list: `route` is its URL name, `parameters` what its query string may say, `permission` who may open it."""

    slug: str
    title: str | Promise
    route: str
    permission: str
    parameters: frozenset[str]


_pages: dict[str, ListPage] = {}


def register(page: ListPage) -> None:
    """Declare a list. Raises `ValueError` when its name is taken."""
    if page.slug in _pages:
        raise ValueError(f"List {page.slug} is already registered")
    _pages[page.slug] = page


def list_page(slug: str) -> ListPage:
    """The list of this name. Raises `NotFound`."""
    page = _pages.get(slug)
    if page is None:
        raise NotFound("There is no such list.")
    return page


def registered() -> list[ListPage]:
    """All lists, by title."""
    return sorted(_pages.values(), key=lambda page: str(page.title))


def canonical_query(query: str) -> str:
    """What a query string shows, spelled in one way: parameters by name, without empty ones and without the place in the list."""
    pairs = [pair for pair in parse_qsl(query) if pair[0] not in PLACES_IN_A_LIST]
    return urlencode(sorted(pairs, key=lambda pair: pair[0]))


def refuse_foreign(page: ListPage, query: str) -> None:
    """Raises `Invalid` naming the parameters this list does not know: what is not understood never widens what is shown."""
    given = {name for name, _ in parse_qsl(query, keep_blank_values=True)} - PLACES_IN_A_LIST
    errors = [
        FieldError(f"/{name[:60]}", "unknown", said("This list knows no “%(name)s”.", name=name[:60]))
        for name in sorted(given - page.parameters)
    ]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
