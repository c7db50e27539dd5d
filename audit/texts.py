"""What people and programs write into a field, an address or an attribute, read strictly."""

from typing import Final

from audit.errors import FieldError, Invalid
from audit.words import Said, said

MOST_DIGITS: Final = 18  # what a bigint surely holds
SHORTEST_REASON: Final = 3
LONGEST_REASON: Final = 280


def whole_number(text: str, *, most_digits: int = MOST_DIGITS) -> int | None:
    """The number these ASCII digits write; None for anything else, also for more digits than are believed."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most_digits else None


def page_mark(text: str) -> int:
    """The number after which a list goes on. Raises `Invalid` for a mark that is not ours."""
    number = whole_number(text)
    if number is None:
        detail = said("This page mark is not one of ours; start at the first page.")
        raise Invalid(detail, errors=[FieldError("/after", "unknown", detail)])
    return number


def reason_mistake(
    text: str, *, field: str = "reason", shortest: int = SHORTEST_REASON, longest: int = LONGEST_REASON
) -> FieldError | None:
    """What is wrong with the length of a reason, for forms that name every mistake at once."""
    length = len(text.strip())
    if length < shortest:
        return FieldError(
            f"/{field}", "too-short", said("Say why in at least %(shortest)s characters.", shortest=shortest)
        )
    if length > longest:
        return FieldError(f"/{field}", "too-long", said("Say it in at most %(longest)s characters.", longest=longest))
    return None


def reason_given(
    text: str, *, field: str = "reason", shortest: int = SHORTEST_REASON, longest: int = LONGEST_REASON
) -> str:
    """The text, trimmed unless the product said it. Raises `Invalid` when it says too little or too much."""
    if mistake := reason_mistake(text, field=field, shortest=shortest, longest=longest):
        raise Invalid(mistake.detail, errors=[mistake])
    return text if isinstance(text, Said) else text.strip()
