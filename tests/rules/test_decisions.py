"""Which rule decides, what is said about the others, and that remembering changes nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.decisions import NearMiss, Outcome, Rule, RuleSet
from rules.engine import compile_predicate
from rules.facts import ContextSpec, as_shape

SPEC = ContextSpec(
    "order",
    {
        "channel": as_shape(str),
        "country": as_shape(str),
        "fraud_score": as_shape(int),
        "total": as_shape(int),
        "weight": as_shape(float),
        "is_gift": as_shape(bool),
        "address": as_shape({"city": str}),
        "lines": as_shape([{"sku_type": str, "quantity": int}]),
    },
)


def rule(slug: str, predicate: str) -> Rule:
    compiled = compile_predicate(predicate, SPEC)
    return Rule(slug, compiled, f"{slug}-owner", f"{slug}-flow", "sla", f"{slug}-fallback", 120)


DEFAULT = rule("default", "true")
REVIEW = ("manual-review", "review-sla")


def ruleset(**predicates: str) -> RuleSet:
    return RuleSet(SPEC, [rule(slug, predicate) for slug, predicate in predicates.items()], DEFAULT, review=REVIEW)


PREORDER = 'channel == "marketplace" && lines.exists(l, l.sku_type == "preorder")'
RULES = ruleset(risk="fraud_score >= 70", preorder=PREORDER, gift='is_gift == true && country == "DE"')


def order(**context: Any) -> dict[str, Any]:
    return {"channel": "web", "fraud_score": 10, "is_gift": False, "country": "DE", "lines": [], **context}


def test_the_first_rule_that_holds_decides_and_later_ones_are_named() -> None:
    outcome = RULES.decide(order(fraud_score=80, is_gift=True))
    assert outcome == Outcome(
        rule="risk",
        owner="risk-owner",
        flow="risk-flow",
        sla="sla",
        fallback="risk-fallback",
        fallback_after_minutes=120,
        competing=("gift",),
    )


def test_the_default_rule_decides_what_no_other_does_and_says_why() -> None:
    outcome = RULES.decide(order(is_gift=False))
    assert (outcome.rule, outcome.owner, outcome.undecided) == ("default", "default-owner", False)
    assert outcome.path == (
        "risk: fraud_score >= 70 is not so",
        'preorder: channel == "marketplace" is not so',
        "gift: is_gift == true is not so",
    )


def test_a_rule_that_missed_by_one_condition_is_named_with_what_it_found() -> None:
    lines = [{"sku_type": "preorder", "quantity": 1}, {"sku_type": "stock", "quantity": 2}]
    outcome = RULES.decide(order(fraud_score=69, lines=lines))
    assert outcome.near_misses == (
        NearMiss("risk", "fraud_score >= 70", "fraud_score", 69),
        NearMiss("preorder", 'channel == "marketplace"', "channel", "web"),
        NearMiss("gift", "is_gift == true", "is_gift", actual=False),
    )
    other_way = RULES.decide(order(channel="marketplace", lines=[{"sku_type": "stock"}]))
    assert other_way.near_misses[1] == NearMiss(
        "preorder", 'lines.exists(l, l.sku_type == "preorder")', "lines[].sku_type", ["stock"]
    )


def test_near_misses_tell_of_this_context_and_not_of_the_one_remembered() -> None:
    actual = [RULES.decide(order(fraud_score=score)).near_misses[0].actual for score in (1, 2)]
    assert actual == [1, 2]


def test_what_cannot_be_decided_goes_to_the_fallback_owner_for_review() -> None:
    outcome = RULES.decide(order(fraud_score=None, is_gift=True))
    assert outcome == Outcome(
        rule="risk",
        owner="risk-fallback",
        flow="manual-review",
        sla="review-sla",
        fallback="default-owner",
        fallback_after_minutes=120,
        path=("risk: fraud_score >= 70 cannot be decided",),
        undecided=True,
    )


def test_one_condition_that_is_not_so_settles_a_rule_that_is_otherwise_unclear() -> None:
    rules = ruleset(both='fraud_score >= 70 && channel == "web"')
    assert rules.decide(order(fraud_score=None, channel="phone")).rule == "default"


def test_a_nonsense_context_still_has_exactly_one_owner() -> None:
    outcomes = [RULES.decide(context) for context in ({}, {"lines": 3, "fraud_score": "x"}, {"unknown": object()})]
    assert [outcome.owner for outcome in outcomes] == ["risk-fallback"] * 3


VIEWS = [
    "fraud_score >= 70",
    "total > 100 && total < 500",
    "total == 250",
    "weight <= 1.5",
    'channel in ["web", "app"]',
    'country != "DE"',
    'country.startsWith("D")',
    "is_gift",
    'address.city == "Berlin"',
    "size(lines) > 1",
    'lines.exists(l, l.sku_type == "preorder")',
    "lines.map(l, l).exists(q, q.quantity > 2)",
    "lines[0].quantity == 1",
    "lines.all(l, l.quantity < 3)",
]
LINES = st.lists(
    st.fixed_dictionaries(
        {}, optional={"sku_type": st.sampled_from(["preorder", "stock", None]), "quantity": st.integers(0, 4)}
    ),
    max_size=3,
)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["web", "app", "phone", None, 1]),
        "country": st.sampled_from(["DE", "DK", "GB", None]),
        "fraud_score": st.sampled_from([None, 0, 69, 70, 71, "x"]),
        "total": st.sampled_from([None, 100, 101, 249, 250, 251, 499, 500, True]),
        "weight": st.sampled_from([None, 1, 1.5, 1.6, 2]),
        "is_gift": st.sampled_from([None, True, False]),
        "address": st.sampled_from([None, {}, {"city": "Berlin"}, {"city": "Bonn"}, []]),
        "lines": st.one_of(st.none(), LINES, st.just("x")),
    },
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from(VIEWS), min_size=1, max_size=5), st.lists(CONTEXTS, min_size=1, max_size=8))
def test_remembered_outcomes_are_the_outcomes_of_a_fresh_look(views: list[str], contexts: list[dict[str, Any]]) -> None:
    predicates = {f"r{index}": view for index, view in enumerate(views)}
    remembering = ruleset(**predicates)
    for context in contexts:
        remembering.decide(context)
    for context in contexts:
        assert remembering.decide(context) == ruleset(**predicates).decide(context)


@settings(max_examples=80, deadline=None)
@given(CONTEXTS)
def test_a_context_read_from_store_conforms_to_the_same(context: dict[str, Any]) -> None:
    kept = json.loads(json.dumps(SPEC.as_kept(context)))
    assert SPEC.conform(kept) == SPEC.conform(context)
    assert SPEC.as_kept(kept) == kept


def test_a_million_totals_are_as_few_as_the_thresholds_in_the_rules() -> None:
    rules = ruleset(big="total > 500")
    for total in range(1000):
        rules.decide(order(total=total))
    assert len(rules._memo) == 3
