"""JSON as strangers send it, read without surprises.

The standard reader keeps the last of two equal keys, accepts NaN, lone surrogates and NUL (which PostgreSQL cannot store), and gives up on
deep nesting with a RecursionError. Each of these would be a 500 or a silent loss further in; here each is one sentence.
"""

import json
import re
from typing import Any, Final

from audit.canonical import MAX_SAFE_INTEGER
from audit.errors import DomainError

MAX_BYTES: Final = 1_048_576
MAX_DEPTH: Final = 64
MAX_KEYS: Final = 10_000
LONGEST_NUMBER: Final = 40
STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
UNSTORABLE_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")  # what is spelled with none of these holds neither


class Unparsable(DomainError):
    """The body is not JSON that has one meaning."""

    code = "unparsable"


class TooLarge(DomainError):
    """The body is longer than is read."""

    code = "too-large"


def loads(raw: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value `raw` spells. Raises `Unparsable` or `TooLarge`, saying what is wrong and where."""
    if len(raw) > max_bytes:
        raise TooLarge(f"The body has {len(raw)} bytes; at most {max_bytes} are read.")
    text = _text(raw)
    _refuse_depth(text, max_depth)
    try:
        value = _Reader().decode(text)
    except json.JSONDecodeError as broken:
        raise Unparsable(
            f"The body is not JSON: {broken.msg} at line {broken.lineno}, column {broken.colno}."
        ) from broken
    if UNSTORABLE_ESCAPE.search(text):
        _refuse_unstorable(value)
    return value


def _text(raw: bytes) -> str:
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Unparsable("The body starts with a byte order mark. Send plain UTF-8.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as broken:
        raise Unparsable(f"The body is not UTF-8: byte {broken.start} cannot be read.") from broken


def _refuse_depth(text: str, max_depth: int) -> None:
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth = 0
    for token in STRUCTURE.finditer(text):
        mark = token.group()
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        if depth > max_depth:
            raise Unparsable(f"The body is nested deeper than {max_depth} levels.")


def _refuse_unstorable(value: object) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and UNSTORABLE.search(item):
            raise Unparsable("A text in the body contains NUL or half of a surrogate pair, which cannot be stored.")
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item


class _Reader(json.JSONDecoder):
    """A decoder for one document: it counts keys over the whole of it."""

    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=self._pairs, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_fraction
        )
        self._keys = 0

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._keys += len(pairs)
        if self._keys > MAX_KEYS:
            raise Unparsable(f"The body has more than {MAX_KEYS} keys.")
        record = dict(pairs)
        if len(record) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise Unparsable(f"The key “{twice[:80]}” occurs twice in one object.")
        return record


def _refuse_constant(name: str) -> Any:
    raise Unparsable(f"{name} is not JSON.")


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER or abs(int(digits)) > MAX_SAFE_INTEGER:
        raise Unparsable(f"{digits[:LONGEST_NUMBER]} is beyond what JSON numbers say exactly; send it as text.")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits) if len(digits) <= LONGEST_NUMBER else float("inf")
    if number in {float("inf"), float("-inf")}:
        raise Unparsable(f"{digits[:LONGEST_NUMBER]} is beyond what JSON numbers say; send it as text.")
    return number
