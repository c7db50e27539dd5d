"""How a deadline came about: kept in English, said in the reader's language. It is a small grammar, which `rules.business_time` writes."""

import re
from typing import Final

from django.utils.dates import MONTHS_3, WEEKDAYS_ABBR
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_noop as noop

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY: Final = re.compile(rf"\b({'|'.join(DAYS)})(?: (\d\d?) ({'|'.join(MONTHS)}))?(?= \d\d:\d\d)")
PHRASES: Final = (
    (re.compile(r"not counted (?P<start>.+?) to (?P<end>.+?) \("), noop("not counted %(start)s to %(end)s (")),
    (re.compile(r"(?P<count>\d+) more openings"), noop("%(count)s more openings")),
    (
        re.compile(r"by target “(?P<name>[^”]+)” of severity (?P<severity>P\d)"),
        noop("by target “%(name)s” of severity %(severity)s"),
    ),
    (
        re.compile(r"by type “(?P<name>[^”]+)” of severity (?P<severity>P\d)"),
        noop("by type “%(name)s” of severity %(severity)s"),
    ),
    (re.compile(r"by (?P<by>[\w\s]+) of severity (?P<severity>P\d)"), noop("by %(by)s of severity %(severity)s")),
    (re.compile(r"\(rule book v(?P<number>\d+)\)"), noop("(rule book v%(number)s)")),
    (
        re.compile(r"It was (?P<had>.+); what was used by then counts\."),
        noop("It was %(had)s; what was used by then counts."),
    ),
    (re.compile(r"(?P<severity>P\d) until "), noop("%(severity)s until ")),
)


def derivation_in_words(words: str) -> str:
    """A derivation in the language of the page."""
    words = DAY.sub(_day, words)
    for phrase, pattern in PHRASES:
        words = phrase.sub(lambda found, pattern=pattern: gettext(pattern) % _said(found), words)  # type: ignore[misc]
    return words


def _said(found: re.Match[str]) -> dict[str, str]:
    """What a phrase was filled with; the name of a shipped type or target is in the catalogue, too."""
    return {key: gettext(value) if key == "name" else value for key, value in found.groupdict().items()}


def _day(found: re.Match[str]) -> str:
    weekday = WEEKDAYS_ABBR[DAYS.index(found[1])]
    if not found[2]:
        return str(weekday)
    said = {"weekday": weekday, "day": found[2], "month": MONTHS_3[MONTHS.index(found[3]) + 1].capitalize()}
    return pgettext("moment", "%(weekday)s %(day)s %(month)s") % said
