"""The expression engine: the only module that knows which one it is.

Expressions are CEL, bounded on purpose, and checked twice: against typed records, so that an unknown attribute or a wrong type is found
while it is typed, and compiled for plain dictionaries. Only a boolean `true` is true; whatever fails is *undecided*, never "no match".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, wrappers_pb2

from rules.facts import FLAG, NUMBER, TEXT, WHOLE, ContextSpec, Shape
from rules.mapping_functions import FUNCTIONS
from rules.problems import Problem, in_words, problems_of
from rules.syntax import Anatomy, Comparison, anatomy
from rules.terms import split_conjuncts

LONGEST_SOURCE, DEEPEST, MOST_NESTED = 4096, 20, 2

_WRAPPERS = {TEXT: "StringValue", WHOLE: "Int64Value", NUMBER: "DoubleValue", FLAG: "BoolValue"}


class ExpressionInvalid(ValueError):
    """The expression cannot be used; `problems` say why and where."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{p.message} (line {p.line}, column {p.column})" for p in problems))
        self.source = source
        self.problems = problems


@dataclass(frozen=True)
class Expression:
    """A compiled expression over plain values."""

    source: str
    anatomy: Anatomy
    _program: cel.Expression

    def evaluate(self, activation: cel.Activation) -> tuple[Any, str]:
        """The plain value and no words, or None and why it could not be computed."""
        try:
            value = self._program.eval(activation)
        except RuntimeError as error:  # budgets, and values the engine cannot even read
            return None, str(error)
        if value.type() == cel.Type.ERROR:
            return None, str(value.value())
        return value.plain_value(), ""


@dataclass(frozen=True)
class Term:
    """One condition of a predicate: the smallest thing an explanation names."""

    source: str
    expression: Expression

    @property
    def comparison(self) -> Comparison | None:
        """What the term compares, when it is simple enough to be decided without the engine."""
        return self.expression.anatomy.comparison

    @cached_property
    def holds(self) -> Callable[[Mapping[str, Any], Callable[[], cel.Activation]], bool | None]:
        """Decide the term for a conformed context: True, False, or None when it is undecided."""
        simple = self.comparison
        if simple is None:
            return lambda _, activation: _only_boolean(self.expression.evaluate(activation())[0])
        return _plain_test(simple)


@dataclass(frozen=True)
class Predicate:
    """A checked predicate. It holds when all its terms do."""

    source: str
    terms: tuple[Term, ...]
    paths: tuple[str, ...]

    def holds(self, context: Mapping[str, Any], spec: ContextSpec) -> bool | None:
        """True, False, or None when undecided. One false term settles it, as `&&` does."""
        conformed = spec.conform(context)
        activation = activation_for(spec, conformed)
        results = [term.holds(conformed, activation) for term in self.terms]
        if False in results:
            return False
        return None if None in results else True


def check_predicate(source: str, spec: ContextSpec) -> list[Problem]:
    """What is wrong with a predicate over this context; empty when nothing is."""
    try:
        compile_predicate(source, spec)
    except ExpressionInvalid as invalid:
        return invalid.problems
    return []


def compile_predicate(source: str, spec: ContextSpec) -> Predicate:
    """Check and compile. Raises `ExpressionInvalid`."""
    return _compile_predicate(source, _Key.of(spec))


def activation_for(spec: ContextSpec, conformed: Mapping[str, Any]) -> Callable[[], cel.Activation]:
    """The engine's view of a context, made when first asked for and shared by all terms."""

    @cache
    def activation() -> cel.Activation:
        return _plain_env(tuple(spec.attributes)).Activation(conformed)

    return activation


@dataclass(frozen=True)
class MappingInvalid(ValueError):
    """An expression of a mapping cannot be used; `pointer` says which."""

    pointer: str
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: " + "; ".join(f"{p.message} (column {p.column})" for p in self.problems)


