"""Promises to other systems, written in the transaction that made them true."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.context import cause_of_act
from audit.crypto import seal_secret
from audit.subject_refs import SubjectRef
from audit.wakeups import wake
from orders.sync.models import OutboundMessage, System
from rules import selectors as rules
from rules.contracts import CompiledContract


@dataclass(frozen=True)
class Promise:
    """One message to one system. `key` is unique for ever: the same key is the same promise. `ordering_key` keeps messages in line.

    `change_token` grows with every change of what is told, where the receiver keeps a copy of it.
    """

    system: System
    type: str
    subject: SubjectRef
    payload: Mapping[str, Any]
    key: str
    ordering_key: str
    correlation_id: str = ""
    change_token: int | None = None


def promise(*, promise: Promise, now: datetime) -> None:
    """As `promise_many`, for one."""
    promise_many(promises=[promise], now=now)


def promise_many(*, promises: Sequence[Promise], now: datetime) -> None:
    """Promise messages in one statement; a key that was promised before changes nothing.

    Raises `ValueError` when a payload of ours breaks its contract (a bug of ours), `NotFound` for a contract that is not in force.
    """
    contracts = {type_: rules.contract(type_) for type_ in sorted({one.type for one in promises})}
    messages = [_message(one, contracts[one.type], now) for one in promises]
    OutboundMessage.objects.bulk_create(messages, batch_size=1_000, ignore_conflicts=True)
    if messages:
        wake("sync.deliver_outbox")


def _message(one: Promise, contract: CompiledContract, now: datetime) -> OutboundMessage:
    if violations := contract.violations(dict(one.payload)):
        raise ValueError(f"Our own {one.type} breaks its contract: {violations[0].pointer}: {violations[0].detail}")
    return OutboundMessage(
        key=one.key,
        system=one.system,
        client_id=one.subject.client_id,
        type=one.type,
        subject_type=one.subject.type,
        subject_id=one.subject.id,
        ordering_key=one.ordering_key,
        correlation_id=one.correlation_id,
        change_token=one.change_token,
        caused_at=cause_of_act() or now,
        created_at=now,
        due_at=now,
        sealed=seal_secret(json.dumps(dict(one.payload), ensure_ascii=False)),
        preview=contract.redact(dict(one.payload)),
    )
