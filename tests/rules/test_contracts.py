"""What a contract refuses, and what it keeps quiet about."""

from __future__ import annotations

from typing import Any

import pytest

from rules.contracts import DIALECT, CompiledContract, Violation, check_schema
from rules.shipped import CONTRACTS, ShippedContract

SCHEMA: dict[str, Any] = {
    "$schema": DIALECT,
    "type": "object",
    "required": ["key", "lines"],
    "additionalProperties": False,
    "properties": {
        "key": {"type": "string"},
        "placed_at": {"type": "string", "format": "date-time"},
        "customer": {
            "type": "object",
            "properties": {"email": {"type": "string", "pattern": "@"}, "segment": {"type": "string"}},
        },
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
    },
    "$defs": {
        "line": {
            "type": "object",
            "properties": {"sku": {"type": "string"}, "quantity": {"minimum": 1}, "engraving": {"type": "string"}},
        }
    },
}
CONTRACT = CompiledContract(SCHEMA, ("/customer/email", "/lines/*/engraving"))
GOOD = {"key": "NW-1", "lines": [{"sku": "A", "quantity": 1}]}


def test_a_payload_that_keeps_the_contract_violates_nothing() -> None:
    assert CONTRACT.violations(GOOD) == []


@pytest.mark.parametrize(
    ("payload", "violation"),
    [
        ({"lines": []}, Violation("/key", '"key" is a required property')),
        ({**GOOD, "key": 3}, Violation("/key", '3 is not of type "string"')),
        ({**GOOD, "placed_at": "yesterday"}, Violation("/placed_at", '"yesterday" is not a "date-time"')),
        (
            {"key": "NW-1", "lines": [{"quantity": 0}]},
            Violation("/lines/0/quantity", "0 is less than the minimum of 1"),
        ),
        (
            {**GOOD, "extra/~x": 1},
            Violation("", "Additional properties are not allowed ('extra/~x' was unexpected)"),
        ),
        (["not", "an", "object"], Violation("", '(hidden) is not of type "object"')),
        ({**GOOD, "customer": {"email": "ann"}}, Violation("/customer/email", '(hidden) does not match "@"')),
        ({**GOOD, "customer": ["ann@example.org"]}, Violation("/customer", '(hidden) is not of type "object"')),
        (
            {"key": "NW-1", "lines": [{"engraving": 3}]},
            Violation("/lines/0/engraving", '(hidden) is not of type "string"'),
        ),
    ],
)
def test_a_violation_names_place_and_problem_and_no_personal_value(payload: Any, violation: Violation) -> None:
    assert CONTRACT.violations(payload) == [violation]


def test_all_violations_are_named_up_to_a_limit() -> None:
    lines = [{"quantity": 0} for _ in range(80)]
    assert len(CONTRACT.violations({"key": "NW-1", "lines": lines})) == 50


def test_a_redacted_payload_keeps_only_what_the_schema_names_and_the_contract_does_not_mark() -> None:
    payload = {
        "key": "NW-1",
        "customer": {"email": "ann@example.org", "segment": "vip", "birthday": "1990-01-01"},
        "lines": [{"sku": "A", "quantity": 1, "engraving": "For Ann"}, {"sku": "B", "engraving": None}],
        "note": {"phone": "0123"},
    }
    assert CONTRACT.redact(payload) == {
        "key": "NW-1",
        "customer": {"email": "(hidden)", "segment": "vip", "birthday": "(hidden)"},
        "lines": [{"sku": "A", "quantity": 1, "engraving": "(hidden)"}, {"sku": "B", "engraving": None}],
        "note": "(hidden)",
    }


def test_what_is_no_object_at_all_is_redacted_too() -> None:
    assert CONTRACT.redact([{"email": "ann@example.org"}, "ann"]) == [{"email": "(hidden)"}, "(hidden)"]


@pytest.mark.parametrize(
    ("schema", "pii", "words"),
    [
        ({"type": "object"}, [], "A contract is a JSON Schema of the dialect"),
        ("nonsense", [], "A contract is a JSON Schema of the dialect"),
        ({"$schema": DIALECT, "type": "objekt"}, [], "not valid under any"),
        ({"$schema": DIALECT, "$ref": "https://example.org/schema"}, [], "Retrieval is disabled"),
        (SCHEMA, ["/customer/mail"], "/customer/mail marks something the schema does not have"),
        (SCHEMA, ["/lines/*/sku", "/lines/0"], "/lines/0 marks something the schema does not have"),
    ],
)
def test_a_schema_that_cannot_be_a_contract_is_refused(schema: Any, pii: list[str], words: str) -> None:
    (violation,) = check_schema(schema, pii)
    assert words in violation.detail


def test_a_sound_schema_is_accepted() -> None:
    assert check_schema(SCHEMA, CONTRACT.pii) == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_every_shipped_contract_is_sound(contract: ShippedContract) -> None:
    assert check_schema(contract.schema, contract.pii) == []


def test_a_pattern_that_explodes_elsewhere_answers_at_once() -> None:
    contract = CompiledContract({"$schema": DIALECT, "type": "string", "pattern": "^(a+)+$"})
    assert len(contract.violations("a" * 5000 + "!")) == 1
