"""Published test vectors: canonical JSON as RFC 8785 means it, signatures as RFC 7515 and its companions mean them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.test import override_settings

from audit import signing
from audit.canonical import canonical_json
from audit.errors import TokenInvalid
from audit.selectors.tokens import verify_token
from tests.shared import shared_data

INEXACT = "no canonical JSON spelling|not an ASCII key"


def spelled(text: str) -> Any:
    """The document with its whole numbers as integers: JSON knows no difference between 56 and 56.0."""
    return json.loads(text, parse_float=lambda digits: int(float(digits)) if digits.endswith(".0") else float(digits))


@pytest.mark.parametrize("name", ["arrays", "structures", "unicode"])
def test_what_we_can_spell_we_spell_as_the_standard_does(name: str) -> None:
    vectors = shared_data("vectors/rfc8785")
    expected = bytes.fromhex((vectors / "outhex" / f"{name}.txt").read_text())
    assert canonical_json(spelled((vectors / "input" / f"{name}.json").read_text())).encode() == expected


@pytest.mark.parametrize("name", ["french", "values", "weird"])
def test_what_we_cannot_spell_in_one_way_only_is_refused_and_the_rest_is_spelled_right(name: str) -> None:
    vectors = shared_data("vectors/rfc8785")
    document = spelled((vectors / "input" / f"{name}.json").read_text())
    with pytest.raises(TypeError, match=INEXACT):
        canonical_json(document)
    ours = {key: value for key, value in document.items() if key.isascii() and key != "numbers"}
    lines = bytes.fromhex((vectors / "outhex" / f"{name}.txt").read_text()).decode()
    members = canonical_json(ours)[1:-1]
    assert ours
    for key, value in ours.items():
        assert f"{json.dumps(key)}:{canonical_json(value)}" in lines
    places = [lines.index(json.dumps(key) + ":") for key in json.loads(f"{{{members}}}")]
    assert places == sorted(places)


def statements() -> Iterator[tuple[str, str]]:
    """Every signed statement of the vectors that has a compact form."""
    for file in sorted(shared_data("vectors/jose").glob("*.json")):
        for test in json.loads(file.read_text())["tests"]:
            if statement := test.get("compact") or test.get("token"):
                yield f"{file.stem} {test['name']}", statement


def test_no_statement_of_another_algorithm_key_or_kind_is_a_token() -> None:
    key = (shared_data("vectors/jose") / "keys" / "okp-ed25519-private.json").read_text()
    passed = []
    with override_settings(SIGNING_KEY=key):
        for name, statement in (found := list(statements())):
            try:
                verify_token(statement)
            except TokenInvalid:
                continue
            passed.append(name)
    assert passed == []
    assert len(found) == 20


def test_our_key_has_the_name_and_makes_the_signatures_that_others_expect() -> None:
    vectors = shared_data("vectors/jose")
    key = json.loads((vectors / "keys" / "okp-ed25519-private.json").read_text())
    with override_settings(SIGNING_KEY=json.dumps(key)):
        statement = signing.sign('{"sub":"1"}', kind=signing.TOKEN)
        published = signing.public_keys()["keys"][0]
    assert (published["kid"], published["x"]) == (key["kid"], key["x"])
    content, _, signature = statement.rpartition(".")
    point = base64.urlsafe_b64decode(published["x"] + "=")
    Ed25519PublicKey.from_public_bytes(point).verify(base64.urlsafe_b64decode(signature + "=="), content.encode())
