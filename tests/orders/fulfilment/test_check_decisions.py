"""What quality checks make of what was found, at the edges: nothing here needs a database."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from orders.fulfilment.decisions.checks import Parcel, Product, judge, read_scan
from orders.fulfilment.decisions.sightings import read_seen

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "photo": "optional",
    "items": [],
    "tolerance_percent": 5,
    "packaging_grams": 100,
    "cartons": [[400, 300, 200]],
    "label_pattern": "",
    "late_by_days": 1,
    "facts_max_age_days": None,
}
TWO_TENTS = Parcel([Product("TENT-2", 2, weight_grams=1000)], promised_on=date(2026, 11, 23))


@pytest.mark.parametrize(
    ("grams", "size", "passes"),
    [
        (1995, [400, 300, 200], True),  # 2100 g are expected, 5 % less and more
        (1994, [400, 300, 200], False),
        (2205, [300, 200, 400], True),
        (2206, [400, 300, 200], False),
        (2100, [380, 285, 210], True),
        (2100, [379, 300, 200], False),
        (2100, [400, 300, 211], False),
    ],
)
def test_weight_and_size_are_right_up_to_their_tolerance_and_not_beyond(
    grams: int, size: list[int], passes: bool
) -> None:
    judgement = judge("measure", SETTINGS, TWO_TENTS, {"weight_grams": grams, "size_mm": size}, [], NOW)
    assert (judgement.verdict == "passed", len(judgement.findings)) == (passes, 0 if passes else 1)


@pytest.mark.parametrize(
    ("day", "verdict"), [("2026-11-23", "passed"), ("2026-11-24", "passed"), ("2026-11-25", "failed")]
)
def test_a_delivery_is_late_after_the_promise_and_its_days_of_grace(day: str, verdict: str) -> None:
    assert judge("transit", SETTINGS, TWO_TENTS, {"arrives_on": day}, [], NOW).verdict == verdict


@pytest.mark.parametrize(
    ("label", "findings"),
    [
        ("RR473124829DE", 0),
        ("RR473124820DE", 1),
        ("00340434161094042557", 0),  # no international number: nothing to work out
        ("TAKEN", 1),
    ],
)
def test_a_label_is_of_this_parcel_and_its_digit_is_right(label: str, findings: int) -> None:
    parcel = Parcel([], labels_of_others=frozenset({"TAKEN"}))
    assert len(judge("label", SETTINGS, parcel, {"code": label}, [], NOW).findings) == findings
    other = Parcel([], tracking_number="OTHER")
    assert (
        "the carrier's number of this parcel is OTHER"
        in judge("label", SETTINGS, other, {"code": label}, [], NOW).findings[0]
    )


def test_a_scan_says_product_and_lot_in_one_and_zeros_in_front_of_a_gtin_mean_nothing() -> None:
    assert read_scan("]C1010400638133393110L41") == ("04006381333931", "L41")
    assert read_scan("010400638133393110L41\x1d21SERIAL") == ("04006381333931", "L41")
    assert read_scan(" TENT-2\r") == ("TENT-2", "")
    parcel = Parcel([Product("TENT-2", 1, barcode="4006381333931")])
    assert judge("scan", SETTINGS, parcel, {"code": "04006381333931", "quantity": 1}, [], NOW).verdict == "passed"


@pytest.mark.parametrize(
    ("kind", "seen", "fields"),
    [
        ("sku_lot", {}, ["code"]),
        ("scan", {"code": "x" * 81, "quantity": 0}, ["code", "quantity"]),
        ("scan", {"code": "a\x00b"}, ["code"]),
        ("measure", {"weight_grams": "heavy"}, ["weight_grams", "length_mm", "width_mm", "height_mm"]),
        (
            "measure",
            {"weight_grams": 1, "length_mm": -1, "width_mm": 1, "height_mm": 20_001},
            ["length_mm", "height_mm"],
        ),
        ("checklist", {"answers": {"Clean": "yes"}}, ["answers"]),
        ("label", {"code": " "}, ["code"]),
        ("transit", {"arrives_on": "tomorrow"}, ["arrives_on"]),
    ],
)
def test_what_is_missing_or_cannot_be_is_named_by_field(kind: str, seen: dict[str, Any], fields: list[str]) -> None:
    _, problems = read_seen(kind, {**SETTINGS, "items": ["Clean"]}, TWO_TENTS, seen, has_photo=False)
    assert [field for field, _ in problems] == fields
