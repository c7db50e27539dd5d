"""Sentences the domain makes, so that a page can say them in its reader's language.

What is stored, sent or answered to programs is English. A sentence with values in it remembers what it was made of; the page, and only
the page, says it again with `in_words`. Sentences without values need nothing but to be in the catalogue.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext


class Said(str):
    """An English sentence that remembers its pattern and the values it was filled with."""

    __slots__ = ("pattern", "values")
    pattern: str
    values: dict[str, Any]


def said(pattern: str, /, **values: Any) -> Said:
    """Fill the `%(name)s` of an English sentence. `makemessages` collects the pattern."""
    made = Said(pattern % values if values else pattern)
    made.pattern, made.values = pattern, values
    return made


def within(label: str) -> Said:
    """A label inside a sentence: in English without its capital."""
    made = Said(label.lower())
    made.pattern, made.values = label, {}
    return made


def in_words(text: str) -> str:
    """The sentence in the language of the page; one that the catalogue does not know stays as it is."""
    if not text:
        return ""
    if not isinstance(text, Said):
        return gettext(str(text))
    if not text.values:
        found = gettext(text.pattern)
        return found if found != text.pattern else str(text)
    inner = {name: in_words(value) if isinstance(value, Said) else value for name, value in text.values.items()}
    return gettext(text.pattern) % inner