@dataclass(frozen=True)
class MappingFailed(ValueError):
    """A payload does not carry what the mapping needs; `pointer` is the target that stayed empty."""

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'} could not be filled: {self.detail}"


@dataclass(frozen=True)
class Mapped:
    """A compiled mapping from somebody else's payload to a contract of ours."""

    template: Any

    def apply(self, payload: Any) -> Any:
        """The mapped document. A leaf that gives null is left out. Raises `MappingFailed`."""
        activation = _mapping_env().Activation({"payload": payload})
        return _fill(self.template, activation, "")


def compile_mapping(mapping: Any) -> Mapped:
    """Compile a mapping: JSON whose every string is an expression over `payload`. Raises `MappingInvalid`.

    Beside CEL's own there are `minor_units(amount)`, `minor_units(amount, digits)`, `utc(text, zone)` and `text(value)`.
    """
    return Mapped(_compile_template(mapping, ""))


@dataclass(frozen=True)
class _Key:
    """A hashable stand-in for a context's shape, so that compiled expressions can be cached by it."""

    attributes: str

    @classmethod
    def of(cls, spec: ContextSpec) -> _Key:
        return cls(json.dumps(spec.attributes))

    def shape(self) -> dict[str, Shape]:
        shape: dict[str, Shape] = json.loads(self.attributes)
        return shape


@lru_cache(maxsize=4096)
def _compile_predicate(source: str, key: _Key) -> Predicate:
    typed = _compile(source, _typed_env(key), key)
    returned = typed.return_type().name()
    if returned != "BOOL":
        problem = Problem(f"A predicate answers yes or no; this one gives {in_words(returned.lower())}.")
        raise ExpressionInvalid(source, [problem])
    names = tuple(key.shape())
    whole = _expression(source, names)
    terms = _terms(source, names, key) or (Term(source.strip(), whole),)
    return Predicate(source, terms, whole.anatomy.paths)


def _terms(source: str, names: tuple[str, ...], key: _Key) -> tuple[Term, ...]:
    """The conjuncts of a predicate, none when it cannot be taken apart into predicates."""
    parts = split_conjuncts(source)
    for part in parts:
        try:
            if _compile(part, _typed_env(key), key).return_type() != cel.Type.BOOL:
                return ()
        except ExpressionInvalid:
            return ()
    return tuple(Term(part, _expression(part, names)) for part in parts)


@lru_cache(maxsize=4096)
def _expression(source: str, names: tuple[str, ...]) -> Expression:
    program = _plain_env(names).compile(source)
    return Expression(source, anatomy(program.serialize()), program)


def _compile(source: str, env: cel.Env, key: _Key | None) -> cel.Expression:
    if not source.strip():
        raise ExpressionInvalid(source, [Problem("The expression is empty.")])
    if len(source.encode("utf-8", "replace")) > LONGEST_SOURCE:
        raise ExpressionInvalid(source, [Problem(f"The expression is longer than {LONGEST_SOURCE} bytes.")])
    try:
        program = env.compile(source)
    except RuntimeError as error:
        raise ExpressionInvalid(
            source, problems_of(str(error), ContextSpec("", key.shape()).paths() if key else [])
        ) from None
    found = anatomy(program.serialize())
    if found.depth > DEEPEST:
        raise ExpressionInvalid(source, [Problem(f"The expression nests {found.depth} deep; {DEEPEST} is the limit.")])
    if found.nesting > MOST_NESTED:
        message = f"{found.nesting} loops inside each other; {MOST_NESTED} is the limit."
        raise ExpressionInvalid(source, [Problem(message)])
    return program


@lru_cache(maxsize=64)
def _typed_env(key: _Key) -> cel.Env:
    """Attributes as optional typed values and records, so that names and types are checked."""
    file = descriptor_pb2.FileDescriptorProto(
        name="handrail/context.proto", package="handrail", syntax="proto3", dependency=[wrappers_pb2.DESCRIPTOR.name]
    )
    variables = {}
    for name, shape in key.shape().items():
        inner, is_list = _declare(file, name.title().replace("_", ""), shape)
        variables[name] = cel.Type.List(cel.Type(inner)) if is_list else cel.Type(inner)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return cel.NewEnv(pool, variables=variables)


