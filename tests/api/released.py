"""The API as it was last released: what of its description a caller depends on, one path or kind of record a line.

`python -m tests.api.released` keeps the present one instead; that is done with a release, and after something has gone whose day had come.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

DESCRIPTION: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi.yml"
KEPT: Final = Path(__file__).with_name("released.json")
NEEDED: Final = frozenset(
    (
        *("get", "post", "put", "patch", "delete", "parameters", "in", "name", "required", "schema", "requestBody"),
        *("content", "responses", "type", "enum", "properties", "items", "$ref", "allOf", "oneOf", "anyOf"),
    )
)
NAMES: Final = frozenset(
    ("properties", "content", "responses")
)  # what stands under these are names, not words of OpenAPI


def released() -> dict[str, Any]:
    """What was promised."""
    return dict(json.loads(KEPT.read_text()))


def promised(document: dict[str, Any]) -> dict[str, Any]:
    """What a description promises."""
    schemas = {name: needed(schema) for name, schema in document["components"]["schemas"].items()}
    return {
        "paths": {path: needed(item) for path, item in document["paths"].items()},
        "components": {"schemas": schemas},
    }


def needed(told: Any, *, names: bool = False) -> Any:
    """Without descriptions, examples and bounds; of the answers those that are no problem."""
    if isinstance(told, list):
        return [needed(one) for one in told]
    if not isinstance(told, dict):
        return told
    return {
        key: needed(inner, names=key in NAMES and not names)
        for key, inner in told.items()
        if (names and not key.startswith("4")) or (not names and key in NEEDED)
    }


def _lines(told: dict[str, Any]) -> str:
    rows = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in sorted(told.items()))
    return "{\n" + ",\n".join(rows) + "\n}"


def keep(told: dict[str, Any]) -> None:
    """Write it, one path or kind of record a line, so that a change of it can be read."""
    paths, schemas = _lines(told["paths"]), _lines(told["components"]["schemas"])
    KEPT.write_text(f'{{"paths":{paths},\n"components":{{"schemas":{schemas}}}}}\n')


if __name__ == "__main__":
    keep(promised(yaml.load(DESCRIPTION.read_bytes(), Loader=yaml.CSafeLoader)))
