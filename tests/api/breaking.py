"""What a change of the API takes from those who use it: two OpenAPI descriptions held against each other.

Additions are no break: new operations, optional parameters and fields, more that may be sent. Removals, new duties and narrower values are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Document = dict[str, Any]
Way = Literal["asked", "told"]
METHODS = ("get", "post", "put", "patch", "delete")


def breaking_changes(before: Document, after: Document) -> list[str]:
    """Each in a sentence that names the operation and the place."""
    return sorted(set(_changes(before, after)))


def _changes(before: Document, after: Document) -> Iterator[str]:
    for path, item in before["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            name = f"{method.upper()} {path}"
            now = after["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{name} is gone"
                continue
            for one in Comparison(before, after, name).all(item[method], now):
                yield f"{name}: {one}"


class Comparison:
    """One operation, before and after."""

    def __init__(self, before: Document, after: Document, name: str) -> None:
        self.before, self.after, self.name = before, after, name
        self.seen: set[tuple[str, str, str]] = set()

    def all(self, was: Document, now: Document) -> Iterator[str]:
        """Parameters, bodies, answers."""
        yield from self._parameters(was.get("parameters", []), now.get("parameters", []))
        now_bodies = now.get("requestBody", {}).get("content", {})
        for kind, body in was.get("requestBody", {}).get("content", {}).items():
            if kind not in now_bodies:
                yield f"{kind} is not taken any more"
            else:
                yield from self._schema(body["schema"], now_bodies[kind]["schema"], "body", "asked")
        if now.get("requestBody", {}).get("required") and not was.get("requestBody", {}).get("required"):
            yield "a body is required now"
        for status, answer in was["responses"].items():
            if not status.startswith("2"):
                continue
            for kind, body in answer.get("content", {}).items():
                told = now["responses"].get(status, {}).get("content", {}).get(kind)
                if told is None:
                    yield f"{status} {kind} is not answered any more"
                else:
                    yield from self._schema(body["schema"], told["schema"], status, "told")

    def _parameters(self, was: list[Document], now: list[Document]) -> Iterator[str]:
        known = {(one["in"], one["name"]): one for one in was}
        today = {(one["in"], one["name"]): one for one in now}
        for place, one in known.items():
            where = f"{place[0]} {place[1]}"
            if place not in today:
                yield f"{where} is gone"
                continue
            yield from self._schema(one["schema"], today[place]["schema"], where, "asked")
        for place, one in today.items():
            if one.get("required") and not known.get(place, {}).get("required"):
                yield f"{place[0]} {place[1]} is required now"

    def _schema(self, was: Document, now: Document, where: str, way: Way) -> Iterator[str]:
        pair = was.get("$ref", ""), now.get("$ref", ""), way
        if pair[0] and pair in self.seen:  # a kind of record that refers to itself, or is met again
            return
        self.seen.add(pair)
        was, now = _whole(self.before, was), _whole(self.after, now)
        yield from self._values(was, now, where, way)
        yield from self._fields(was, now, where, way)
        if "items" in was and "items" in now:
            yield from self._schema(was["items"], now["items"], f"{where}[]", way)

    def _values(self, was: Document, now: Document, where: str, way: Way) -> Iterator[str]:
        kinds, today = _kinds(was), _kinds(now)
        lost = kinds - today if way == "asked" else today - kinds
        if kinds and today and lost:
            yield f"{where} was {_named(kinds)} and is {_named(today)}"
        options, left = was.get("enum"), now.get("enum")
        if way == "asked" and left is not None:
            if options is None:
                yield f"{where} takes only some values now"
            elif gone := [one for one in options if one not in left]:
                yield f"{where} takes no {', '.join(map(str, gone))} any more"

    def _fields(self, was: Document, now: Document, where: str, way: Way) -> Iterator[str]:
        fields, today = was.get("properties", {}), now.get("properties", {})
        for name, schema in fields.items():
            if name not in today:
                yield f"{where}.{name} is gone"
            else:
                yield from self._schema(schema, today[name], f"{where}.{name}", way)
        required, needed = set(was.get("required", [])), set(now.get("required", []))
        if way == "asked":
            yield from (f"{where}.{name} is required now" for name in sorted(needed - required))
        else:
            yield from (f"{where}.{name} may be left out now" for name in sorted((required - needed) & set(today)))


def _whole(document: Document, schema: Document) -> Document:
    """What a reference means, and what several parts make together."""
    if "$ref" in schema:
        return _whole(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    parts = [_whole(document, one) for one in schema.get("allOf", [])]
    if not parts:
        return schema
    whole = {name: value for part in parts for name, value in part.items()}
    whole["properties"] = {name: value for part in parts for name, value in part.get("properties", {}).items()}
    whole["required"] = [name for part in parts for name in part.get("required", [])]
    return whole | {name: value for name, value in schema.items() if name != "allOf"}


def _kinds(schema: Document) -> set[str]:
    kind = schema.get("type", [])
    kinds = {kind} if isinstance(kind, str) else set(kind)
    for part in [*schema.get("oneOf", []), *schema.get("anyOf", [])]:
        kinds |= _kinds(part) if "$ref" not in part else {part["$ref"].rsplit("/", 1)[1]}
    if "number" in kinds:
        kinds.add("integer")
    return kinds


def _named(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))
