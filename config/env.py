"""Settings from the environment: typed, and a wrong value stops the start with a sentence."""

import os
import secrets
from collections.abc import Collection
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SHORTEST_SECRET = 32


def text(name: str, default: str = "") -> str:
    """The value of `name`, or of the file that `NAME_FILE` points to; `default` where neither says anything."""
    if file := os.environ.get(f"{name}_FILE"):
        return _read(name, Path(file))
    return os.environ.get(name) or default


def is_given(name: str) -> bool:
    """Whether somebody set it, by value or by file."""
    return bool(os.environ.get(f"{name}_FILE") or os.environ.get(name))


def told(**values: str) -> dict[str, str]:
    """These settings as the environment of a process of ours; a file that says otherwise does not count there."""
    return values | {f"{name}_FILE": "" for name in values}


def _read(name: str, file: Path) -> str:
    try:
        value = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as unreadable:
        why = getattr(unreadable, "strerror", None) or "it is no text"
        raise ImproperlyConfigured(f"{name}_FILE points to {file}, which cannot be read: {why}.") from None
    if not value:
        raise ImproperlyConfigured(f"{name}_FILE points to {file}, which is empty; write the value into it.")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """True or False, spelled so; anything else is refused."""
    value = text(name).lower()
    if value in {"true", "1"}:
        return True
    if value in {"false", "0"}:
        return False
    if value:
        raise ImproperlyConfigured(f"{name} is {value!r}; it has to be true or false.")
    return default


def integer(name: str, default: int, *, least: int = 0) -> int:
    """A whole number, not below `least`."""
    value = text(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; it has to be a whole number, {least} or more.")
    return int(value)


def choice(name: str, *, among: tuple[str, ...]) -> str:
    """One of the given words; the first is the default."""
    value = text(name, among[0])
    if value not in among:
        raise ImproperlyConfigured(f"{name} is {value!r}; it has to be one of {', '.join(among)}.")
    return value


def words(name: str, default: str = "", *, among: Collection[str] = ()) -> list[str]:
    """A comma-separated list; where `among` says which words there are, only of those."""
    found = [word.strip() for word in text(name, default).split(",") if word.strip()]
    if unknown := sorted(set(found) - set(among)) if among else []:
        raise ImproperlyConfigured(f"{name} names {', '.join(unknown)}; known are {', '.join(among)}.")
    return found


def secret(name: str, *, file: Path) -> str:
    """The secret `name`, or one made at first start and kept in `file`, readable by this user alone."""
    return _long_enough(name, value) if (value := text(name)) else _kept(file)


def secrets_in_turn(name: str, default: str) -> list[str]:
    """Comma-separated secrets: the first has to be a good one, those behind it may be what it took the place of."""
    found = words(name, default)
    if not found or len(found) != len(set(found)):
        raise ImproperlyConfigured(f"{name} has to name at least one key, and none of them twice.")
    _long_enough(name, found[0])
    return found


def signing_key(name: str) -> str:
    """A private Ed25519 key that `audit.signing` can read, or "" where none is given."""
    value = text(name)
    if value:
        from audit.signing import parsed  # noqa: PLC0415 -- only who gives a key waits for the library

        parsed(value)
    return value


def _long_enough(name: str, value: str) -> str:
    if len(value) < SHORTEST_SECRET:
        remedy = "make one with `openssl rand -base64 48` and keep the old one behind it in HANDRAIL_ENCRYPTION_KEYS"
        raise ImproperlyConfigured(
            f"{name}: the secret has {len(value)} characters, at least {SHORTEST_SECRET} are needed; {remedy}."
        )
    return value


def _kept(file: Path) -> str:
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_urlsafe(48))
        return file.read_text().strip()
    except OSError as refused:
        raise ImproperlyConfigured(
            f"HANDRAIL_DATA_DIR: {file} cannot be kept ({refused.strerror}); name a directory that can be written."
        ) from None