def _declare(file: descriptor_pb2.FileDescriptorProto, name: str, shape: Shape) -> tuple[str, bool]:
    """The message type of a shape, and whether it is a list of it; records become messages of `file`."""
    if isinstance(shape, list):
        return _declare(file, name, shape[0])[0], True
    if isinstance(shape, str):
        return f"google.protobuf.{_WRAPPERS[shape]}", False
    message = descriptor_pb2.DescriptorProto(name=name)
    for number, (field_name, inner) in enumerate(shape.items(), start=1):
        type_name, is_list = _declare(file, f"{name}{field_name.title().replace('_', '')}", inner)
        label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED if is_list else 1
        message.field.add(name=field_name, number=number, label=label, type=11, type_name=f".{type_name}")
    file.message_type.append(message)
    return f"handrail.{name}", False


@lru_cache(maxsize=64)
def _plain_env(names: tuple[str, ...]) -> cel.Env:
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))


@cache
def _mapping_env() -> cel.Env:
    types = {"text": cel.Type.STRING, "whole": cel.Type.INT, "number": cel.Type.DOUBLE}
    declarations = [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    f"{name}_{'_'.join(parameters)}",
                    return_type=types[returns],
                    parameters=[types[parameter] for parameter in parameters],
                    is_member=False,
                    impl=function,
                )
                for parameters, returns in overloads
            ],
        )
        for name, (function, overloads) in FUNCTIONS.items()
    ]
    return cel.NewEnv(variables={"payload": cel.Type.DYN}, functions=declarations)


def _compile_template(node: Any, pointer: str) -> Any:
    if isinstance(node, Mapping):
        return {key: _compile_template(inner, f"{pointer}/{key}") for key, inner in node.items()}
    if isinstance(node, list):
        return [_compile_template(inner, f"{pointer}/{index}") for index, inner in enumerate(node)]
    if not isinstance(node, str):
        return node
    try:
        program = _compile(node, _mapping_env(), None)
    except ExpressionInvalid as invalid:
        raise MappingInvalid(pointer, tuple(invalid.problems)) from None
    return Expression(node, anatomy(program.serialize()), program)


def _fill(node: Any, activation: cel.Activation, pointer: str) -> Any:
    if isinstance(node, dict):
        filled = {key: _fill(inner, activation, f"{pointer}/{key}") for key, inner in node.items()}
        return {key: inner for key, inner in filled.items() if inner is not None}
    if isinstance(node, list):
        return [_fill(inner, activation, f"{pointer}/{index}") for index, inner in enumerate(node)]
    if not isinstance(node, Expression):
        return node
    value, words = node.evaluate(activation)
    if words:
        raise MappingFailed(pointer, f"{node.source}: {words}")
    return value


def _only_boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda value, constant: value < constant,
    "<=": lambda value, constant: value <= constant,
    ">": lambda value, constant: value > constant,
    ">=": lambda value, constant: value >= constant,
}


def _plain_test(
    simple: Comparison,
) -> Callable[[Mapping[str, Any], Callable[[], cel.Activation]], bool | None]:
    """The term without the engine; its answers equal the engine's, which a test holds it to."""
    name, operator, constants = simple.attribute, simple.operator, simple.constants

    def test(context: Mapping[str, Any], _: Callable[[], cel.Activation]) -> bool | None:
        if name not in context:
            return None
        value = context[name]
        if operator == "in":
            return value in constants
        if operator in {"is", "not"}:
            return None if value is None else value is (operator == "is")
        if operator in {"==", "!="}:
            return (value == constants[0]) is (operator == "==")
        return None if value is None else _ORDERINGS[operator](value, constants[0])

    return test
