"""What a quality check of a parcel expects, and what is to be made of what somebody found. Pure, and told in sentences."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from audit.words import Said, said
from orders.fulfilment.states import Verdict
from rules.states import CheckKind

GS1_GTIN_AND_LOT: Final = re.compile(r"^(?:\]C1|\]d2|\]Q3)?01(\d{14})10([!-~]{1,20}?)(?:\x1d.*)?$")
S10: Final = re.compile(r"^[A-Z]{2}(\d{8})(\d)[A-Z]{2}$")
S10_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
PERCENT: Final = 100
WITHIN_MINUTES: Final = 60  # of checks laid out by a rule book that said nothing about it


@dataclass(frozen=True)
class Product:
    """So many units of a product in a parcel, the lots that are set aside, and what is known; `told_at` None where nothing is."""

    code: str
    quantity: int
    barcode: str = ""
    lots: Sequence[str] = ()
    weight_grams: int | None = None
    size_mm: tuple[int, int, int] | None = None
    told_at: datetime | None = None


@dataclass(frozen=True)
class Parcel:
    """A parcel as far as checks go; `promised_on` is a day at the client's place, `labels_of_others` the numbers other parcels have."""

    products: Sequence[Product]
    tracking_number: str = ""
    promised_on: date | None = None
    labels_of_others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Judgement:
    """What came of it; of a failure, why, a sentence each."""

    verdict: Verdict
    findings: tuple[Said, ...] = ()


def expected_of(kind: str, settings: Mapping[str, Any], parcel: Parcel) -> dict[str, Any]:
    """What a check of this kind expects of the parcel, as it is kept with every result."""
    items = [{"sku": one.code, "barcode": one.barcode, "quantity": one.quantity} for one in parcel.products]
    if kind == CheckKind.SKU_LOT:
        return {"items": [{**item, "lots": list(one.lots)} for item, one in zip(items, parcel.products, strict=True)]}
    if kind == CheckKind.SCAN:
        return {"items": items}
    if kind == CheckKind.CHECKLIST:
        return {"items": list(settings["items"])}
    if kind == CheckKind.MEASURE:
        return {**_measures(settings, parcel), "tolerance_percent": settings["tolerance_percent"]}
    if kind == CheckKind.LABEL:
        return {"number": parcel.tracking_number, "pattern": settings["label_pattern"]}
    promised = parcel.promised_on.isoformat() if parcel.promised_on else ""
    return {"promised_on": promised, "late_by_days": settings["late_by_days"]}


def _measures(settings: Mapping[str, Any], parcel: Parcel) -> dict[str, Any]:
    weights = [one.weight_grams for one in parcel.products]
    known = all(weights)
    net = sum((one.weight_grams or 0) * one.quantity for one in parcel.products)
    sizes = [list(box) for box in settings["cartons"]]
    if len(parcel.products) == 1 and parcel.products[0].quantity == 1 and parcel.products[0].size_mm:
        sizes.append(list(parcel.products[0].size_mm))
    return {"weight_grams": net + settings["packaging_grams"] if known else None, "sizes_mm": sizes}


def time_to_look(settings: Mapping[str, Any]) -> timedelta:
    """How long whoever has a check is left with it."""
    return timedelta(minutes=settings.get("within_minutes", WITHIN_MINUTES))


def look_by(settings: Mapping[str, Any], ready_at: datetime, parcel_due_at: datetime | None) -> datetime:
    """Until when somebody has to have looked: so long before the parcel is due, but no sooner after it could be done."""
    at_least = ready_at + time_to_look(settings)
    return at_least if parcel_due_at is None else max(at_least, parcel_due_at - time_to_look(settings))


def look_by_in_words(
    settings: Mapping[str, Any], ready_at: datetime, parcel_due_at: datetime | None, parcel: str
) -> Said:
    """Where that deadline comes from."""
    minutes = round(time_to_look(settings).total_seconds() / 60)
    if look_by(settings, ready_at, parcel_due_at) == ready_at + time_to_look(settings):
        return said("%(minutes)s min after it could be done", minutes=minutes)
    return said("%(minutes)s min before %(key)s is due", minutes=minutes, key=parcel)


