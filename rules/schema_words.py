"""What a field of a contract may hold, in words: read from its JSON Schema."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_noop as noop

from audit.words import Said, listed, said

FORMATS: Final = {
    "date-time": noop("A moment with its time zone"),
    "date": noop("A day"),
    "email": noop("An e-mail address"),
    "uri": noop("An address on the web"),
}
PATTERNS: Final = {
    "^[A-Z]{2}$": noop("Two capital letters"),
    "^[A-Z]{3}$": noop("Three capital letters"),
    "^[!-~]([ -~]*[!-~])?$": noop("Letters, digits and signs without accents, no space at either end"),
}


def inside(schema: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """The part of a schema about one field: /address/city, /lines/*/sku. Nothing where the schema does not name it."""
    found: Any = schema
    for name in pointer.strip("/").split("/"):
        found = found.get("items", {}) if name == "*" else found.get("properties", {}).get(name, {})
    return found if isinstance(found, Mapping) else {}


def meaning(schema: Mapping[str, Any]) -> str:
    """What the contract says the field is; empty where it says nothing."""
    return str(schema.get("description") or schema.get("title") or "")


def allowed(schema: Mapping[str, Any]) -> list[Said]:
    """Everything the contract asks of a value, a sentence each."""
    kinds = schema.get("type") or ""
    is_number = "integer" in kinds or "number" in kinds
    asked = [
        _choice(schema),
        said(FORMATS[schema["format"]]) if schema.get("format") in FORMATS else None,
        _pattern(schema),
        _range(schema) if is_number else None,
        _length(schema),
    ]
    return [one for one in asked if one is not None]


def _choice(schema: Mapping[str, Any]) -> Said | None:
    known = [str(one) for one in schema.get("enum", ()) if one is not None]
    return said("One of %(known)s", known=listed(known)) if known else None


def _pattern(schema: Mapping[str, Any]) -> Said | None:
    pattern = schema.get("pattern")
    if not pattern:
        return None
    return said(PATTERNS[pattern]) if pattern in PATTERNS else said("In the form %(pattern)s", pattern=pattern)


def _range(schema: Mapping[str, Any]) -> Said:
    least, most = schema.get("minimum"), schema.get("maximum")
    whole = "integer" in (schema.get("type") or "")
    if least is not None and most is not None:
        told = {"least": f"{least:,}", "most": f"{most:,}"}
        return (
            said("A whole number from %(least)s to %(most)s", **told)
            if whole
            else said("A number from %(least)s to %(most)s", **told)
        )
    return said("A whole number") if whole else said("A number")


def _length(schema: Mapping[str, Any]) -> Said | None:
    most = schema.get("maxLength")
    return said("At most %(n)s characters", n=most) if most else None
