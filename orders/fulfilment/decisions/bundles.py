"""What a bundle becomes: lines of its parts, whose prices add up to its own to the last cent. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Part:
    """So many units of a product in every unit of a bundle; `price_share` is what one unit counts when the price is divided."""

    sku: str
    quantity: int
    price_share: int = 1


@dataclass(frozen=True)
class PricedPart:
    """Units of a part in every unit of a bundle, with the price of one in minor units."""

    sku: str
    per_bundle: int
    unit_minor: int


def priced(unit_minor: int, parts: Sequence[Part]) -> list[PricedPart]:
    """The parts with their prices. What cannot be divided lies on one unit: of a part that is there once, else of one set apart for it."""
    weights = [part.price_share * part.quantity for part in parts]
    total = sum(weights)
    shares = [part.price_share for part in parts] if total else [1 for _ in parts]
    total = total or sum(part.quantity for part in parts)
    found = [
        PricedPart(part.sku, part.quantity, unit_minor * share // total)
        for part, share in zip(parts, shares, strict=True)
    ]
    rest = unit_minor - sum(one.unit_minor * one.per_bundle for one in found)
    if not rest:
        return found
    place = next((place for place, one in enumerate(found) if one.per_bundle == 1), 0)
    bearer = found[place]
    apart = [replace(bearer, per_bundle=1, unit_minor=bearer.unit_minor + rest)]
    if bearer.per_bundle > 1:
        apart.insert(0, replace(bearer, per_bundle=bearer.per_bundle - 1))
    return [*found[:place], *apart, *found[place + 1 :]]


def whole_bundles(units: Iterable[tuple[int, int]]) -> int:
    """How many whole bundles there are in these: (units, units in every bundle) of each part."""
    return min((count // per_bundle for count, per_bundle in units), default=0)
