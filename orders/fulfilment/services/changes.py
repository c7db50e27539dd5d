"""What one act changes, collected and written in as few statements as there are tables, with one entry in the trail per change."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model

from audit.canonical import timestamp
from audit.context import current_time
from audit.models import Accountable
from audit.services.events import Entry, record_many
from audit.services.rows import changes_of, insert_rows, overwrite_rows, update_rows
from audit.subject_refs import SubjectRef, subject_ref
from audit.triggers import published_edges
from exceptions.services import Use, note_uses
from orders.fulfilment.models import (
    CheckResult,
    Customer,
    EarlyNotice,
    Export,
    Fulfilment,
    FulfilmentLine,
    GiftCard,
    GoodsReceipt,
    Hold,
    Likeness,
    Location,
    Order,
    OrderAddress,
    OrderAmounts,
    OrderBundle,
    OrderGift,
    OrderIdentifier,
    OrderLine,
    OrderRequest,
    Override,
    ParcelCheck,
    Payment,
    Refund,
    Reservation,
    SafetyStock,
    Shipment,
    Sku,
    StockItem,
    StockLot,
    Unwind,
    UnwindStep,
)
from orders.fulfilment.services.cases import Opening, TimerChange, open_all, set_all, withdraw_all
from orders.fulfilment.services.expecting import Expecting, tell_all
from orders.fulfilment.services.levels import Levels, look_at_levels
from orders.fulfilment.services.messages import Message, send_all
from orders.fulfilment.services.picking import Pickers
from orders.fulfilment.services.shelves import ProductStock, load_stock
from orders.fulfilment.services.waking import News, seen_in, wake_all
from orders.fulfilment.states import FulfilmentState, LineState
from orders.sync.models import System
from rules.request_rules import RequestRules, compile_request_rules
from rules.rulebook import CompiledBook
from rules.selectors import active_book
from rules.states import Layer

WRITING_ORDER: tuple[type[Model], ...] = (
    Sku,
    Location,
    StockItem,
    StockLot,
    GoodsReceipt,
    SafetyStock,
    Customer,
    Likeness,
    Order,
    OrderBundle,
    OrderLine,
    OrderIdentifier,
    OrderAddress,
    OrderAmounts,
    OrderGift,
    GiftCard,
    OrderRequest,
    Payment,
    Refund,
    Reservation,
    Shipment,
    Fulfilment,
    FulfilmentLine,
    ParcelCheck,
    CheckResult,
    Unwind,
    UnwindStep,
    Override,
    Hold,
    EarlyNotice,
    Export,
)

Written = TypeVar("Written", bound=Accountable)
Moving = TypeVar("Moving", Fulfilment, Hold)


@dataclass
class Changes:
    """Records to insert and fields to update, by model; nothing is written before `write()`.

    `freed` are products of which units were put back: whoever waits for them is looked at when the orders are settled.
    """

    now: datetime
    openings: list[Opening] = field(default_factory=list)
    cured: list[tuple[Order, str]] = field(default_factory=list)
    timers: list[TimerChange] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    expecting: Expecting = field(default_factory=Expecting)
    freed: set[UUID] = field(default_factory=set)
    levels: Levels = field(default_factory=Levels)
    uses: list[Use] = field(default_factory=list)
    _new: dict[type[Model], list[Model]] = field(default_factory=lambda: defaultdict(list))
    _edited: dict[type[Model], dict[Any, tuple[Accountable, set[str]]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _steps: dict[Any, list[str]] = field(default_factory=lambda: defaultdict(list))
    _entries: list[Entry] = field(default_factory=list)
    _created: set[Any] = field(default_factory=set)
    _addresses: list[OrderAddress] = field(default_factory=list)
    _cards: list[GiftCard] = field(default_factory=list)
    _stock: dict[UUID, ProductStock] = field(default_factory=dict)

    @cached_property
    def book(self) -> CompiledBook:
        """The rule book in force, the same one for all of this act."""
        return active_book()

    @cached_property
    def request_rules(self) -> RequestRules:
        """What it says about what is asked of orders."""
        return compile_request_rules(self.book.document)

    @cached_property
    def pickers(self) -> Pickers:
        """Who picks what is handed out in this act."""
        return Pickers(self.now, self.book)

    @cached_property
    def carriers(self) -> list[frozenset[str]]:
        """What each carrier that is connected is called."""
        names = System.objects.filter(layer=Layer.CARRIER).order_by("pk").values_list("slug", "name")
        return [frozenset({slug.casefold(), name.casefold()}) for slug, name in names]

    def add(self, *records: Model) -> None:
        """Insert these."""
        for record in records:
            self._touch(record)
            self._new[type(record)].append(record)
            self._created.add(record.pk)

    def edit(self, record: Accountable, *fields: str) -> None:
        """Update these fields of a record; of one that is yet to be inserted, nothing more is needed."""
        self._touch(record)
        if record.pk in self._created:
            return
        _, edited = self._edited[type(record)].setdefault(record.pk, (record, set()))
        edited.update(fields)
        if "state" in fields:
            self._steps[record.pk].append(str(vars(record)["state"]))

    def unwritten(self, model: type[Written]) -> list[Written]:
        """Records of this kind that are to be inserted or updated."""
        edited = [record for record, _ in self._edited[model].values()]
        return [record for record in [*self._new[model], *edited] if isinstance(record, model)]

    def _touch(self, record: Model) -> None:
        """Whatever changes of a shelf or of what is kept there may change its level."""
        if isinstance(record, StockLot | SafetyStock):
            self.levels.touched.add(record.item_id)

    def lock_stock(self, **which: Collection[UUID]) -> list[StockItem]:
        """Stock items, locked by primary key; one item is one object for as long as this lasts, so that two edits of it add up."""
        found = StockItem.objects.filter(**which).order_by("pk").values_list("pk", flat=True).distinct()
        wanted = list(found)
        self._stock.update(load_stock([pk for pk in wanted if pk not in self._stock]))
        return [self._stock[pk].item for pk in wanted]

    def stock_of(self, item_id: UUID) -> ProductStock:
        """The product's row that was locked, with its lots."""
        return self._stock[item_id]

    def edit_address(self, address: OrderAddress | GiftCard) -> None:
        """Update a checked address, or the card of a gift; neither keeps a history."""
        if address.pk in self._created:
            return
        if isinstance(address, GiftCard):
            self._cards.append(address)
        else:
            self._addresses.append(address)

    def tell(self, event_type: str, subject: Model | SubjectRef, *, reason: str = "", **data: Any) -> None:
        """Put an entry into the trail when writing, with before → after of what was edited of the subject until now.

        Of a record that is yet to be inserted it says the state, so that the trail alone tells where every record stands.
        """
        changes: dict[str, tuple[Any, Any]] = {}
        if isinstance(subject, Fulfilment):
            self._stamp(subject)
        if isinstance(subject, Model) and subject.pk in self._created and hasattr(subject, "state"):
            data = {"state": str(subject.state), **data}
        if isinstance(subject, Accountable) and subject.pk in self._edited[type(subject)]:
            changes = changes_of(subject, sorted(self._edited[type(subject)][subject.pk][1]))
        ref = subject_ref(subject) if isinstance(subject, SubjectRef) else ref_of(subject)
        self._entries.append(Entry(event_type, ref, reason, data, changes))

    def write(self) -> None:
        """Write everything collected and forget it, so that the next step can be collected."""
        self._tell_of_lines()
        news = seen_in(self._moved(Fulfilment), self._moved(Hold))
        for model in WRITING_ORDER:
            self._update(self._edited.pop(model, {}).values())  # first: what is given up makes room for what is new
            insert_rows(self._new.pop(model, []))
        overwrite_rows(self._addresses, ["raw", "standard", "proposed", "instructions", "verdict", "problems"])
        overwrite_rows(self._cards, ["message", "raw", "standard", "verdict", "problems"])
        if self._entries:
            record_many(self._entries)
        self._entries, self._addresses, self._cards, self._created = [], [], [], set()
        self._call_out(news)

    def _moved(self, model: type[Moving]) -> list[Moving]:
        """The records of this kind whose state is another now."""
        found = [record for record, fields in self._edited[model].values() if "state" in fields]
        return [record for record in found if isinstance(record, model)]

    def _stamp(self, parcel: Fulfilment) -> None:
        """When it came into the state it is in now."""
        before = getattr(parcel, "_loaded", {}).get("state")
        if parcel.state != before or parcel.state == FulfilmentState.TASKED:
            parcel.stamps = {**parcel.stamps, str(parcel.state): timestamp(self.now)}
            self.edit(parcel, "stamps")

    def _tell_of_lines(self) -> None:
        """Where lines have moved is said with what moved their order, by position: {"2": ["open", "in_fulfilment"]}."""
        moved: dict[SubjectRef, dict[str, list[str]]] = defaultdict(dict)
        for line, fields in self._edited[OrderLine].values():
            before = getattr(line, "_loaded", {}).get("state", LineState.OPEN)
            if isinstance(line, OrderLine) and "state" in fields and before != line.state:
                moved[ref_of(line.order)][str(line.position)] = [str(before), str(line.state)]
        for place in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[place]
            if isinstance(entry.subject, SubjectRef) and (steps := moved.pop(entry.subject, None)):
                self._entries[place] = replace(entry, data={**entry.data, "moved": steps})
        self._entries += [Entry("order.lines_moved", ref, data={"moved": steps}) for ref, steps in moved.items()]

    def _call_out(self, news: News) -> None:
        """What other apps are told, after this app's own rows; each list is emptied first, because being told may lead back here."""
        messages, self.messages = self.messages, []
        openings, self.openings = self.openings, []
        timers, self.timers = self.timers, []
        cured, self.cured = self.cured, []
        expecting, self.expecting = self.expecting, Expecting()
        levels, self.levels = self.levels, Levels()
        uses, self.uses = self.uses, []
        note_uses(uses=uses, now=current_time())
        send_all(messages, now=self.now)
        tell_all(expecting, now=self.now)
        open_all(openings, now=self.now)
        set_all(timers, now=self.now)
        withdraw_all(cured, now=self.now)
        wake_all(news, now=self.now)
        if levels.is_moved:
            look_at_levels(levels, self._stock, now=self.now)

    def _update(self, edited: Iterable[tuple[Accountable, set[str]]]) -> None:
        alike: dict[tuple[str, ...], list[Accountable]] = defaultdict(list)
        for record, fields in edited:
            if "state" in fields:
                self._walk(record)
            alike[tuple(sorted(fields))].append(record)
        for names, records in sorted(alike.items()):
            update_rows(sorted(records, key=lambda record: record.pk), names, now=self.now)

    def _walk(self, record: Accountable) -> None:
        """Write the steps before the last where no published edge leads past them: much may have been heard at once."""
        edges, ahead = published_edges(type(record))["state"], self._steps.pop(record.pk)
        while (at := _stored_state(record)) and (at, ahead[-1]) not in edges:
            step = next((one for one in reversed(ahead[:-1]) if (at, one) in edges), None)
            if step is None:
                return  # the database says so
            written: dict[str, Any] = {"state": step, "updated_at": self.now}
            type(record).objects.filter(pk=record.pk).update(**written)
            record.note_saved({"state": (at, step)}, at=self.now)
            ahead = ahead[ahead.index(step) + 1 :]


def _stored_state(record: Accountable) -> str:
    """Where it stands in the database, where that is not where it stands here."""
    before = getattr(record, "_loaded", {}).get("state", "")
    return "" if before == vars(record)["state"] else str(before)


def ref_of(record: Model) -> SubjectRef:
    """The subject of a record of this app; lines and holds belong to the client of their order."""
    ref = subject_ref(record)
    order = getattr(record, "order", None)
    return SubjectRef(ref.type, ref.id, order.client_id) if ref.client_id is None and order is not None else ref
