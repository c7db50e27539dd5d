"""Sentences the domain makes, so that a page can say them in its reader's language.

What is stored or answered to programs is English. A sentence with values in it remembers what it was made of; the page or letter says it
again with `in_words`, also one that was stored: `kept` goes beside its English text, and `said_again` puts the two together. Sentences
without values need nothing but to be in the catalogue, and to be `said` where people write, too: what a person wrote is never translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils import dateformat, formats, timezone
from django.utils.translation import get_language, gettext, pgettext

MOMENT: Final = "%a %d %b %H:%M UTC"
# ISO 4217: how many digits the minor unit has, where it is not two.
MINOR_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$", "BRL": "R$"}


class Said(str):
    """An English sentence that remembers its pattern and the values it was filled with."""

    __slots__ = ("pattern", "values")
    pattern: str
    values: dict[str, Any]

    @staticmethod
    def filled(pattern: str, values: Mapping[str, Any]) -> str:
        """A pattern with these values."""
        return pattern % values


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


def listed(parts: Sequence[str], *, between: str = ", ") -> Said:
    """Several in one sentence."""
    values = {f"part_{n}": part for n, part in enumerate(parts)}
    pattern = between.join(f"%({name})s" for name in values)
    return said(pattern, **values)


def at(moment: datetime) -> Said:
    """A moment inside a sentence: in English in UTC, on a page and in a letter in the reader's zone."""
    made = Said(f"{moment:{MOMENT}}")
    made.pattern, made.values = "", {"at": moment}
    return made


def on(day: date) -> Said:
    """A day inside a sentence."""
    made = Said(f"{day:%d %b %Y}")
    made.pattern, made.values = "", {"on": day}
    return made


def money(minor: int, currency: str) -> Said:
    """Minor units inside a sentence: in English as “318.00 EUR”, on a page as its reader writes money."""
    made = Said(f"{_amount(minor, currency)} {currency}")
    made.pattern, made.values = "", {"minor": minor, "currency": currency}
    return made


def money_in_words(minor: int, currency: str) -> str:
    """Minor units as the reader of the page writes them: 31800 and EUR as “€318.00”."""
    amount = formats.number_format(_amount(minor, currency), MINOR_DIGITS.get(currency, 2), force_grouping=True)
    pattern = (
        pgettext("money", "%(symbol)s%(amount)s") if currency in SYMBOLS else pgettext("money", "%(symbol)s %(amount)s")
    )
    return pattern % {"symbol": SYMBOLS.get(currency, currency), "amount": amount}


def _amount(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-MINOR_DIGITS.get(currency, 2))


def cut(text: str, most: int) -> Said:
    """The first `most` characters of it, which still remember the whole."""
    made = Said(text[:most])
    made.pattern, made.values = (text.pattern, text.values) if isinstance(text, Said) else (str(text), {})
    return made


def kept(text: str) -> dict[str, Any]:
    """What has to be stored beside the English text so that it can be said again later; empty for what is only itself."""
    if not isinstance(text, Said):
        return {}
    return {"pattern": text.pattern, "values": {name: _storable(value) for name, value in text.values.items()}}


def said_again(text: str, stored: Mapping[str, Any]) -> str:
    """A stored text with what `kept` has stored beside it; the text itself where that is nothing."""
    if not stored:
        return text
    made = Said(text)
    made.pattern = stored["pattern"]
    made.values = {name: _value(value) for name, value in stored["values"].items()}
    return made


def _storable(value: Any) -> Any:
    if isinstance(value, Said):
        return {"said": {"text": str(value), **kept(value)}}
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    return {"on": value.isoformat()} if isinstance(value, date) else value


def _value(stored: Any) -> Any:
    if not isinstance(stored, Mapping):
        return stored
    if "said" in stored:
        return said_again(stored["said"]["text"], stored["said"])
    return datetime.fromisoformat(stored["at"]) if "at" in stored else date.fromisoformat(stored["on"])


def as_said(text: str) -> str:
    """What the product said, in the language of the page; what a person wrote, as they wrote it."""
    return in_words(text) if isinstance(text, Said) else text


def in_words(text: str) -> str:
    """The sentence in the language of the page; one that the catalogue does not know stays as it is."""
    if not text:
        return ""
    if not isinstance(text, Said):
        return gettext(str(text))
    if not text.pattern:
        return _by_itself(text.values)
    if not text.values:
        found = gettext(text.pattern)
        return found if found != text.pattern or _keeps_its_capital(text) else str(text)
    inner = {name: in_words(value) if isinstance(value, Said) else value for name, value in text.values.items()}
    return text.filled(gettext(text.pattern), inner)


def _keeps_its_capital(text: Said) -> bool:
    """Whether it is a label `within` a sentence that another language than English writes as the label is written."""
    return text.casefold() == text.pattern.casefold() and not (get_language() or "en").startswith("en")


def _by_itself(values: Mapping[str, Any]) -> str:
    if "minor" in values:
        return money_in_words(values["minor"], values["currency"])
    if "on" in values:
        return dateformat.format(values["on"], pgettext("moment", "j M Y"))
    return dateformat.format(timezone.localtime(values["at"]), pgettext("moment", "D j M, H:i T"))
