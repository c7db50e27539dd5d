"""The syntax tree of a checked expression: which attributes it reads, how deep it nests, what kind of term it is.

The engine hands out a serialized `cel.expr.CheckedExpr`; its messages are declared here as a table, because no package
on the index carries them for Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "is", "not"]

# message: {field: (number, type)}; a type with a capital is another message, a star marks a repeated field.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "CheckedExpr": {"expr": (4, "Expr")},
    "Expr": {
        "const_expr": (3, "Constant"),
        "ident_expr": (4, "Ident"),
        "select_expr": (5, "Select"),
        "call_expr": (6, "Call"),
        "list_expr": (7, "CreateList"),
        "struct_expr": (8, "CreateStruct"),
        "comprehension_expr": (9, "Comprehension"),
    },
    "Constant": {
        "null_value": (1, "int64?"),
        "bool_value": (2, "bool?"),
        "int64_value": (3, "int64?"),
        "uint64_value": (4, "uint64?"),
        "double_value": (5, "double?"),
        "string_value": (6, "string?"),
        "bytes_value": (7, "bytes?"),
    },
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test_only": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "Expr*")},
    "CreateList": {"elements": (1, "Expr*")},
    "CreateStruct": {"entries": (2, "Entry*")},
    "Entry": {"map_key": (3, "Expr"), "value": (4, "Expr")},
    "Comprehension": {
        "iter_var": (1, "string"),
        "iter_range": (2, "Expr"),
        "accu_var": (3, "string"),
        "accu_init": (4, "Expr"),
        "loop_condition": (5, "Expr"),
        "loop_step": (6, "Expr"),
        "result": (7, "Expr"),
    },
}
_SCALARS = {"int64": 3, "uint64": 4, "bool": 8, "string": 9, "bytes": 12, "double": 1}
_COMPARISONS: Mapping[str, Operator] = {
    "_==_": "==",
    "_!=_": "!=",
    "_<_": "<",
    "_<=_": "<=",
    "_>_": ">",
    "_>=_": ">=",
}
_MIRRORED: Mapping[Operator, Operator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Comparison:
    """A term simple enough to be decided without the engine: one top-level attribute against constants."""

    attribute: str
    operator: Operator
    constants: tuple[str | int | float | bool, ...] = ()


@dataclass(frozen=True)
class Anatomy:
    """What one expression consists of.

    `paths` are what it reads: `channel`, `lines[].sku_type`, `lines[]` for whole elements, `lines[#]` for how many.
    """

    paths: tuple[str, ...]
    depth: int
    nesting: int
    comparison: Comparison | None


def anatomy(serialized: bytes) -> Anatomy:
    """Read the serialized checked expression."""
    envelope = any_pb2.Any.FromString(serialized)
    expr = _message_class("CheckedExpr").FromString(envelope.value).expr
    paths = tuple(dict.fromkeys(_paths(expr, {})))
    depth, nesting = _measure(expr)
    return Anatomy(paths, depth, nesting, _comparison(expr))


@cache
def _message_class(name: str) -> type[Any]:
    file = descriptor_pb2.FileDescriptorProto(name="handrail/cel.proto", package="handrail.cel", syntax="proto3")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for field_name, (number, kind) in fields.items():
            base = kind.rstrip("*?")
            field = message.field.add(name=field_name, number=number, label=3 if kind.endswith("*") else 1)
            if base in _SCALARS:
                field.type = _SCALARS[base]  # type: ignore[assignment]
            else:
                field.type, field.type_name = 11, f".handrail.cel.{base}"  # type: ignore[assignment]
            if kind.endswith("?"):
                field.proto3_optional = True
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field_name}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"handrail.cel.{name}"))


def _children(expr: Any) -> Iterator[Any]:
    """Direct sub-expressions, of anything but a comprehension."""
    if expr.HasField("select_expr"):
        yield expr.select_expr.operand
    elif expr.HasField("call_expr"):
        if expr.call_expr.HasField("target"):
            yield expr.call_expr.target
        yield from expr.call_expr.args
    elif expr.HasField("list_expr"):
        yield from expr.list_expr.elements
    elif expr.HasField("struct_expr"):
        for entry in expr.struct_expr.entries:
            if entry.HasField("map_key"):
                yield entry.map_key
            yield entry.value


def _path(expr: Any, scope: Mapping[str, str | None]) -> str | None:
    """The attribute path an expression names, None when it is anything else."""
    if expr.HasField("ident_expr"):
        return scope.get(expr.ident_expr.name, expr.ident_expr.name)
    if expr.HasField("select_expr"):
        parent = _path(expr.select_expr.operand, scope)
        return None if parent is None else f"{parent}.{expr.select_expr.field}"
    if expr.HasField("call_expr") and expr.call_expr.function == "_[_]":
        parent = _path(expr.call_expr.args[0], scope)
        return None if parent is None else f"{parent}[]"
    return None


def _paths(expr: Any, scope: Mapping[str, str | None]) -> Iterator[str]:
    path = _path(expr, scope)
    if path is not None:
        yield path
        yield from _paths_of_indexes(expr, scope)
    elif expr.HasField("comprehension_expr"):
        loop = expr.comprehension_expr
        source = _path(loop.iter_range, scope)
        if source is None:
            yield from _paths(loop.iter_range, scope)
        else:
            yield f"{source}[#]"
        inner = {**scope, loop.iter_var: None if source is None else f"{source}[]", loop.accu_var: None}
        for part in (loop.accu_init, loop.loop_condition, loop.loop_step, loop.result):
            yield from _paths(part, inner)
    else:
        for child in _children(expr):
            yield from _paths(child, scope)


def _paths_of_indexes(expr: Any, scope: Mapping[str, str | None]) -> Iterator[str]:
    """`prices[country]` reads `country` as well."""
    if expr.HasField("select_expr"):
        yield from _paths_of_indexes(expr.select_expr.operand, scope)
    elif expr.HasField("call_expr"):
        yield from _paths_of_indexes(expr.call_expr.args[0], scope)
        yield from _paths(expr.call_expr.args[1], scope)


def _measure(expr: Any) -> tuple[int, int]:
    """Depth of the tree and nesting of its comprehensions."""
    if expr.HasField("comprehension_expr"):
        loop = expr.comprehension_expr
        parts = [_measure(p) for p in (loop.accu_init, loop.loop_condition, loop.loop_step, loop.result)]
        ranged = _measure(loop.iter_range)
        depth = 1 + max(ranged[0], *(part[0] for part in parts))
        return depth, max(ranged[1], 1 + max(part[1] for part in parts))
    parts = [_measure(child) for child in _children(expr)]
    return 1 + max((part[0] for part in parts), default=0), max((part[1] for part in parts), default=0)


def _comparison(expr: Any) -> Comparison | None:
    if expr.HasField("ident_expr"):
        return Comparison(expr.ident_expr.name, "is")
    if not expr.HasField("call_expr"):
        return None
    function, args = expr.call_expr.function, list(expr.call_expr.args)
    if function == "!_" and args[0].HasField("ident_expr"):
        return Comparison(args[0].ident_expr.name, "not")
    if function == "@in" and args[0].HasField("ident_expr") and args[1].HasField("list_expr"):
        constants = [_constant(element) for element in args[1].list_expr.elements]
        known = tuple(constant for constant in constants if constant is not None)
        return Comparison(args[0].ident_expr.name, "in", known) if len(known) == len(constants) else None
    if function in _COMPARISONS:
        return _simple(_COMPARISONS[function], args[0], args[1])
    return None


def _simple(operator: Operator, left: Any, right: Any) -> Comparison | None:
    if right.HasField("ident_expr"):
        left, right, operator = right, left, _MIRRORED[operator]
    constant = _constant(right)
    if constant is None or not left.HasField("ident_expr"):
        return None
    return Comparison(left.ident_expr.name, operator, (constant,))


def _constant(expr: Any) -> str | int | float | bool | None:
    for field in ("bool_value", "int64_value", "double_value", "string_value"):
        if expr.HasField("const_expr") and expr.const_expr.HasField(field):
            constant: str | int | float | bool = getattr(expr.const_expr, field)
            return constant
    return None
