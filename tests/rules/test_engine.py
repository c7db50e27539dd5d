"""Predicates and mappings: what is refused while typed, what is decided, and what stays undecided."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import (
    ExpressionInvalid,
    MappingFailed,
    MappingInvalid,
    _only_boolean,
    activation_for,
    check_predicate,
    compile_mapping,
    compile_predicate,
)
from rules.facts import ContextSpec, Declared, as_shape
from rules.problems import Problem

ATTRIBUTES: dict[str, Declared] = {
    "channel": str,
    "country": str,
    "fraud_score": int,
    "weight": float,
    "is_gift": bool,
    "tags": [str],
    "address": {"country": str, "is_business": bool},
    "lines": [{"sku": str, "sku_type": str, "quantity": int}],
}
SPEC = ContextSpec("order", {name: as_shape(declared) for name, declared in ATTRIBUTES.items()})
PREORDER = 'channel == "marketplace" && lines.exists(l, l.sku_type == "preorder")'


def line(sku_type: str) -> dict[str, Any]:
    return {"sku": "A", "sku_type": sku_type, "quantity": 1}


def holds(source: str, **context: Any) -> bool | None:
    return compile_predicate(source, SPEC).holds(context, SPEC)


def test_the_example_of_the_requirements_matches_what_it_says() -> None:
    answers = [
        holds(PREORDER, channel="marketplace", lines=[line("stock"), line("preorder")]),
        holds(PREORDER, channel="marketplace", lines=[line("stock")]),
        holds(PREORDER, channel="web", lines=[line("preorder")]),
    ]
    assert answers == [True, False, False]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('chanel == "web"', Problem("There is no attribute chanel. Did you mean channel?", 1, 1)),
        ("true &&\n  fraudscore > 3", Problem("There is no attribute fraudscore. Did you mean fraud_score?", 2, 3)),
        (
            'lines.exists(l, l.sku_typ == "x")',
            Problem("Lines has no attribute sku_typ. Did you mean sku_type?", 1, 18),
        ),
        ("channel == 3", Problem("Text and a whole number do not go together with ==.", 1, 9)),
        ('fraud_score < "a"', Problem("A whole number and text do not go together with <.", 1, 13)),
        ("!channel", Problem("! cannot be applied to text.", 1, 1)),
        ("channel ==", Problem("The expression ends too early.", 1, 11)),
        ('lines.exists(l, l.sku == "A"', Problem("The expression ends where ) is missing.", 1, 29)),
        ("fraud_score", Problem("A predicate answers yes or no; this one gives a whole number.", 1, 1)),
        ("  ", Problem("The expression is empty.", 1, 1)),
        ("channel == 'a' $ 2", Problem("Token recognition error at: '$'.", 1, 16)),
    ],
)
def test_a_wrong_predicate_is_refused_with_words_and_place(source: str, problem: Problem) -> None:
    assert check_predicate(source, SPEC)[0] == problem


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('channel == "' + "x" * 4096 + '"', "longer than 4096 bytes"),
        ("lines.all(a, lines.all(b, lines.all(c, a.sku == c.sku)))", "3 loops inside each other; 2 is the limit"),
        ("size(" + "[" * 24 + "]" * 24 + ") == 1", "deep; 20 is the limit"),
        ("(" * 400 + "is_gift" + ")" * 400, "recursion"),
    ],
)
def test_an_expression_without_bounds_is_refused(source: str, words: str) -> None:
    with pytest.raises(ExpressionInvalid, match=words):
        compile_predicate(source, SPEC)


@pytest.mark.parametrize(
    ("source", "context", "answer"),
    [
        ("fraud_score < 70", {}, None),
        ("fraud_score < 70", {"fraud_score": None}, None),
        ("fraud_score < 70", {"fraud_score": "12"}, None),
        ("fraud_score < 70", {"fraud_score": True}, None),
        ("fraud_score < 70", {"fraud_score": 2**70}, None),
        ('channel == "web"', {"channel": None}, False),
        ('channel == "web"', {"channel": "\ud800"}, None),
        ('channel == "web"', {"channel": "a\x00b"}, None),
        ('channel == "web" && fraud_score < 70', {"channel": "phone"}, False),
        ('channel == "web" && fraud_score < 70', {"channel": "web"}, None),
        ('channel == "web" || fraud_score < 70', {"channel": "web"}, True),
        ('lines[0].sku == "A"', {"lines": []}, None),
        ("lines.exists(l, l.quantity > 3)", {"lines": [{"sku": "A"}]}, None),
        ('tags.exists(t, t == "vip")', {"tags": ["vip"]}, True),
        ('address.country == "DE"', {"address": {"country": "DE"}}, True),
        ("weight > 1.5", {"weight": 2}, True),
        ("weight > 1.5", {"weight": float("nan")}, None),
        ("is_gift", {"is_gift": True}, True),
        ("!is_gift", {"is_gift": None}, None),
        ("fraud_score / 0 == 1", {"fraud_score": 1}, None),
    ],
)
def test_only_true_is_true_and_what_cannot_be_decided_says_so(
    source: str, context: dict[str, Any], answer: bool | None
) -> None:
    assert holds(source, **context) is answer


def test_a_loop_over_too_much_is_undecided_and_quick() -> None:
    predicate = compile_predicate("lines.all(a, lines.all(b, a.quantity <= b.quantity))", SPEC)
    started = time.perf_counter()
    assert predicate.holds({"lines": [line("x")] * 4000}, SPEC) is None
    assert time.perf_counter() - started < 1


def test_a_predicate_knows_the_attributes_it_reads() -> None:
    predicate = compile_predicate(f'({PREORDER}) && fraud_score < 70 && address.country in ["DE"]', SPEC)
    assert predicate.paths == ("channel", "lines[#]", "lines[].sku_type", "fraud_score", "address.country")


@pytest.mark.parametrize(
    ("source", "terms"),
    [
        (PREORDER, ['channel == "marketplace"', 'lines.exists(l, l.sku_type == "preorder")']),
        ("((is_gift) && (channel == 'a && b'))", ["is_gift", "channel == 'a && b'"]),
        ("is_gift && (channel == 'a' || is_gift)", ["is_gift", "channel == 'a' || is_gift"]),
        ("is_gift && channel == 'a' || is_gift", ["is_gift && channel == 'a' || is_gift"]),
        (
            "is_gift ? fraud_score > 1 : weight > 2.0 && is_gift",
            ["is_gift ? fraud_score > 1 : weight > 2.0 && is_gift"],
        ),
        ("(is_gift) == (is_gift)", ["(is_gift) == (is_gift)"]),
        ('channel == "it\'s \\" &&" && is_gift', ['channel == "it\'s \\" &&"', "is_gift"]),
        ('channel == r"\\d" && is_gift // why && not', ['channel == r"\\d"', "is_gift // why && not"]),
        ('channel == """a" && b""" && is_gift', ['channel == """a" && b"""', "is_gift"]),
    ],
)
def test_a_predicate_is_taken_apart_at_its_conditions(source: str, terms: list[str]) -> None:
    assert [term.source for term in compile_predicate(source, SPEC).terms] == terms


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "channel": st.sampled_from(["web", "marketplace", "", "é", None, 3]),
    "fraud_score": st.sampled_from([0, 69, 70, 71, -1, None, 2**62, "70", True]),
    "weight": st.sampled_from([0, 1.5, 1.4999, 2, None, float("inf"), "x"]),
    "is_gift": st.sampled_from([True, False, None, 1]),
}
SIMPLE_TERMS = [
    'channel == "web"',
    'channel != "web"',
    'channel in ["web", "é"]',
    'channel < "m"',
    "channel == ''",
    "fraud_score == 70",
    "fraud_score != 70",
    "fraud_score < 70",
    "70 < fraud_score",
    "fraud_score >= 70",
    "fraud_score in [69, 70]",
    "weight <= 1.5",
    "weight == 2.0",
    "is_gift",
    "!is_gift",
    "is_gift == true",
    "is_gift != false",
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SIMPLE_TERMS), st.fixed_dictionaries({}, optional=VALUES))
def test_a_simple_term_is_decided_as_the_engine_would(source: str, context: dict[str, Any]) -> None:
    (term,) = compile_predicate(source, SPEC).terms
    assert term.comparison is not None
    conformed = SPEC.conform(context)
    activation = activation_for(SPEC, conformed)
    by_engine = _only_boolean(term.expression.evaluate(activation())[0])
    assert term.holds(conformed, activation) is by_engine


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(SIMPLE_TERMS), min_size=1, max_size=4), st.fixed_dictionaries({}, optional=VALUES))
def test_terms_together_decide_as_the_whole_expression_would(sources: list[str], context: dict[str, Any]) -> None:
    predicate = compile_predicate(" && ".join(sources), SPEC)
    whole = compile_predicate(f"({' && '.join(sources)}) ? true : false", SPEC)
    assert len(whole.terms) == 1
    assert predicate.holds(context, SPEC) is whole.holds(context, SPEC)