def judge(
    kind: str,
    settings: Mapping[str, Any],
    parcel: Parcel,
    seen: Mapping[str, Any],
    before: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Judgement:
    """What is to be made of `seen`; `before` is what was seen and right since this check was last begun.

    Shapes of `seen`: {"code", "lot"} of a product and its lot, {"code", "quantity"} of a scan, {"photo": true} of a photo instead,
    {"answers": {item: bool}}, {"weight_grams", "size_mm": [3]}, {"code"} of a label, {"arrives_on": ISO date}.
    """
    judges = {
        CheckKind.SKU_LOT: lambda: _judge_lots(settings, parcel, [*before, seen], now),
        CheckKind.SCAN: lambda: _judge_scans(parcel, [*before, seen]),
        CheckKind.CHECKLIST: lambda: _verdict(
            [said("Not so: %(item)s", item=item) for item in settings["items"] if not seen["answers"].get(item)]
        ),
        CheckKind.MEASURE: lambda: _judge_measures(expected_of(kind, settings, parcel), parcel, seen),
        CheckKind.LABEL: lambda: _judge_label(settings, parcel, str(seen["code"])),
        CheckKind.TRANSIT: lambda: _judge_arrival(settings, parcel, date.fromisoformat(str(seen["arrives_on"]))),
    }
    return judges[CheckKind(kind)]()


def expected_in_words(kind: str, expected: Mapping[str, Any]) -> str:
    """What was expected, short: names and numbers, the same in every language."""
    if kind == CheckKind.CHECKLIST:
        return "; ".join(expected["items"])
    if kind in {CheckKind.SKU_LOT, CheckKind.SCAN}:
        return "; ".join(_item_in_words(item) for item in expected["items"])
    if kind == CheckKind.MEASURE:
        weight = [f"{expected['weight_grams']} g"] if expected["weight_grams"] else []
        sizes = [" / ".join(in_mm(box) for box in expected["sizes_mm"])] if expected["sizes_mm"] else []
        return "; ".join([*weight, *sizes, f"± {expected['tolerance_percent']} %"])
    if kind == CheckKind.LABEL:
        return str(expected["number"] or expected["pattern"])
    days = expected["late_by_days"]
    return f"{expected['promised_on']}{f' + {days} d' if days else ''}" if expected["promised_on"] else ""


def _item_in_words(item: Mapping[str, Any]) -> str:
    code = f"{item['sku']} ({item['barcode']})" if item["barcode"] else item["sku"]
    lots = f" [{', '.join(item['lots'])}]" if item.get("lots") else ""
    return f"{item['quantity']} x {code}{lots}"


def seen_in_words(kind: str, seen: Mapping[str, Any]) -> str:
    """What was found, short."""
    if seen.get("photo"):
        return ""
    if kind == CheckKind.SKU_LOT:
        return f"{seen['code']} [{seen['lot']}]" if seen["lot"] else str(seen["code"])
    if kind == CheckKind.SCAN:
        return f"{seen['quantity']} x {seen['code']}"
    if kind == CheckKind.CHECKLIST:
        return "; ".join(f"{item} {'+' if is_so else '-'}" for item, is_so in seen["answers"].items())
    if kind == CheckKind.MEASURE:
        return "; ".join([f"{seen['weight_grams']} g", *([in_mm(seen["size_mm"])] if seen["size_mm"] else [])])
    return str(seen["code"] if kind == CheckKind.LABEL else seen["arrives_on"])


def read_scan(text: str) -> tuple[str, str]:
    """The code and the lot in what a scanner typed; the lot only where the code itself says it (GS1: 01, product, 10, lot)."""
    plain = text.strip()
    if found := GS1_GTIN_AND_LOT.match(plain):
        return found[1], found[2]
    return plain, ""


def needs_lot(parcel: Parcel, code: str) -> bool:
    """Whether the product of this code is one whose lots are told apart."""
    return any(one.lots for one in parcel.products if _is(one, code))


def left_to_scan(parcel: Parcel, before: Sequence[Mapping[str, Any]]) -> list[tuple[Product, int]]:
    """The products with how many of each have not been scanned yet."""
    counted = _counted(parcel, before)
    return [(one, one.quantity - counted.get(one.code, 0)) for one in parcel.products]


def _is(product: Product, code: str) -> bool:
    return bool(code) and _same_form(code) in {_same_form(product.code), _same_form(product.barcode)} - {""}


def _same_form(code: str) -> str:
    """A GTIN is the same with and without the zeros in front."""
    plain = code.strip().upper()
    return plain.lstrip("0") if plain.isdigit() else plain


def _verdict(findings: Sequence[Said], *, is_whole: bool = True) -> Judgement:
    if findings:
        return Judgement(Verdict.FAILED, tuple(findings))
    return Judgement(Verdict.PASSED if is_whole else Verdict.RIGHT_SO_FAR)


def _judge_lots(
    settings: Mapping[str, Any], parcel: Parcel, scans: Sequence[Mapping[str, Any]], now: datetime
) -> Judgement:
    code, lot = str(scans[-1]["code"]), str(scans[-1].get("lot") or "")
    product = next((one for one in parcel.products if _is(one, code)), None)
    if product is None:
        return _verdict([said("%(code)s is not in this parcel.", code=code)])
    findings = []
    if product.lots and lot not in product.lots:
        allowed = ", ".join(product.lots)
        findings.append(
            said(
                "Lot %(lot)s of %(sku)s is not set aside for this parcel; %(lots)s is.",
                lot=lot,
                sku=product.code,
                lots=allowed,
            )
        )
    days = settings["facts_max_age_days"]
    if days is not None and (product.told_at is None or (now - product.told_at).days > days):
        findings.append(
            said(
                "What is known of %(sku)s is older than %(days)s days: nobody can say that it is right.",
                sku=product.code,
                days=days,
            )
        )
    looked_at = {one.code for one in parcel.products for scan in scans if _is(one, str(scan["code"]))}
    return _verdict(findings, is_whole=len(looked_at) == len(parcel.products))


def _counted(parcel: Parcel, scans: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for scan in scans:
        for one in parcel.products:
            if _is(one, str(scan.get("code", ""))):
                counted[one.code] = counted.get(one.code, 0) + int(scan.get("quantity") or 1)
                break
    return counted


def _judge_scans(parcel: Parcel, scans: Sequence[Mapping[str, Any]]) -> Judgement:
    if scans[-1].get("photo"):
        return Judgement(Verdict.PASSED)
    code = str(scans[-1]["code"])
    if not any(_is(one, code) for one in parcel.products):
        return _verdict([said("%(code)s is not in this parcel.", code=code)])
    counted = _counted(parcel, scans)
    findings = [
        said(
            "%(scanned)s of %(sku)s were scanned, %(ordered)s were ordered.",
            scanned=counted[one.code],
            sku=one.code,
            ordered=one.quantity,
        )
        for one in parcel.products
        if counted.get(one.code, 0) > one.quantity
    ]
    return _verdict(findings, is_whole=all(counted.get(one.code, 0) == one.quantity for one in parcel.products))


def _judge_measures(expected: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any]) -> Judgement:
    weight, play = int(seen["weight_grams"]), int(expected["tolerance_percent"])
    findings = [
        said("Nobody has said what %(sku)s weighs.", sku=one.code) for one in parcel.products if not one.weight_grams
    ]
    about = expected["weight_grams"]
    if about is not None and not _is_about(weight, about, play):
        findings.append(
            said(
                "It weighs %(weight)s g; about %(about)s g were expected, %(play)s %% more or less.",
                weight=weight,
                about=about,
                play=play,
            )
        )
    size, sizes = sorted(seen["size_mm"]), expected["sizes_mm"]
    if size and sizes and not any(_fits(size, box, play) for box in sizes):
        findings.append(
            said(
                "It measures %(size)s; expected was %(known)s, %(play)s %% more or less.",
                size=in_mm(seen["size_mm"]),
                known=" / ".join(in_mm(box) for box in sizes),
                play=play,
            )
        )
    return _verdict(findings)


def _fits(size: Sequence[int], box: Sequence[int], percent: int) -> bool:
    return all(_is_about(side, wanted, percent) for side, wanted in zip(size, sorted(box), strict=True))


def _is_about(found: int, wanted: int, percent: int) -> bool:
    return abs(found - wanted) * PERCENT <= wanted * percent


def in_mm(sides: Sequence[int]) -> str:
    """Three sides, as people write them."""
    return f"{' x '.join(str(side) for side in sides)} mm"


def _judge_label(settings: Mapping[str, Any], parcel: Parcel, code: str) -> Judgement:
    number = code.strip().upper()
    findings = []
    if parcel.tracking_number and number != parcel.tracking_number.upper():
        findings.append(
            said(
                "The label says %(number)s; the carrier's number of this parcel is %(known)s.",
                number=number,
                known=parcel.tracking_number,
            )
        )
    if number in parcel.labels_of_others:
        findings.append(said("%(number)s is the label of another parcel.", number=number))
    pattern = settings["label_pattern"]
    if pattern and not re.fullmatch(pattern, number):
        findings.append(said("%(number)s does not look like a number of this carrier.", number=number))
    if (international := S10.match(number)) and not _has_right_digit(*international.groups()):
        findings.append(
            said("%(number)s has a wrong check digit: scan it again, or print the label anew.", number=number)
        )
    return _verdict(findings)


def _has_right_digit(serial: str, digit: str) -> bool:
    """UPU S10: the check digit of an international number."""
    rest = 11 - sum(weight * int(one) for weight, one in zip(S10_WEIGHTS, serial, strict=True)) % 11
    return int(digit) == {10: 0, 11: 5}.get(rest, rest)


def _judge_arrival(settings: Mapping[str, Any], parcel: Parcel, arrives_on: date) -> Judgement:
    if parcel.promised_on is None:
        return _verdict([])
    late = (arrives_on - parcel.promised_on).days
    if late <= settings["late_by_days"]:
        return _verdict([])
    days = {"arrives": arrives_on.isoformat(), "promised": parcel.promised_on.isoformat()}
    return _verdict([said("It arrives on %(arrives)s; %(promised)s was promised.", **days)])
