"""Taking a predicate apart at its top-level `&&`, so that an explanation can name the one condition that failed."""

from __future__ import annotations

from collections.abc import Iterator

_OPENING, _CLOSING = "([{", ")]}"


def split_conjuncts(source: str) -> list[str]:
    """The conditions joined by `&&`, as they were written; the whole when something binds looser or it has one only."""
    text = _unwrapped(source.strip())
    cuts, start = [], 0
    for position, token in _top_level_operators(text):
        if token in {"||", "?"}:
            return [text]
        cuts.append(text[start:position])
        start = position + 2
    parts = [*cuts, text[start:]]
    if len(parts) == 1:
        return [text]
    return [inner for part in parts for inner in split_conjuncts(part)]


def _top_level_operators(text: str) -> Iterator[tuple[int, str]]:
    depth = 0
    for position, character in _code(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif depth == 0:
            pair = text[position : position + 2]
            if pair in {"&&", "||"}:
                yield position, pair
            elif character == "?":
                yield position, "?"


def _code(text: str) -> Iterator[tuple[int, str]]:
    """Characters outside of strings and comments; the second of a pair such as `&&` is left out."""
    position = 0
    while position < len(text):
        if text.startswith("//", position):
            position = (text.find("\n", position) + 1) or len(text)
        elif text[position] in "\"'":
            position = _end_of_string(text, position)
        else:
            yield position, text[position]
            position += 2 if text[position : position + 2] in {"&&", "||"} else 1


def _end_of_string(text: str, start: int) -> int:
    quote = text[start : start + 3] if text[start : start + 3] in {'"""', "'''"} else text[start]
    raw = start > 0 and text[start - 1] in "rR"
    position = start + len(quote)
    while position < len(text) and not text.startswith(quote, position):
        position += 2 if text[position] == "\\" and not raw else 1
    return position + len(quote)


def _unwrapped(text: str) -> str:
    """Without the parentheses that enclose all of it."""
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for position, character in _code(text):
            depth += (character in _OPENING) - (character in _CLOSING)
            if depth == 0:
                if position != len(text) - 1:
                    return text
                break
        text = text[1:-1].strip()
    return text
