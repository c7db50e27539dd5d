"""The vocabulary predicates may use: what a context contains, attribute by attribute.

Higher apps declare what they will ask about; rules never imports them. A declaration is plain data, so a frozen rule
book carries its own copy and reads its contexts the same way for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Shape: TypeAlias = str | dict[str, "Shape"] | list["Shape"]
Declared: TypeAlias = type | Mapping[str, "Declared"] | Sequence["Declared"]

TEXT, WHOLE, NUMBER, FLAG = "text", "whole", "number", "flag"
KIND_OF_TYPE: dict[type, str] = {str: TEXT, int: WHOLE, float: NUMBER, bool: FLAG}
INT64 = 2**63
LONGEST_TEXT = 10_000
LONGEST_LIST = 5_000
ABSENT = object()
UNUSABLE = "(unusable)"


@dataclass(frozen=True)
class ContextSpec:
    """Attributes of one kind of context. Shapes are `text`, `whole`, `number`, `flag`, a record or a one-item list."""

    name: str
    attributes: Mapping[str, Shape]

    def conform(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The declared part of a context. What is missing is null; a value of the wrong type or size is left out.

        Null equals only null, and nothing is more or less than it; an attribute left out makes its conditions undecided.
        """
        return _fit_record(context, dict(self.attributes))

    def as_kept(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The declared part of a context as it is stored: read again, it conforms to the same, wrong values included."""
        kept: dict[str, Any] = _keep(self.conform(context), dict(self.attributes))
        return kept

    def paths(self) -> list[str]:
        """Every attribute as predicates name it: `channel`, `lines[].sku_type`."""
        return list(_paths("", dict(self.attributes)))


def as_shape(declared: Declared) -> Shape:
    """Turn a declaration with Python types into plain data. Raises `TypeError` for a type contexts cannot carry."""
    if isinstance(declared, type):
        if declared not in KIND_OF_TYPE:
            raise TypeError(f"A context carries text, whole numbers, numbers and flags, not {declared.__name__}.")
        return KIND_OF_TYPE[declared]
    if isinstance(declared, Mapping):
        return {name: as_shape(inner) for name, inner in declared.items()}
    (item,) = declared
    return [as_shape(item)]


@dataclass(frozen=True)
class Recent:
    """What was decided lately: about what (a key), by which rule, from which facts."""

    subject_key: str
    rule_slug: str
    context: Mapping[str, Any]


_declared: dict[str, ContextSpec] = {}
_recent: dict[str, Callable[[Any], Sequence[Recent]]] = {}
Explain = Callable[[str], Sequence[Mapping[str, Any]]]
_explanations: dict[str, Explain] = {}


def declare_context(name: str, attributes: Mapping[str, Declared]) -> ContextSpec:
    """Publish the context `name`; the same declaration may be repeated, a different one raises `ValueError`."""
    spec = ContextSpec(name, {key: as_shape(value) for key, value in attributes.items()})
    if _declared.setdefault(name, spec) != spec:
        raise ValueError(f"The context {name} is already declared with other attributes.")
    return spec


def register_recent(name: str, read: Callable[[Any], Sequence[Recent]]) -> None:
    """Say how what was decided lately in the context `name` is read for an actor: new rules are tried on it. Raises `ValueError` twice."""
    if name in _recent:
        raise ValueError(f"What was decided lately in the context {name} is read already.")
    _recent[name] = read


def recent(name: str, by: Any) -> Sequence[Recent]:
    """What was decided lately in this context and the actor may see; nothing where no app says how to read it."""
    return _recent[name](by) if name in _recent else ()


def register_explanation(name: str, explain: Explain) -> None:
    """Say what else is decided about what people call by a key than whose it is. Raises `ValueError` twice.

    Asked with the key, `explain` answers with `kind`, `about`, `outcome`, `rule`, `because`, `asked_before` and `almost` of each.
    """
    if name in _explanations:
        raise ValueError(f"What is decided about each {name} is explained already.")
    _explanations[name] = explain


def more_about(key: str) -> list[Mapping[str, Any]]:
    """What else is decided about it, whatever it is."""
    return [one for explain in _explanations.values() for one in explain(key)]


def context(name: str) -> ContextSpec:
    """The declared context. Raises `LookupError` when nobody declared it."""
    try:
        return _declared[name]
    except KeyError:
        raise LookupError(f"No app declared the context {name}.") from None


def _fit(value: Any, shape: Shape) -> Any:
    if value is None:
        return None
    if isinstance(shape, dict):
        return _fit_record(value, shape) if isinstance(value, Mapping) else ABSENT
    if isinstance(shape, list):
        return _fit_list(value, shape[0])
    if not _is_of_kind(value, shape):
        return ABSENT
    return float(value) if shape == NUMBER else value  # the engine tells 2 from 2.0


def _fit_record(value: Mapping[str, Any], shape: Mapping[str, Shape]) -> dict[str, Any]:
    fitted = {name: _fit(value.get(name), inner) for name, inner in shape.items()}
    return {name: inner for name, inner in fitted.items() if inner is not ABSENT}


def _keep(value: Any, shape: Shape) -> Any:
    if value is ABSENT:
        # What stands for a value that could not be used must itself never fit the shape.
        return [UNUSABLE] if isinstance(shape, str) else UNUSABLE
    if value is not None and isinstance(shape, dict):
        return {name: _keep(value.get(name, ABSENT), inner) for name, inner in shape.items()}
    if isinstance(value, list) and isinstance(shape, list):
        return [_keep(item, shape[0]) for item in value]
    return value


def _fit_list(value: Any, shape: Shape) -> Any:
    if not isinstance(value, list | tuple) or len(value) > LONGEST_LIST:
        return ABSENT
    items = [_fit(item, shape) for item in value]
    return ABSENT if any(item is ABSENT for item in items) else items


def _is_of_kind(value: Any, kind: str) -> bool:
    if kind == TEXT:
        return isinstance(value, str) and len(value) <= LONGEST_TEXT and _is_storable(value)
    if kind == FLAG:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == WHOLE:
        return isinstance(value, int) and -INT64 <= value < INT64
    return isinstance(value, float | int) and math.isfinite(value)


def _is_storable(value: str) -> bool:
    # The database takes no NUL, and a lone surrogate cannot be encoded: both would fail later and louder.
    if "\x00" in value:
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _paths(prefix: str, shape: Shape) -> Sequence[str]:
    if isinstance(shape, str):
        return [prefix]
    if isinstance(shape, list):
        return _paths(f"{prefix}[]", shape[0])
    return [path for name, inner in shape.items() for path in _paths(f"{prefix}.{name}" if prefix else name, inner)]
