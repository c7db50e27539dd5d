"""Quality checks for pages and programs: what waits for whoever packs, one parcel with everything to check it by, and what was found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid, NotFound
from audit.subject_refs import subject_ref
from audit.words import Said, said
from exceptions.selectors import live_waivers, opened_file
from orders.fulfilment.decisions import checks as decisions
from orders.fulfilment.decisions.checks import Parcel
from orders.fulfilment.models import (
    CheckResult,
    Fulfilment,
    FulfilmentLine,
    Hold,
    Order,
    ParcelCheck,
)
from orders.fulfilment.selectors.impacts import SKIP_CHECK, check_key
from orders.fulfilment.selectors.products import known_parcel
from orders.fulfilment.states import (
    CHECK_DUE,
    FULFILMENT_IN_HOUSE,
    CheckState,
    FulfilmentState,
    HoldState,
    Verdict,
)
from rules.states import CHECK_POINTS, CheckKind, CheckPoint

PER_PAGE: Final = 50
TABS: Final = ("due", "mine", "failed")
CAN_LEAVE: Final = (FulfilmentState.CONFIRMED, FulfilmentState.PICKED, FulfilmentState.PACKED)


@dataclass(frozen=True)
class ResultFacts:
    """One time somebody checked."""

    number: int
    at: datetime
    by: str
    verdict: str
    verdict_label: str
    expected: str
    seen: str
    sentences: Sequence[Said]
    photo: str
    sha256: str


@dataclass(frozen=True)
class CheckFacts:
    """One check of a parcel, with what was found, the newest first. `covered_by` is the time-limited exception that stands in for it."""

    id: UUID
    parcel: str
    slug: str
    name: str
    kind: str
    kind_label: str
    point_label: str
    state: str
    state_label: str
    owner: str
    remediation: str
    photo: str
    items: Sequence[str]
    expected: str
    covered_by: str
    is_ready: bool
    due_at: datetime | None
    due_words: str
    is_passed_on: bool
    results: Sequence[ResultFacts]

    @property
    def is_due(self) -> bool:
        """Whether it has to be done, or done again."""
        return self.state in CHECK_DUE

    @property
    def is_failed(self) -> bool:
        """Whether it was done and failed."""
        return self.state == CheckState.FAILED

    @property
    def is_passed(self) -> bool:
        """Whether it was done and passed."""
        return self.state == CheckState.PASSED


@dataclass(frozen=True)
class ProductRow:
    """A product in the parcel: how many, and how many of them are not scanned yet."""

    sku_id: UUID
    code: str
    name: str
    quantity: int
    left: int
    lots: str


@dataclass(frozen=True)
class ParcelToCheck:
    """Everything the page of one parcel shows to whoever packs it."""

    id: UUID
    key: str
    order: str
    client: str
    state_label: str
    due_at: datetime | None
    checks: Sequence[CheckFacts]
    now: CheckFacts | None
    products: Sequence[ProductRow]
    can_leave: bool
    tracking_number: str
    held: Sequence[str]
    shipment: str
    picker: str

    @property
    def has_results(self) -> bool:
        """Whether anybody has checked anything of it."""
        return any(one.results for one in self.checks)


@dataclass(frozen=True)
class WaitingRow:
    """A parcel that waits: its next check, and how many there are."""

    key: str
    order: str
    client: str
    next_name: str
    next_point: str
    is_failed: bool
    left: int
    due_at: datetime | None
    picker: str
    is_mine: bool


@dataclass(frozen=True)
class WaitingPage:
    """A page of parcels that wait, the most urgent first."""

    rows: Sequence[WaitingRow]
    next_after: str


def checks_for(by: Actor) -> QuerySet[ParcelCheck]:
    """The checks that exist for the actor. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    found = ParcelCheck.objects.select_related("fulfilment", "order", "client", "owner")
    return found if by.clients is None else found.filter(client__in=by.clients)


def whole_checks_for(by: Actor) -> QuerySet[ParcelCheck]:
    """The same with their results, first things first."""
    return checks_for(by).prefetch_related(Prefetch("results", CheckResult.objects.order_by("number")))


def waiting_parcels(by: Actor) -> QuerySet[Fulfilment]:
    """The parcels that somebody can check now: those not picked yet only where that is what the check comes before."""
    require(by, "orders.view_order")
    due = ParcelCheck.objects.filter(fulfilment=OuterRef("pk"), state__in=CHECK_DUE)
    here = Fulfilment.objects.filter(Exists(due), state__in=FULFILMENT_IN_HOUSE)
    ready = ~Q(state=FulfilmentState.PLANNED) | Exists(due.filter(point=CheckPoint.PICK))
    found = here.filter(ready)
    return found if by.clients is None else found.filter(client__in=by.clients)


