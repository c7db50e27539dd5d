"""What the engine has against an expression, in the words of the person who typed it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_LOCATED = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_TYPE_WORDS = {
    "wrapper(string)": "text",
    "string": "text",
    "wrapper(int)": "a whole number",
    "int": "a whole number",
    "wrapper(double)": "a number",
    "double": "a number",
    "wrapper(bool)": "yes or no",
    "bool": "yes or no",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong with an expression, and where: line and column count from 1."""

    message: str
    line: int = 1
    column: int = 1


def problems_of(text: str, known: Sequence[str]) -> list[Problem]:
    """What the engine said about an expression, in words; `known` are the attribute paths it could have named."""
    found = [
        Problem(_sentence(message, known), int(line), max(int(column), 1))
        for line, column, message in _LOCATED.findall(text)
    ]
    return found or [Problem(text.split(": ", 1)[-1].removesuffix(" [INVALID_ARGUMENT]"))]


def _sentence(message: str, known: Sequence[str]) -> str:
    if unknown := re.match(r"undeclared reference to '([^']*)'", message):
        return f"There is no attribute {unknown[1]}.{_suggestion(unknown[1], known)}"
    if unknown := re.match(r"undefined field '([^']*)' not found in struct 'handrail\.([^']*)'", message):
        return f"{unknown[2]} has no attribute {unknown[1]}.{_suggestion(unknown[1], known)}"
    if clash := re.match(r"found no matching overload for '_?([^'_]+)_?' applied to '\((.*)\)'", message):
        left, _, right = clash[2].partition(", ")
        if right:
            return f"{in_words(left)} and {in_words(right)} do not go together with {clash[1]}.".capitalize()
        return f"{clash[1]} cannot be applied to {in_words(left)}."
    if "'<EOF>'" in message:
        missing = re.match(r"Syntax error: missing '(.*)' at '<EOF>'", message)
        return f"The expression ends where {missing[1]} is missing." if missing else "The expression ends too early."
    return message.removeprefix("Syntax error: ").partition(" expecting {")[0].strip().capitalize() + "."


def in_words(type_name: str) -> str:
    """A type of the engine as people call it."""
    return _TYPE_WORDS.get(type_name, f"a list ({type_name})" if type_name.startswith("list") else type_name)


def _suggestion(name: str, known: Sequence[str]) -> str:
    names = [part for path in known for part in re.split(r"\[\]\.|\.", path)]
    close = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]}?" if close else ""
