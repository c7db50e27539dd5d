"""What a client is told of some days. The page, the table, the document and the API all show these tables, so they say the same.

Days are counted in UTC, as in the accounting of exceptions. Orders somebody only tried out are left out, and so is the second record of an
order that was merged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from audit.context import Actor
from audit.words import in_words
from exceptions import selectors as exceptions
from orders.fulfilment.models import CheckResult, Fulfilment, Order
from orders.fulfilment.selectors.clients import client_called
from orders.fulfilment.selectors.false_passes import passed_between
from orders.fulfilment.states import FulfilmentState, OrderState, Verdict
from orders.sync import selectors as sync
from rules import selectors as rules
from rules.models import Client
from rules.states import CheckKind, FlowKind

NOTHING: Final = "\N{EN DASH}"
Value = int | float | None


@dataclass(frozen=True)
class Row:
    """What is counted of one thing: a value for each column, None where there is nothing to tell.

    `query` is that of the list of orders that shows exactly what the first column counts, where there is one.
    """

    slug: str
    label: str
    values: Sequence[Value]
    query: str = ""

    @property
    def shown(self) -> list[str]:
        """The values as people read them."""
        return [NOTHING if value is None else number_format(value, force_grouping=True) for value in self.values]


@dataclass(frozen=True)
class Table:
    """One part of the report; `columns` are slug and heading."""

    slug: str
    title: str
    about: str
    kind: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]

    @property
    def told(self) -> list[dict[str, Any]]:
        """The rows with their values by the column's slug."""
        names = [slug for slug, _heading in self.columns]
        return [{"slug": row.slug, "values": dict(zip(names, row.values, strict=True))} for row in self.rows]

    @property
    def cells(self) -> list[tuple[str, list[tuple[str, str, str]]]]:
        """Of each row its label, and its values each with the heading above it and the query of the list that shows what it counts."""
        headings = [heading for _slug, heading in self.columns]
        queries = [[row.query, *[""] * (len(headings) - 1)] for row in self.rows]
        return [
            (row.label, list(zip(headings, row.shown, query, strict=True)))
            for row, query in zip(self.rows, queries, strict=True)
        ]

    def figures(self) -> Iterator[tuple[str, str, Value]]:
        """Each value with the slugs of its row and column."""
        return ((row["slug"], column, value) for row in self.told for column, value in row["values"].items())


@dataclass(frozen=True)
class ClientReport:
    """The tables of one client for the days from `since` to `until`, both of them counted, as far as was known `at`."""

    client: Client
    since: date
    until: date
    at: datetime
    tables: Sequence[Table]


def client_report(slug: str, *, by: Actor, since: date, until: date, now: datetime) -> ClientReport:
    """The report. Raises `Refused` without the permission, `NotFound` for no client and for somebody else's alike."""
    client = client_called(slug, by=by)
    start, end = datetime.combine(since, time(), UTC), datetime.combine(until, time(), UTC) + timedelta(days=1)
    tables = [
        _orders(client, start, end),
        _promises(client, start, end, now),
        *_exceptions(client, by, since, until),
        _checks(client, start, end),
        _delays(client, start, end),
    ]
    return ClientReport(client, since, until, now, tables)


def percent(part: int, whole: int) -> float | None:
    """The part in percent, to one place; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def _orders(client: Client, start: datetime, end: datetime) -> Table:
    placed = _real(client).filter(placed_at__gte=start, placed_at__lt=end).order_by().values_list("state")
    counted = dict(placed.annotate(Count("pk")))
    states = [state for state in OrderState if state in counted]
    rows = [
        Row(state.value, in_words(state.label), [counted[state]], _listed(client, start, end, [state]))
        for state in states
    ]
    rows.append(Row("all", _("All together"), [sum(counted.values())], _listed(client, start, end, states)))
    about = _("Orders that were placed in these days, by where they stand now.")
    return Table("orders", _("Orders"), about, _("State"), [("orders", _("Orders"))], rows)


def _listed(
    client: Client, start: datetime, end: datetime, states: Sequence[OrderState], moment: str = "placed"
) -> str:
    """The query of the list of orders that shows a client's with this moment from `start` to before `end`, in these states now."""
    last = end - _TICK
    between = f"{start:%Y-%m-%dT%H:%M}Z..{last.isoformat().removesuffix('+00:00')}Z"
    told = {"client": client.slug, "test": "false", moment: between, "state": [state.value for state in states]}
    return urlencode(told, doseq=True) if states else ""


def _real(client: Client) -> Any:
    return Order.objects.filter(client=client, is_test=False).exclude(state=OrderState.MERGED)


