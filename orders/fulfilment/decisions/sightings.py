"""What somebody says they found, read into one shape per kind of check; what is missing or cannot be is named by field."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from audit.words import Said, said
from orders.fulfilment.decisions.checks import Parcel, expected_of, needs_lot, read_scan
from rules.states import CheckKind, PhotoRule

SIDES: Final = {"length_mm": "length", "width_mm": "width", "height_mm": "height"}
LONGEST_CODE, LONGEST_LOT, MOST_UNITS, MOST_GRAMS, MOST_MM = 80, 40, 10_000, 2_000_000, 20_000
Problems = list[tuple[str, Said]]
Reader = Callable[[Mapping[str, Any], Parcel, Mapping[str, Any], bool, Problems], dict[str, Any]]


def read_seen(
    kind: str, settings: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any], *, has_photo: bool
) -> tuple[dict[str, Any], Problems]:
    """What was found, in the shapes `decisions.checks.judge` takes, and (field, sentence) of all that is wrong with it."""
    problems: Problems = []
    return READERS[CheckKind(kind)](settings, parcel, seen, has_photo, problems), problems


def _product(
    settings: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any], has_photo: bool, problems: Problems
) -> dict[str, Any]:
    del settings, has_photo
    code, lot = read_scan(_code(seen, problems, said("Scan or type the code of the product.")))
    lot = str(seen.get("lot") or "").strip() or lot
    if code and not lot and needs_lot(parcel, code):
        problems.append(("lot", said("Scan or type the lot: it is told apart for this product.")))
    if len(lot) > LONGEST_LOT:
        problems.append(("lot", said("A lot has at most %(most)s characters.", most=LONGEST_LOT)))
    return {"code": code, "lot": lot}


def _scan(
    settings: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any], has_photo: bool, problems: Problems
) -> dict[str, Any]:
    del parcel
    if settings["photo"] == PhotoRule.INSTEAD and has_photo and not seen.get("code"):
        return {"photo": True}
    code, _ = read_scan(_code(seen, problems, said("Scan or type the code of what lies in the parcel.")))
    given = seen.get("quantity")
    return {"code": code, "quantity": 1 if given in {None, ""} else _whole(seen, "quantity", MOST_UNITS, problems)}


def _answers(
    settings: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any], has_photo: bool, problems: Problems
) -> dict[str, Any]:
    del parcel, has_photo
    answers = seen.get("answers")
    known = answers if isinstance(answers, Mapping) else {}
    missing = [item for item in settings["items"] if not isinstance(known.get(item), bool)]
    if missing:
        problems.append(("answers", said("Say yes or no to: %(items)s.", items=", ".join(missing))))
    return {"answers": {item: known.get(item) for item in settings["items"]}}


def _measures(
    settings: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any], has_photo: bool, problems: Problems
) -> dict[str, Any]:
    del has_photo
    sizes = expected_of(CheckKind.MEASURE, settings, parcel)["sizes_mm"]
    told = any(seen.get(side) not in {None, ""} for side in SIDES)
    return {
        "weight_grams": _whole(seen, "weight_grams", MOST_GRAMS, problems),
        "size_mm": [_whole(seen, side, MOST_MM, problems) for side in SIDES] if sizes or told else [],
    }


def _label(
    settings: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any], has_photo: bool, problems: Problems
) -> dict[str, Any]:
    del settings, parcel, has_photo
    return {"code": _code(seen, problems, said("Scan or type the number on the label.")).upper()}


def _arrival(
    settings: Mapping[str, Any], parcel: Parcel, seen: Mapping[str, Any], has_photo: bool, problems: Problems
) -> dict[str, Any]:
    del settings, parcel, has_photo
    try:
        return {"arrives_on": date.fromisoformat(str(seen.get("arrives_on") or "")).isoformat()}
    except ValueError:
        problems.append(("arrives_on", said("Say the day on which the carrier delivers, like 2026-11-25.")))
        return {}


def _code(seen: Mapping[str, Any], problems: Problems, ask: Said) -> str:
    code = str(seen.get("code") or "").strip()
    if not code:
        problems.append(("code", ask))
    elif len(code) > LONGEST_CODE or not code.replace("\x1d", "").isprintable():
        problems.append(
            (
                "code",
                said("A code has at most %(most)s characters that can be printed: scan it again.", most=LONGEST_CODE),
            )
        )
    return code


def _whole(seen: Mapping[str, Any], field: str, most: int, problems: Problems) -> int:
    try:
        number = int(str(seen.get(field, "")).strip())
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        problems.append((field, said("Say a whole number from 1 to %(most)s.", most=most)))
    return number


READERS: Final[Mapping[CheckKind, Reader]] = {
    CheckKind.SKU_LOT: _product,
    CheckKind.SCAN: _scan,
    CheckKind.CHECKLIST: _answers,
    CheckKind.MEASURE: _measures,
    CheckKind.LABEL: _label,
    CheckKind.TRANSIT: _arrival,
}
