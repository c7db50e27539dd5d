"""Filters of a list that are menus: each asks how many its values would leave when it is opened, and is a plain choice without that."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from exceptions import list_pages
from exceptions.selectors.facets import Facet
from exceptions.selectors.queue_filters import LEFT_OUT
from exceptions.views.fragments import View, fragment
from exceptions.views.lists import FILTERS, pairs_of

SEARCHED_FROM: Final = 12


@dataclass(frozen=True)
class FacetMenu:
    """One filter as a menu: value, words and whether it is on; `takes_one` where only one can be."""

    name: str
    label: str
    options: Sequence[tuple[str, str, bool]]
    takes_one: bool = False

    @property
    def on_count(self) -> int:
        """How many values are on."""
        return sum(is_on for *_, is_on in self.options)


def menus(
    request: HttpRequest, choices: Mapping[str, Sequence[tuple[str, str]]], *, labels: Mapping[str, Any] = FILTERS
) -> list[FacetMenu]:
    """The menus of these filters; what the address asks for beside what is offered is offered too."""
    return [_menu(name, str(labels[name]), options, request.GET.getlist(name)) for name, options in choices.items()]


def _menu(name: str, label: str, options: Sequence[tuple[str, str]], asked: Sequence[str]) -> FacetMenu:
    more = [(value, value) for value in dict.fromkeys(asked) if value and value not in dict(options)]
    return FacetMenu(
        name, label, [(value, words, value in asked) for value, words in [*options, *more]], takes_one=name == "cause"
    )


def part_or_page(view: View) -> View:
    """Part of a page for the page that asks for it, and a page by itself for who follows its address."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        guarded = fragment(view) if "HX-Request" in request.headers else login_required(require_GET(view))
        return guarded(request, *args, **kwargs)

    return answer


def values_answer(
    request: HttpRequest, found: Facet, *, label: str, back: str, besides: Collection[str] = ()
) -> HttpResponse:
    """The values of a filter: those of a menu that is open, or the page they are chosen on."""
    part = "HX-Request" in request.headers
    context = {
        "facet": found,
        "label": label,
        "back": back,
        "query": list_pages.canonical_query(request.GET.urlencode()),
        "kept": pairs_of(request, besides=(found.name, f"{found.name}{LEFT_OUT}", "view", *besides)),
        "is_searched": part and len(found.values) > SEARCHED_FROM,
    }
    return render(request, "components/facet_values.html" if part else "components/facet_page.html", context)
