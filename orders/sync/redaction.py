"""What of a stranger's answer may stay in our tables: enough to see what went wrong, nobody's data and no secret.

An answer has no contract. So everything goes that our own payload marks as personal, whatever a telling key names, and whatever looks
like an address, a number of a person or a secret.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rules.contracts import HIDDEN

READ = 2_000  # characters looked at; far more than is ever shown
SHORTEST_WORD = 3
_KEYS = (
    r"[\w-]*(?:passw|secret|token|api[_-]?key|authori[sz]ation|cookie|session|signature|credential|private|mail|phone|mobile|"
    r"name|street|address|city|post_?code|postal|zip|birth|iban|card|account|recipient|customer)[\w-]*"
)
_TELLING_KEY = re.compile(_KEYS, re.IGNORECASE)
_TELLING_PAIR = re.compile(rf'(\b{_KEYS}"?\s?[:=]\s?)("[^"]*"?|[^\s"&,;<}}]+)', re.IGNORECASE)
_TELLING_VALUE = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}"  # e-mail
    r"|\b(?:bearer|basic)\s[\w.~+/=-]+|\bwhsec_[\w+/=-]+|\beyJ[\w.-]+|\b[\w-]{40,}"  # secrets
    r"|\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,3})?\b"  # IBAN
    r"|(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])"  # card
    r"|(?<!\w)(?:\+|00)\d[\d ()./-]{5,18}\d",  # phone
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def personal_values(payload: Any, preview: Any) -> frozenset[str]:
    """The words of a payload that its preview hides."""
    words = (word for text in _hidden(payload, preview) for word in (text, *text.split()))
    return frozenset(word.casefold() for word in words if len(word) >= SHORTEST_WORD)


def _hidden(payload: Any, preview: Any) -> Iterator[str]:
    if preview == HIDDEN:
        yield from _leaves(payload)
    elif isinstance(payload, Mapping) and isinstance(preview, Mapping):
        for key, value in payload.items():
            yield from _hidden(value, preview.get(key, HIDDEN))
    elif isinstance(payload, list) and isinstance(preview, list):
        for value, shown in zip(payload, preview, strict=False):
            yield from _hidden(value, shown)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(inner)
    elif isinstance(value, str):
        yield value.strip()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def redacted(text: str, *, personal: Collection[str], longest: int) -> str:
    """The beginning of an answer on one line, without `personal` words and whatever else tells of people or secrets."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        shown = _TELLING_PAIR.sub(rf"\1{HIDDEN}", _TELLING_VALUE.sub(HIDDEN, text[:READ]))
    else:
        shown = _TELLING_VALUE.sub(HIDDEN, json.dumps(_without_telling_keys(value), ensure_ascii=False)[:READ])
    if personal:
        known = "|".join(re.escape(word) for word in sorted(personal, key=len, reverse=True))
        shown = re.sub(rf"(?<!\w)(?:{known})(?!\w)", HIDDEN, shown, flags=re.IGNORECASE)
    return _CONTROL.sub(" ", shown)[:longest]


def _without_telling_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: HIDDEN if _TELLING_KEY.fullmatch(key) else _without_telling_keys(inner) for key, inner in value.items()
        }
    return [_without_telling_keys(item) for item in value] if isinstance(value, list) else value
