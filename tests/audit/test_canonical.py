"""One spelling per value; what has none is refused before it is hashed."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
import rfc8785
from django.db import connection

from audit.arrays import text_array
from audit.canonical import MAX_SAFE_INTEGER, canonical_json
from exceptions.states import CaseState


def test_every_kind_of_value_has_one_spelling() -> None:
    value = {
        "when": datetime(2026, 11, 20, 10, 0, tzinfo=timezone(timedelta(hours=1))),
        "day": date(2026, 11, 20),
        "money": Decimal("12.30"),
        "id": UUID(int=7),
        "state": CaseState.OPEN,
        "list": (1, [True, None], MAX_SAFE_INTEGER),
        "set": {"b", "a", "ü"},
    }
    assert canonical_json(value) == (
        '{"day":"2026-11-20","id":"00000000-0000-0000-0000-000000000007","list":[1,[true,null],9007199254740991],'
        '"money":"12.30","set":["a","b","ü"],"state":"open","when":"2026-11-20T09:00:00.000000Z"}'
    )
    assert canonical_json({"when": datetime(2026, 11, 20, 9, 0, tzinfo=UTC)}) == (
        '{"when":"2026-11-20T09:00:00.000000Z"}'
    )


@pytest.mark.parametrize(
    "value",
    [
        {"b": [], "a": {}, "B": "", "aa": {"z": 1, "y": None}},
        ['\u0000\u0007\b\t\n\f\r"\\/\u007f\u0080\u2028\u2029€𝄞', "</script>"],
        [0, -1, MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER, True, False],
    ],
)
def test_it_is_spelled_as_the_reference_spells_it(value: object) -> None:
    assert canonical_json(value).encode() == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.5, "float has no canonical JSON spelling"),
        (MAX_SAFE_INTEGER + 1, "has no exact JSON number"),
        ({"ü": 1}, "is not an ASCII key"),
        ({1: 1}, "1 is not an ASCII key"),
        ([object()], "object has no canonical JSON spelling"),
    ],
)
def test_what_has_no_exact_spelling_is_refused(value: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        canonical_json(value)


def test_a_batch_of_texts_is_quoted_as_the_database_reads_it(db: None) -> None:
    texts = ['a"b', "c\\d", "", "{e,f}", "NULL", "ü\n"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[], %s::text[]", [text_array(texts), text_array([])])
        assert cursor.fetchone() == (texts, [])
    with pytest.raises(ValueError, match=r"U\+0000"):
        text_array(["a\0b"])
