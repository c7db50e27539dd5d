"""What other systems tell us, in one shape, whatever wire it came over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from orders.fulfilment.decisions.gifts import Gift, read_gift
from orders.fulfilment.decisions.money import Amounts, from_minor
from orders.fulfilment.states import DeliverySla, SkuType

OURSELVES: Final = "handrail"
# How the name of what a person has told here begins.
BY_HAND: Final = "by-hand/"


@dataclass(frozen=True)
class News:
    """One event: who says it (a system's slug), about what (its own name for the order), when it happened, and the facts.

    `based_on` is the number of the order's export that the sender knew, where it says so.
    """

    event_id: str
    type: str
    system: str
    subject: str
    client_id: UUID
    happened_at: datetime
    data: Mapping[str, Any]
    correlation_id: str = ""
    based_on: int | None = None

    @property
    def is_by_hand(self) -> bool:
        """Whether somebody has said it here, which no other system proves."""
        return self.system == OURSELVES

    @property
    def order_name(self) -> str:
        """What the sender calls the order."""
        return str(self.data.get("order") or self.subject)


@dataclass(frozen=True)
class PlacedLine:
    """A line as the store sold it; `unit_minor` in minor units of the order's currency, `ship_by` the hand-over limit, where it has one.

    Lines of one `bundle` were sold as one, and the store has divided them itself.
    """

    sku: str
    name: str
    sku_type: str
    vendor: str
    quantity: int
    unit_minor: int
    ship_by: datetime | None = None
    bundle: str = ""
    gift: Gift | None = None


@dataclass(frozen=True)
class PlacedOrder:
    """An order as a store tells it; `identifiers` are (system, what it calls the order), `buyer` is what the store calls who ordered."""

    news: News
    number: str
    channel: str
    segment: str
    delivery_sla: str
    preferred_carrier: str
    fraud_score: int | None
    currency: str
    total_minor: int
    placed_at: datetime
    paid_at: datetime | None
    promised_at: datetime | None
    is_test: bool
    identifiers: tuple[tuple[str, str], ...]
    address: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[PlacedLine] = ()
    buyer: str = ""
    amounts: Amounts | None = None

    @property
    def country(self) -> str:
        """Where it ships to, where that is known; else nothing."""
        code = str(self.address.get("country") or "").strip().upper()
        return code if len(code) == 2 and code.isalpha() and code.isascii() else ""  # noqa: PLR2004 -- ISO 3166 alpha-2


def read_placed_order(news: News) -> PlacedOrder:
    """Read an order out of its event. Raises `ValueError` naming the field when it cannot be one, contract or not."""
    data = news.data
    number = _text(data, "order", otherwise=news.subject)
    named = {(str(row["system"]), str(row["external_id"])) for row in data.get("identifiers") or ()}
    lines = tuple(_line(line) for line in data.get("lines") or ())
    address, contact = dict(data.get("address") or {}), dict(data.get("contact") or {})
    return PlacedOrder(
        news=news,
        number=number,
        channel=_text(data, "channel", otherwise="web"),
        segment=str(data.get("segment") or ""),
        delivery_sla=_one_of(data, "delivery_sla", DeliverySla.values, otherwise=DeliverySla.STANDARD),
        preferred_carrier=str(data.get("preferred_carrier") or "").strip()[:60],
        fraud_score=_score(data.get("fraud_score")),
        currency=_text(data, "currency"),
        total_minor=_whole(data, "total_minor", at_least=0),
        placed_at=moment(data.get("placed_at")) or news.happened_at,
        paid_at=moment(data.get("paid_at")),
        promised_at=moment(data.get("promised_at")),
        is_test=bool(data.get("test")),
        identifiers=tuple(sorted(named | {(news.system, number)})),
        address={**address, **contact},
        lines=lines,
        buyer=str(contact.get("customer_id") or "").strip(),
        amounts=_amounts(data, lines),
    )


def _amounts(data: Mapping[str, Any], lines: Sequence[PlacedLine]) -> Amounts | None:
    """Tax, shipping and discount as the store states them; None where it states none of them."""
    currency = str(data.get("currency") or "")

    def stated(name: str) -> Decimal | None:
        return None if data.get(name) is None else from_minor(_whole(data, name, at_least=0), currency)

    found = Amounts(
        lines=from_minor(sum(line.unit_minor * line.quantity for line in lines), currency),
        total=from_minor(_whole(data, "total_minor", at_least=0), currency),
        discount=stated("discount_minor"),
        shipping=stated("shipping_minor"),
        tax=stated("tax_minor"),
        tax_included=bool(data.get("tax_included")),
    )
    return found if found.is_stated else None


def moment(value: object) -> datetime | None:
    """An RFC 3339 time with its offset. Raises `ValueError` for one without, because guessing a zone moves deadlines."""
    if not value:
        return None
    parsed = datetime.fromisoformat(str(value))
    if parsed.tzinfo is None:
        raise ValueError(f"{value} has no time zone.")
    return parsed


def happened(news: News, *names: str) -> datetime:
    """When it happened, by the sender's own account."""
    given = next((news.data[name] for name in names if news.data.get(name)), None)
    return moment(given) or news.happened_at


def _line(line: Mapping[str, Any]) -> PlacedLine:
    return PlacedLine(
        sku=_text(line, "sku"),
        name=str(line.get("title") or "")[:200],
        sku_type=_one_of(line, "sku_type", SkuType.values, otherwise=SkuType.STOCK),
        vendor=str(line.get("vendor") or ""),
        quantity=_whole(line, "quantity", at_least=1),
        unit_minor=_whole({"unit_minor": 0, **line}, "unit_minor", at_least=0),
        ship_by=moment(line.get("ship_by")),
        bundle=str(line.get("bundle") or "")[:80],
        gift=read_gift(line.get("gift")),
    )


def _text(data: Mapping[str, Any], name: str, *, otherwise: str = "") -> str:
    value = str(data.get(name) or otherwise).strip()
    if not value:
        raise ValueError(f"{name} is missing.")
    return value


def _whole(data: Mapping[str, Any], name: str, *, at_least: int) -> int:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ValueError(f"{name} must be a whole number from {at_least}.")
    return value


def _one_of(data: Mapping[str, Any], name: str, known: Sequence[str], *, otherwise: str) -> str:
    value = str(data.get(name) or otherwise)
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}.")
    return value


def _score(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:  # noqa: PLR2004 -- a percentage
        raise ValueError("fraud_score must be a number from 0 to 100.")
    return round(value)
