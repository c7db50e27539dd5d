"""Published test vectors: JSON Schema 2020-12 as its authors mean it, CEL as its authors mean it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rules.contracts import CompiledContract
from rules.engine import ExpressionInvalid, compile_predicate
from rules.facts import ContextSpec
from tests.shared import shared_data

NOTHING = ContextSpec("nothing", {"x": "text"})
# Formats are checked by us and only noted by the standard; the others fetch schemas, which a contract never does.
ELSEWHERE = {"format", "refRemote", "vocabulary", "dynamicRef"}


def test_contracts_accept_and_refuse_what_the_standard_says() -> None:
    wrong, checked = [], 0
    for file in sorted(shared_data("vectors/json-schema/draft2020-12").glob("*.json")):
        if file.stem in ELSEWHERE:
            continue
        for group in (group for group in json.loads(file.read_text()) if isinstance(group["schema"], dict)):
            contract = CompiledContract(group["schema"])
            for case in group["tests"]:
                checked += 1
                if (contract.violations(case["data"]) == []) is not case["valid"]:
                    wrong.append(f"{file.stem}: {group['description']}: {case['description']}")
    assert wrong == []
    assert checked > 1_000


def expressions(suite: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for inner in suite.get("suites", []):
        yield from expressions(inner)
    for test in suite.get("tests", []):
        yield test["original"]


def test_predicates_mean_what_the_standard_says() -> None:
    document = json.loads((shared_data("vectors/cel") / "conformance.json").read_text())
    wrong, checked = [], 0
    for test in expressions(document):
        expected = test.get("value", {}).get("boolValue")
        if test.keys() & {"bindings", "container", "typeEnv"} or not isinstance(expected, bool):
            continue
        try:
            predicate = compile_predicate(test["expr"], NOTHING)
        except ExpressionInvalid:
            continue
        checked += 1
        if predicate.holds({}, NOTHING) is not expected:
            wrong.append(f"{test['name']}: {test['expr']}")
    assert wrong == []
    assert checked > 500
