"""Making decisions and keeping them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from audit.subject_refs import SubjectRef
from rules import selectors
from rules.models import Decision
from rules.rulebook import CompiledBook

COLUMNS = [field.attname for field in Decision._meta.concrete_fields]
COPY = f"COPY {Decision._meta.db_table} ({', '.join(COLUMNS)}) FROM STDIN"


@dataclass(frozen=True)
class DecisionRequest:
    """What is to be decided about: `subject_key` is the key people know the subject by, such as NW-104233."""

    subject: SubjectRef
    subject_key: str
    client_id: UUID
    context: Mapping[str, Any]


def decide_for(
    *, subject: SubjectRef, client_id: UUID, context: Mapping[str, Any], now: datetime, subject_key: str = ""
) -> Decision:
    """Decide about one subject with the rule book in force and keep the decision. Raises `NoRuleBook`."""
    return decide_many(requests=[DecisionRequest(subject, subject_key, client_id, context)], now=now)[0]


def decide_many(*, requests: Sequence[DecisionRequest], now: datetime) -> list[Decision]:
    """Decide about many subjects, in the order given; one COPY for any number. Raises `NoRuleBook`.

    `Decision.outcome` is `Outcome.as_json()`; where it says `undecided`, the caller opens a case.
    """
    book = selectors.active_book()
    decisions = [_decision(book, request, now) for request in requests]
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for decision in decisions:
            copy.write_row([_column(decision, name) for name in COLUMNS])
            decision._state.adding = False
    return decisions


def _column(decision: Decision, name: str) -> Any:
    value = getattr(decision, name)
    return json.dumps(value) if isinstance(value, dict | list) else value


def _decision(book: CompiledBook, request: DecisionRequest, now: datetime) -> Decision:
    outcome = book.decide(request.context)
    return Decision(
        subject_type=request.subject.type,
        subject_id=request.subject.id,
        subject_key=request.subject_key or request.subject.id,
        client_id=request.client_id,
        at=now,
        book_id=book.id,
        rule_slug=outcome.rule,
        # Only what the book declares is kept: enough to decide again, and nothing personal that happened to be passed.
        context=book.spec.as_kept(request.context),
        outcome=outcome.as_json(),
        near_misses=outcome.near_misses_as_json(),
    )