ORDER = {
    "name": "#1001",
    "total_price": "412.50",
    "created_at": "2026-11-20T09:00:00+01:00",
    "note": None,
    "line_items": [{"sku": "A", "quantity": 2, "price": "199.00"}, {"sku": "B", "quantity": 1, "price": 14.5}],
}


def test_a_mapping_turns_a_vendors_payload_into_ours() -> None:
    mapping = compile_mapping(
        {
            "key": "payload.name",
            "placed_at": 'utc(payload.created_at, "UTC")',
            "total": {"minor": "minor_units(payload.total_price)", "currency": '"EUR"'},
            "note": "payload.note",
            "version": 1,
            "lines": 'payload.line_items.map(l, {"sku": l.sku, "quantity": l.quantity, "minor": minor_units(l.price)})',
        }
    )
    assert mapping.apply(ORDER) == {
        "key": "#1001",
        "placed_at": "2026-11-20T08:00:00Z",
        "total": {"minor": 41250, "currency": "EUR"},
        "version": 1,
        "lines": [{"sku": "A", "quantity": 2, "minor": 19900}, {"sku": "B", "quantity": 1, "minor": 1450}],
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("minor_units(payload.yen, 0)", 500),
        ("minor_units(3)", 300),
        ("minor_units('1.005', 3)", 1005),
        ("utc('2026-07-01 12:00:00', 'America/Sao_Paulo')", "2026-07-01T15:00:00Z"),
        ("text(12)", "12"),
        ("text(12.0)", "12"),
        ("text('x')", "x"),
    ],
)
def test_mappings_may_call_for_money_time_and_text(expression: str, value: Any) -> None:
    assert compile_mapping([expression]).apply({"yen": "500"}) == [value]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("payload.absent", "absent"),
        ("minor_units('12.345')", "not an amount with 2 decimal places"),
        ("minor_units('NaN')", "not an amount with 2 decimal places"),
        ("minor_units('twelve')", "not an amount of money"),
        ("utc('yesterday', 'UTC')", "yesterday"),
        ("utc('2026-01-01', 'Mars/Base')", "Mars"),
    ],
)
def test_a_payload_that_lacks_something_is_refused_with_the_place_it_was_for(expression: str, words: str) -> None:
    with pytest.raises(MappingFailed, match=rf"^/order/x could not be filled: .*{words}"):
        compile_mapping({"order": {"x": expression}}).apply({})


def test_a_wrong_mapping_is_refused_with_its_place() -> None:
    with pytest.raises(MappingInvalid, match=r"^/lines/0: The expression ends too early. \(column 4\)"):
        compile_mapping({"lines": ["1 +"]})
