"""What a receiver answers tells nobody's data and no secret, and is short."""

import json
from time import perf_counter

import pytest

from orders.sync.redaction import personal_values, redacted

PAYLOAD = {
    "order": "NW-1",
    "address": {"recipient": "José Müller", "street": "Hauptstraße 5", "country": "DE"},
    "lines": [{"sku": "TENT", "note": "ring twice"}],
    "extra": {"phone": 4915112345678},
}
PREVIEW = {
    "order": "NW-1",
    "address": {"recipient": "(hidden)", "street": "(hidden)", "country": "DE"},
    "lines": [{"sku": "TENT", "note": "(hidden)"}],
    "extra": "(hidden)",
}


def shown(text: str, *, longest: int = 300) -> str:
    return redacted(text, personal=personal_values(PAYLOAD, PREVIEW), longest=longest)


@pytest.mark.parametrize(
    "answer",
    [
        "No such recipient: José Müller, Hauptstraße 5",
        json.dumps({"detail": "cannot deliver to josé müller"}),
        json.dumps({"detail": "cannot deliver to José Müller"}, ensure_ascii=True),
        "<p>Müller</p>",
        "call 4915112345678",
    ],
)
def test_what_our_payload_marks_as_personal_is_hidden_in_the_answer(answer: str) -> None:
    text = shown(answer).casefold()
    assert "(hidden)" in text
    assert not {"josé", "müller", "hauptstraße", "4915112345678"} & set(
        text.replace("<", " ").replace(">", " ").split()
    )


@pytest.mark.parametrize(
    ("answer", "canary"),
    [
        ('{"email": "eve"}', "eve"),
        ('{"a": {"customer": {"n": "eve"}}}', "eve"),
        ('{"access_token": "eve"}', "eve"),
        ('{"said": "write to eve@example.org"}', "eve@example.org"),
        ("eve@example.org unknown", "eve@example.org"),
        ("password=eve rejected", "eve"),
        ('{"api_key": "eve, and the rest was cut off', "eve"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("bad whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8"),
        ("card 4111 1111 1111 1111 declined", "1111 1111"),
        ("iban DE89 3704 0044 0532 0130 00 refused", "3704"),
        ("call +49 151 1234 5678", "1234"),
    ],
)
def test_what_looks_like_a_person_or_a_secret_is_hidden(answer: str, canary: str) -> None:
    assert canary not in shown(answer)
    assert "(hidden)" in shown(answer)


def test_what_helps_to_understand_stays() -> None:
    answer = '{"title": "Stock is short", "status": 409, "order": "NW-1", "at": "2026-11-20T09:00:00Z"}'
    assert json.loads(shown(answer)) == json.loads(answer)
    assert shown("502 Bad Gateway\r\n\x1b[31mnginx\x00") == "502 Bad Gateway [31mnginx "


def test_it_is_one_short_line_however_long_the_answer() -> None:
    assert len(shown("x " * 40_000)) == 300
    assert "\n" not in shown("a\nb\u2028c")


@pytest.mark.parametrize("filler", ["a", "1", "a@", "+1 ", "name", '"', "[", "-", "DE12"])
def test_no_answer_takes_long_to_read(filler: str) -> None:
    begun = perf_counter()
    shown(filler * (65_536 // len(filler)))
    assert perf_counter() - begun < 1