def waiting_page(*, by: Actor, tab: str = "", after: str = "") -> WaitingPage:
    """Parcels that wait, those due first before the others. Raises `Invalid` for a tab or a page there is not."""
    if tab and tab not in TABS:
        detail = said("tab cannot be “%(tab)s”.", tab=tab[:60])
        raise Invalid(detail, errors=[FieldError("/tab", "unknown", detail)])
    found = waiting_parcels(by)
    if tab == "failed":
        found = found.filter(Exists(ParcelCheck.objects.filter(fulfilment=OuterRef("pk"), state=CheckState.FAILED)))
    if tab == "mine":
        found = found.filter(picker=by.name)
    if after:
        moment, pk = _read_after(after)
        found = found.filter(Q(due_at__gt=moment) | Q(due_at=moment, pk__gt=pk))
    due = Prefetch("checks", ParcelCheck.objects.filter(state__in=CHECK_DUE).order_by("position"), to_attr="left")
    rows = found.select_related("order", "client").prefetch_related(due).order_by("due_at", "pk")[: PER_PAGE + 1]
    parcels = list(rows)
    shown = parcels[:PER_PAGE]
    following = f"{shown[-1].due_at}_{shown[-1].pk}" if len(parcels) > len(shown) else ""
    return WaitingPage([_waiting(parcel, by) for parcel in shown], following)


def _waiting(parcel: Any, by: Actor) -> WaitingRow:
    first: ParcelCheck = parcel.left[0]
    return WaitingRow(
        key=parcel.key,
        order=parcel.order.key,
        client=parcel.client.name,
        next_name=first.name,
        next_point=CheckPoint(first.point).label,
        is_failed=any(one.state == CheckState.FAILED for one in parcel.left),
        left=len(parcel.left),
        due_at=parcel.due_at,
        picker=parcel.picker,
        is_mine=parcel.picker == by.name,
    )


def _read_after(after: str) -> tuple[datetime, UUID]:
    moment, _, pk = after.rpartition("_")
    try:
        return datetime.fromisoformat(moment), UUID(pk)
    except ValueError as broken:
        error = FieldError("/after", "unknown", "This is not a page of this list.")
        raise Invalid(said("This page does not exist."), errors=[error]) from broken


def parcel_named(by: Actor, key: str) -> Fulfilment:
    """The parcel of this key. Raises `NotFound` for none and for another client's alike."""
    require(by, "orders.view_order")
    found = (
        Fulfilment.objects.select_related("order__client", "client", "shipment").filter(key=key.strip().upper()).first()
    )
    if found is None or not by.reaches(found.client_id):
        raise NotFound(said("There is no parcel %(key)s, or it is not yours to see.", key=key[:50]))
    return found


def parcel_to_check(*, by: Actor, key: str, slug: str = "", now: datetime) -> ParcelToCheck:
    """One parcel for whoever packs it; `slug` is the check to do now, without one it is the first that is due. Raises `NotFound`."""
    parcel = parcel_named(by, key)
    contents = list(
        FulfilmentLine.objects.filter(fulfilment=parcel).select_related("line__sku").order_by("line__position")
    )
    known = known_parcel(parcel, contents)
    found = _with_results(ParcelCheck.objects.filter(fulfilment=parcel))
    covered = covered_checks(parcel.order, found, now=now)
    checks = [check_facts(one, known=known, covered=covered, among=found) for one in found]
    ready = [one for one in checks if one.is_due and one.is_ready]
    chosen = next((one for one in ready if one.slug == slug), ready[0] if ready else None)
    held = Hold.objects.filter(order=parcel.order, state=HoldState.ACTIVE, line=None).filter(
        Q(fulfilment=None) | Q(fulfilment=parcel)
    )
    left_over = any(one.is_due and not one.covered_by for one in checks)
    words = list(held.order_by("pk").values_list("words", flat=True))
    return ParcelToCheck(
        id=parcel.pk,
        key=parcel.key,
        shipment=parcel.shipment.key if parcel.shipment else "",
        picker=parcel.picker,
        order=parcel.order.key,
        client=parcel.client.name,
        state_label=FulfilmentState(parcel.state).label,
        due_at=parcel.due_at,
        checks=checks,
        now=chosen,
        products=_products(contents, known, next((one for one in found if chosen and one.pk == chosen.id), None)),
        can_leave=parcel.state in CAN_LEAVE and not left_over and not words,
        tracking_number=parcel.tracking_number,
        held=words,
    )


def _products(contents: Sequence[FulfilmentLine], known: Parcel, check: ParcelCheck | None) -> list[ProductRow]:
    names = {content.line.sku.code: content.line.sku for content in contents}
    before = [one.seen for one in since_begun(check.results.all())] if check else []
    return [
        ProductRow(names[one.code].pk, one.code, names[one.code].name, one.quantity, left, ", ".join(one.lots))
        for one, left in decisions.left_to_scan(known, before)
    ]