def _promises(client: Client, start: datetime, end: datetime, now: datetime) -> Table:
    parcels = Fulfilment.objects.filter(client=client, order__is_test=False, due_at__gte=start, due_at__lt=end).exclude(
        state=FulfilmentState.CANCELLED
    )
    left = Coalesce("handed_over_at", "delivered_at")
    by_vendor = Q(flow__kind=FlowKind.DROP_SHIP)
    promised = _real(client).filter(promised_at__gte=start, promised_at__lt=end).exclude(state=OrderState.CANCELLED)
    delivered = _kept(
        "delivered", _("Orders delivered as promised to the customer"), promised, F("delivered_at"), "promised_at", now
    )
    if end <= now:  # nothing of these days is still to come: what was promised is what is counted
        found = {OrderState(state) for state in promised.order_by().values_list("state", flat=True).distinct()}
        states = [state for state in OrderState if state in found]
        delivered = replace(delivered, query=_listed(client, start, end, states, "promised"))
    rows = [
        _kept("sent", _("Parcels that left by their deadline"), parcels.exclude(by_vendor), left, "due_at", now),
        _kept(
            "confirmed",
            _("Parcels a vendor confirmed by its deadline"),
            parcels.filter(by_vendor),
            Coalesce("confirmed_at", left),
            "due_at",
            now,
        ),
        delivered,
    ]
    columns = [
        ("due", _("Due")),
        ("on_time", _("On time")),
        ("late", _("Late")),
        ("on_time_percent", _("On time, in percent")),
    ]
    about = _("Counted is what was due in these days; what is still to come and not late yet is left out.")
    return Table("on_time", _("Promises kept"), about, _("Promise"), columns, rows)


def _kept(slug: str, label: str, records: Any, done: Any, due: str, now: datetime) -> Row:
    on_time, late = Q(done__lte=F(due)), Q(done__gt=F(due)) | Q(done__isnull=True, **{f"{due}__lt": now})
    found: Mapping[str, int] = records.annotate(done=done).aggregate(
        kept=Count("pk", filter=on_time), missed=Count("pk", filter=late)
    )
    all_due = found["kept"] + found["missed"]
    return Row(slug, label, [all_due, found["kept"], found["missed"], percent(found["kept"], all_due)])


def _exceptions(client: Client, by: Actor, since: date, until: date) -> list[Table]:
    names = _names()
    accounts = exceptions.accounts(by=by, since=since, until=until, client_id=client.pk)
    columns = [
        ("opened", _("Opened")),
        ("solved", _("Solved")),
        ("minutes_until_solved", _("Minutes until solved, on average")),
        ("minutes_promised", _("Minutes promised, on average")),
    ]
    cases = Table(
        "exceptions",
        _("Exceptions"),
        _("How many there were, and how long they took by the wall clock."),
        _("Type"),
        columns,
        [
            Row(one.kind, names.get(one.kind, one.kind), [one.began, one.ended, one.mean_minutes, one.target_minutes])
            for one in accounts.exceptions
        ]
        + [_together(accounts.all_exceptions)],
    )
    granted = exceptions.granted_between(by=by, since=since, until=until, client_id=client.pk)
    asked = {one.kind: one.began for one in accounts.time_limited}
    gates = sorted({*granted, *asked})
    waivers = Table(
        "time_limited_exceptions",
        _("Time-limited exceptions"),
        _("What was let through for a while, by gate."),
        _("Gate"),
        [("asked_for", _("Asked for")), ("used", _("Came into force"))],
        [Row(gate, names.get(gate, gate), [asked.get(gate, 0), granted.get(gate, 0)]) for gate in gates]
        + [Row("all", _("All together"), [sum(asked.values()), sum(granted.values())])],
    )
    return [cases, waivers]


def _names() -> dict[str, str]:
    """What people call kinds of exceptions and gates; what the book in force no longer knows keeps its short name."""
    book = rules.active_book()
    types = {one.slug: in_words(one.name) for one in book.exception_types()}
    return {**types, **{slug: in_words(row["name"]) for slug, row in book.document["gates"].items()}}


def _together(account: Any) -> Row:
    return Row("all", _("All together"), [account.began, account.ended, account.mean_minutes, account.target_minutes])


def _checks(client: Client, start: datetime, end: datetime) -> Table:
    failed = dict(
        CheckResult.objects.filter(check_of__client=client, at__gte=start, at__lt=end, verdict=Verdict.FAILED)
        .order_by()
        .values_list("check_of__kind")
        .annotate(Count("pk"))
    )
    passed = passed_between(clients=[client.pk], after=start - _TICK, until=end - _TICK)
    rows = [
        Row(kind.value, in_words(kind.label), [came, failed.get(kind.value, 0), back, percent(back, came)])
        for kind in CheckKind
        for came, back in [passed.get(kind.value, (0, 0))]
        if came or kind.value in failed
    ]
    columns = [
        ("passed", _("Passed")),
        ("failed", _("Failed")),
        ("came_back", _("Passed, and came back")),
        ("wrongly_passed_percent", _("Wrongly passed, in percent")),
    ]
    about = _(
        "Parcels that passed in these days, how often one failed, and what came back for what a check should have found."
    )
    return Table("quality", _("Quality checks"), about, _("Check"), columns, rows)


_TICK: Final = timedelta(microseconds=1)


def _delays(client: Client, start: datetime, end: datetime) -> Table:
    told, late, middle, most, longest = sync.delays_of_client(client.pk, start=start, end=end)
    columns = [
        ("messages", _("Messages")),
        ("late", _("Later than promised")),
        ("seconds_half", _("Half within, seconds")),
        ("seconds_95_of_100", _("95 of 100 within, seconds")),
        ("seconds_longest", _("Longest, seconds")),
    ]
    row = Row("systems", _("All systems together"), [told, late, _rounded(middle), _rounded(most), _rounded(longest)])
    about = _("From what happened until each system that is told of it had it.")
    return Table("delay", _("Delay"), about, _("Told to"), columns, [row])


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
