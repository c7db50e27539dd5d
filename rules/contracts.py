"""Payloads against their contract: what violates it, and the payload without what is personal.

Validators never fetch a schema from anywhere. Words about a violation never repeat a personal value, and a redacted
payload keeps only what the schema names and the contract does not mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jsonschema_rs

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HIDDEN = "(hidden)"
LONGEST_DETAIL = 300
MOST_VIOLATIONS = 50


@dataclass(frozen=True)
class Violation:
    """One thing that breaks the contract: where in the payload (JSON pointer) and what, without personal values."""

    pointer: str
    detail: str


class SchemaInvalid(ValueError):
    """The text is not a JSON Schema this product can use."""


@dataclass(frozen=True)
class CompiledContract:
    """One version of a contract, ready to check. `pii` are JSON pointers, `*` for every element."""

    schema: Mapping[str, Any]
    pii: tuple[str, ...] = ()

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return _validator_for(self.schema, mask=None)

    @cached_property
    def _masking_validator(self) -> jsonschema_rs.Draft202012Validator:
        return _validator_for(self.schema, mask=HIDDEN)

    @cached_property
    def _marks(self) -> frozenset[tuple[str, ...]]:
        return frozenset(tuple(pointer.split("/")[1:]) for pointer in self.pii)

    def violations(self, payload: Any) -> list[Violation]:
        """Everything that breaks the contract, at most fifty; empty when nothing does."""
        if self._validator.is_valid(payload):
            return []
        found = []
        errors = zip(self._validator.iter_errors(payload), self._masking_validator.iter_errors(payload), strict=True)
        for plain, masked in errors:
            path = [str(step) for step in plain.instance_path]
            words = masked.message if not path or self._touches_pii(path) else plain.message
            missing = getattr(plain.kind, "property", None)
            found.append(Violation(_pointer([*path, missing] if missing else path), words[:LONGEST_DETAIL]))
            if len(found) == MOST_VIOLATIONS:
                break
        return found

    def redact(self, payload: Any) -> Any:
        """The payload with personal and undeclared values hidden; keys and structure stay."""
        return self._redacted(payload, self.schema, ())

    def _redacted(self, value: Any, schema: Any, path: tuple[str, ...]) -> Any:
        if path in self._marks:
            return None if value is None else HIDDEN
        schema = self._resolved(schema)
        if isinstance(value, dict):
            known = schema.get("properties", {})
            return {
                key: self._redacted(inner, known[key], (*path, key)) if key in known else HIDDEN
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self._redacted(item, schema.get("items", {}), (*path, "*")) for item in value]
        return value if schema else HIDDEN

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        if not isinstance(schema, dict):
            return {}
        reference = schema.get("$ref", "")
        if reference.startswith("#/$defs/"):
            found: Mapping[str, Any] = self.schema["$defs"][reference.removeprefix("#/$defs/")]
            return found
        return schema

    def _touches_pii(self, path: Sequence[str]) -> bool:
        generic = tuple("*" if step.isdigit() else step for step in path)
        return any(generic[: len(mark)] == mark[: len(generic)] for mark in self._marks)


def check_schema(schema: Any, pii: Sequence[str]) -> list[Violation]:
    """What keeps a schema and its marks from being a contract; empty when nothing does."""
    if not isinstance(schema, dict) or schema.get("$schema") != DIALECT:
        return [Violation("/$schema", f"A contract is a JSON Schema of the dialect {DIALECT}.")]
    try:
        _validator_for(schema, mask=None)
    except SchemaInvalid as invalid:
        return [Violation("", str(invalid))]
    return list(_wrong_marks(CompiledContract(schema), pii))


def _wrong_marks(contract: CompiledContract, pii: Sequence[str]) -> Iterator[Violation]:
    for index, pointer in enumerate(pii):
        node: Any = contract.schema
        for step in pointer.split("/")[1:]:
            node = contract._resolved(node)  # noqa: SLF001 -- same module
            node = node.get("items") if step == "*" else node.get("properties", {}).get(step)
            if node is None:
                yield Violation(f"/pii/{index}", f"{pointer} marks something the schema does not have.")
                break


def _validator_for(schema: Mapping[str, Any], *, mask: str | None) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, offline=True, mask=mask)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise SchemaInvalid(str(error).partition("\n")[0]) from None


def _pointer(path: Sequence[str]) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path)
