"""Deciding: 200 rules, orders all different, most alike, and kept; beside the same rules as Python closures."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from audit.access import system_actor
from audit.context import acting
from audit.subject_refs import SubjectRef
from rules import services
from rules.decisions import Rule, RuleSet
from rules.engine import compile_predicate
from rules.facts import ContextSpec
from rules.models import Calendar, Client
from tests.benchmarks.table import Table, rate

RULES, ORDERS = 200, 4_000
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SPEC = ContextSpec(
    "order",
    {
        "channel": "text",
        "country": "text",
        "fraud_score": "whole",
        "total_minor": "whole",
        "lines": [{"sku_type": "text", "quantity": "whole"}],
    },
)
CHANNELS = ["web", "marketplace", "app", "phone"]
COUNTRIES = ["DE", "GB", "US", "FR", "IT", "NL", "DK", "SE"]
TYPES = ["stock", "drop_ship", "preorder", "digital", "gift_card"]
Closure = Callable[[dict[str, Any]], bool]


def run() -> Table:
    """Decisions per second."""
    table = Table(f"{RULES} ownership rules, {ORDERS} orders", "the same rules as Python closures, first match wins")
    rules, closures = _rules()
    varied = _orders(amounts=10**7)
    alike = _orders(amounts=40)
    table.add(
        "every order different", rate(lambda: _decide_afresh(rules, varied)), rate(lambda: _ask(closures, varied))
    )
    remembering = RuleSet(SPEC, rules, _rule(RULES, "true"), review=("review", "sla"))
    table.add("outcomes remembered", rate(lambda: _decide(remembering, varied)), rate(lambda: _ask(closures, varied)))
    table.add("few different amounts", rate(lambda: _decide(remembering, alike)), rate(lambda: _ask(closures, alike)))
    table.add("decided and kept, shipped rules", rate(_decide_and_keep), rate(lambda: _ask(closures, varied)))
    return table


def _rule(number: int, predicate: str) -> Rule:
    return Rule(f"rule-{number}", compile_predicate(predicate, SPEC), "owner", "flow", "sla", "fallback", 120)


def _rules() -> tuple[list[Rule], list[Closure]]:
    rules, closures = [], []
    chance = random.Random(7)
    for number in range(RULES):
        channel, country, sku_type = chance.choice(CHANNELS), chance.choice(COUNTRIES), chance.choice(TYPES)
        score = chance.randrange(90, 100)
        predicate = (
            f'channel == "{channel}" && country == "{country}" && fraud_score >= {score} '
            f'&& lines.exists(l, l.sku_type == "{sku_type}")'
        )
        rules.append(_rule(number, predicate))
        closures.append(_closure(channel, country, score, sku_type))
    return rules, closures


def _closure(channel: str, country: str, score: int, sku_type: str) -> Closure:
    return lambda order: (
        order["channel"] == channel
        and order["country"] == country
        and order["fraud_score"] >= score
        and any(line["sku_type"] == sku_type for line in order["lines"])
    )


def _orders(*, amounts: int) -> list[dict[str, Any]]:
    chance = random.Random(11)
    return [
        {
            "channel": chance.choice(CHANNELS),
            "country": chance.choice(COUNTRIES),
            "fraud_score": chance.randrange(100),
            "total_minor": chance.randrange(amounts),
            "lines": [{"sku_type": chance.choice(TYPES), "quantity": chance.randrange(1, 9)} for _ in range(3)],
        }
        for _ in range(ORDERS)
    ]


def _ask(closures: list[Closure], orders: list[dict[str, Any]]) -> int:
    for order in orders:
        next((number for number, holds in enumerate(closures) if holds(order)), None)
    return len(orders)


def _decide(rules: RuleSet, orders: list[dict[str, Any]]) -> int:
    for order in orders:
        rules.decide(order)
    return len(orders)


def _decide_afresh(rules: list[Rule], orders: list[dict[str, Any]]) -> int:
    return _decide(RuleSet(SPEC, rules, _rule(RULES, "true"), review=("review", "sla")), orders)


def _decide_and_keep() -> int:
    system = system_actor("benchmark")
    services.install_shipped_configuration(by=system, now=NOW)
    with acting(system, at=NOW):
        client, _ = Client.objects.get_or_create(
            slug="bench",
            defaults={
                "name": "Bench",
                "key_prefix": "BN",
                "time_zone": "UTC",
                "calendar": Calendar.objects.get(slug="always"),
                "currency": "EUR",
            },
        )
    requests = [
        services.DecisionRequest(SubjectRef("fulfilment.order", str(uuid4())), f"BN-{number}", client.pk, order)
        for number, order in enumerate(_orders(amounts=10**7))
    ]
    services.decide_many(requests=requests, now=NOW)
    return len(requests)