def checks_of(order: Order) -> list[CheckFacts]:
    """The checks of all parcels of an order, with what was found; nothing where there are none."""
    found = _with_results(ParcelCheck.objects.filter(order=order))
    return [check_facts(one, covered={}, among=found) for one in found]


def _with_results(checks: QuerySet[ParcelCheck]) -> list[ParcelCheck]:
    results = Prefetch("results", CheckResult.objects.order_by("number"))
    rows = checks.select_related("fulfilment", "owner").prefetch_related(results)
    return list(rows.order_by("fulfilment__key", "position"))


def covered_checks(order: Order, checks: Iterable[ParcelCheck], *, now: datetime) -> dict[UUID, str]:
    """The keys of the time-limited exceptions that stand in for checks now, by check."""
    due = [one for one in checks if one.state in CHECK_DUE]
    ref = subject_ref(order)
    live = live_waivers(gate=SKIP_CHECK, subjects=[ref], now=now).get(ref) if due else None
    if live is None:
        return {}
    return {one.pk: live.key for one in due if not live.allowed_parts or check_key(one) in live.allowed_parts}


def check_facts(
    check: ParcelCheck,
    *,
    known: Parcel | None = None,
    covered: Mapping[UUID, str],
    among: Sequence[ParcelCheck],
) -> CheckFacts:
    """A check as people read it; `among` are the other checks, of which those before an earlier step come first."""
    results = [_result(check, one) for one in check.results.all()][::-1]
    expected = ""
    if known is not None:
        expected = decisions.expected_in_words(check.kind, decisions.expected_of(check.kind, check.settings, known))
    return CheckFacts(
        id=check.pk,
        parcel=check.fulfilment.key,
        slug=check.slug,
        name=check.name,
        kind=check.kind,
        kind_label=CheckKind(check.kind).label,
        point_label=CheckPoint(check.point).label,
        state=check.state,
        state_label=CheckState(check.state).label,
        owner=check.owner.name,
        remediation=check.settings["remediation"],
        photo=check.settings["photo"],
        items=check.settings["items"],
        expected=expected,
        covered_by=covered.get(check.pk, ""),
        is_ready=_is_ready(check, among, covered),
        due_at=check.due_at,
        due_words=_due_words(check),
        is_passed_on=check.passed_on_at is not None,
        results=results,
    )


def _due_words(check: ParcelCheck) -> str:
    """Where its deadline comes from; "" where it has none."""
    if check.ready_at is None:
        return ""
    parcel = check.fulfilment
    return decisions.look_by_in_words(check.settings, check.ready_at, parcel.due_at, parcel.key)


def _is_ready(check: ParcelCheck, among: Sequence[ParcelCheck], covered: Mapping[UUID, str]) -> bool:
    place = CHECK_POINTS.index(CheckPoint(check.point))
    earlier = {str(point) for point in CHECK_POINTS[:place]}
    waits = any(
        one.fulfilment_id == check.fulfilment_id
        and one.point in earlier
        and one.state in CHECK_DUE
        and one.pk not in covered
        for one in among
    )
    here = check.fulfilment.state in FULFILMENT_IN_HOUSE
    return here and not waits and (not place or check.fulfilment.state != FulfilmentState.PLANNED)


def _result(check: ParcelCheck, result: CheckResult) -> ResultFacts:
    return ResultFacts(
        number=result.number,
        at=result.at,
        by=result.by_name,
        verdict=result.verdict,
        verdict_label=Verdict(result.verdict).label,
        expected=decisions.expected_in_words(check.kind, result.expected),
        seen=decisions.seen_in_words(check.kind, result.seen),
        sentences=result.sentences,
        photo=result.file_name,
        sha256=result.sha256,
    )


def since_begun(results: Iterable[CheckResult]) -> list[CheckResult]:
    """What was right so far since the check was last passed, failed or begun; `results` by number."""
    since: list[CheckResult] = []
    for result in results:
        since = [*since, result] if result.verdict == Verdict.RIGHT_SO_FAR else []
    return since


def result_named(by: Actor, check_id: UUID, number: int) -> CheckResult:
    """One result with a photo. Raises `NotFound`."""
    found = CheckResult.objects.filter(check_of__in=checks_for(by).filter(pk=check_id), number=number).first()
    if found is None or not found.sha256:
        raise NotFound("There is no such photo, or it is not yours to see.")
    return found


def opened_photo(result: CheckResult) -> BinaryIO:
    """What is in the photo. Raises `NotFound` when the disk no longer has it."""
    return opened_file(result.sha256, result.file_name)
