"""A batch's columns as PostgreSQL array literals, one text each.

Element by element, the driver spends several times longer on quoting a batch than the server on storing it.
"""

from collections.abc import Collection, Iterable


def text_array(values: Collection[str]) -> str:
    """Texts as an array literal. Raises `ValueError` for U+0000, which PostgreSQL cannot store."""
    if not values:
        return "{}"
    joined = "\0".join(values)
    if joined.count("\0") != len(values) - 1:
        raise ValueError("A text with U+0000 cannot be stored.")
    return '{"' + joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","') + '"}'


def bare_array(values: Iterable[object]) -> str:
    """Values whose text needs no quotes (numbers, identifiers, moments in ISO 8601; None is NULL) as an array literal."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
