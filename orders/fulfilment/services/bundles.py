"""Bundles: saying what is in one, and turning one that is ordered into lines of its parts, once, when it comes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Final
from uuid import UUID

from django.db.models import Q

from audit.context import Actor, acting
from audit.errors import FieldError, Invalid
from audit.services.events import record
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.decisions.bundles import Part, priced
from orders.fulfilment.decisions.news import PlacedLine
from orders.fulfilment.models import BundlePart, Order, OrderBundle, OrderLine, Sku
from orders.fulfilment.services.goods import locked_product

MOST_PARTS: Final = 50
MOST_UNITS: Final = 10_000
Parts = Mapping[UUID, Sequence[BundlePart]]


def say_parts(*, sku_id: UUID, parts: Sequence[Part], reason: str, by: Actor, now: datetime) -> list[BundlePart]:
    """Say what is in every unit of a bundle; without parts it is a product like any other. Orders there are keep what they have.

    Raises `Invalid` naming each part that cannot be, `NotFound`, `Refused`.
    """
    with acting(by, at=now, reason=reason.strip()):
        bundle = locked_product(sku_id, by)
        reason_given(reason)
        known = {one.part_id: one for one in BundlePart.objects.filter(bundle=bundle).select_related("part")}
        wanted = _read(bundle, parts)
        for sku, part in wanted.items():
            row = known.get(sku.pk) or BundlePart(bundle=bundle, part=sku)
            row.quantity, row.price_share, row.is_active = part.quantity, part.price_share, True
            known[sku.pk] = row
        for pk in known.keys() - {sku.pk for sku in wanted}:
            known[pk].is_active = False
        for row in known.values():
            row.save()
        told = {sku.code: part.quantity for sku, part in wanted.items()}
        record("bundle.described", subject=bundle, reason=reason.strip(), parts=told)
    return [row for row in known.values() if row.is_active]


def _read(bundle: Sku, parts: Sequence[Part]) -> dict[Sku, Part]:
    """The products that are meant. Raises `Invalid` naming every part that cannot be one."""
    skus = {sku.code: sku for sku in Sku.objects.filter(client=bundle.client_id, code__in={part.sku for part in parts})}
    errors = [
        FieldError(f"/parts/{place}", "invalid", why) for place, part in enumerate(parts) if (why := _wrong(part))
    ]
    codes = [part.sku for part in parts]
    nested = _nested(bundle, skus.values())
    for place, code in enumerate(codes):
        if code not in skus:
            why = said("“%(sku)s” is no product of this client.", sku=code[:80])
            errors.append(FieldError(f"/parts/{place}", "unknown", why))
        elif code in codes[:place]:
            errors.append(FieldError(f"/parts/{place}", "repeated", said("%(sku)s is named twice.", sku=code)))
        elif code == bundle.code:
            errors.append(FieldError(f"/parts/{place}", "invalid", said("A bundle cannot be in itself.")))
        elif why := nested.get(skus[code].pk, ""):
            errors.append(FieldError(f"/parts/{place}", "invalid", why))
    if len(parts) > MOST_PARTS:
        errors.append(FieldError("/parts", "out-of-range", said("A bundle has at most %(n)s parts.", n=MOST_PARTS)))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors[:3]), errors=errors)
    return {skus[part.sku]: part for part in parts}


def _wrong(part: Part) -> str:
    if not 1 <= part.quantity <= MOST_UNITS or not 0 <= part.price_share <= MOST_UNITS:
        return said("%(sku)s: say 1 to %(most)s units, and a share of the price.", sku=part.sku[:80], most=MOST_UNITS)
    return ""


def _nested(bundle: Sku, parts: Collection[Sku]) -> dict[UUID, str]:
    """Why each of these cannot be in it, because one of the two is a bundle of bundles then; one query."""
    ids = [part.pk for part in parts]
    about = BundlePart.objects.filter(Q(bundle__in=ids) | Q(part=bundle), is_active=True)
    rows = list(about.values_list("bundle_id", "part_id"))
    if any(part_id == bundle.pk for _, part_id in rows):
        return dict.fromkeys(ids, said("It is a part of a bundle: it cannot have parts."))
    return dict.fromkeys((pk for pk, _ in rows), said("It is a bundle itself: name what is in it."))


def parts_of(skus: Iterable[Sku]) -> Parts:
    """What is in each of these that is a bundle; one query."""
    found: dict[UUID, list[BundlePart]] = defaultdict(list)
    rows = BundlePart.objects.filter(bundle__in=list(skus), is_active=True).select_related("part")
    for row in rows.order_by("pk"):
        found[row.bundle_id].append(row)
    return found


def lines_of(
    order: Order, placed: Sequence[PlacedLine], skus: Mapping[str, Sku], parts: Parts, *, after: int = 0
) -> tuple[list[OrderBundle], list[OrderLine]]:
    """An order's bundles and lines, numbered on from `after` as they were placed.

    A bundle keeps its number; the lines of its parts come behind all that were placed, and so do groups that the store itself divided.
    """
    bundles: list[OrderBundle] = []
    lines: list[OrderLine] = []
    groups: dict[str, list[OrderLine]] = defaultdict(list)
    following = count(after + len(placed) + 1)
    for position, one in enumerate(placed, start=after + 1):
        sku = skus[one.sku]
        if inside := parts.get(sku.pk):
            bundle = OrderBundle(order=order, position=position, code=sku.code, name=one.name or sku.name)
            bundle.quantity, bundle.unit_minor = one.quantity, one.unit_minor
            bundles.append(bundle)
            lines += _insides(bundle, one, inside, following)
        else:
            lines.append(_line(order, position, sku, one))
            if one.bundle:
                groups[one.bundle].append(lines[-1])
    return [*bundles, *(_group(order, next(following), code, members) for code, members in groups.items())], lines


def _insides(
    bundle: OrderBundle, one: PlacedLine, inside: Sequence[BundlePart], following: Iterator[int]
) -> list[OrderLine]:
    skus = {row.part.code: row.part for row in inside}
    parts = [Part(row.part.code, row.quantity, row.price_share) for row in inside]
    lines = []
    for part in priced(one.unit_minor, parts):
        sku = skus[part.sku]
        sold = replace(one, sku_type=sku.sku_type, vendor=sku.vendor, unit_minor=part.unit_minor)
        line = _line(bundle.order, next(following), sku, replace(sold, quantity=one.quantity * part.per_bundle))
        line.bundle, line.per_bundle = bundle, part.per_bundle
        lines.append(line)
    return lines


def _group(order: Order, position: int, code: str, members: Sequence[OrderLine]) -> OrderBundle:
    """Lines the store sold as one and has divided itself: there is one of it, and it costs what they cost."""
    worth = sum(line.unit_minor * line.quantity for line in members)
    group = OrderBundle(order=order, position=position, code=code, quantity=1, unit_minor=worth)
    for line in members:
        line.bundle, line.per_bundle = group, line.quantity
    return group


def _line(order: Order, position: int, sku: Sku, one: PlacedLine) -> OrderLine:
    return OrderLine(
        order=order,
        position=position,
        sku=sku,
        sku_type=one.sku_type,
        vendor=one.vendor,
        quantity=one.quantity,
        unit_minor=one.unit_minor,
        ship_by_at=one.ship_by,
    )
