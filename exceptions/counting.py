"""How many of a kind of subject there are, in words ("3 orders"). Higher apps register how theirs are called."""

from collections.abc import Callable

from django.utils.translation import ngettext

_counted: dict[str, Callable[[int], str]] = {}


def register(label: str, counted: Callable[[int], str]) -> None:
    """Declare how so many of this kind are called ("3 orders"). Raises `ValueError` when it is taken."""
    if label in _counted:
        raise ValueError(f"How many of {label} is already registered")
    _counted[label] = counted


def counted(label: str, count: int) -> str:
    """So many of this kind, in the reader's language."""
    if label in _counted:
        return _counted[label](count)
    return ngettext("%(n)s record", "%(n)s records", count) % {"n": count}
