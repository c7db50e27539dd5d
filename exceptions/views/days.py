"""Fields for days beside a filter for times: a form sends `due.from` and `due.to`, an address says `due=2026-11-01..2026-11-20`."""

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest

FROM: Final = ".from"
TO: Final = ".to"
WAS: Final = ".was"
DAY: Final = r"(?:\d{4}-\d{2}-\d{2})?"
OF_DAYS: Final = re.compile(rf"^({DAY})\.\.({DAY})$", re.ASCII)


def asked_by_fields(request: HttpRequest, names: Collection[str]) -> str | None:
    """What the fields of these filters ask for, as the query string of an address; None for an address without such fields.

    `.was` is what the form showed: days that were typed win, and days that were only left standing give way to what else was chosen.
    """
    query = request.GET.copy()
    if not any(f"{name}{end}" in query for name in names for end in (FROM, TO)):
        return None
    for name in names:
        first, last, was = (query.pop(f"{name}{end}", [""])[-1].strip() for end in (FROM, TO, WAS))
        days = f"{first}..{last}" if first or last else ""
        if days and days != was:
            query[name] = days
        elif OF_DAYS.match(was) and not days and query.get(name) == was:
            query[name] = ""
    return urlencode([(name, value) for name, values in query.lists() for value in values if value]) or "view=all"


def days_of(request: HttpRequest, names: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """The first and the last day that each of these filters asks for, "" for open ends and for what is no range of days."""
    found = {name: OF_DAYS.match(request.GET.get(name, "")) for name in names}
    return {name: (days[1], days[2]) if days else ("", "") for name, days in found.items()}
