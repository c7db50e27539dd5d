"""Settings from the environment: typed, and a wrong value stops the start with a sentence."""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The value of `name`, or of the file that `NAME_FILE` points to."""
    if file := os.environ.get(f"{name}_FILE"):
        try:
            return Path(file).read_text().strip()
        except OSError as unreadable:
            raise ImproperlyConfigured(
                f"{name}_FILE points to {file}, which cannot be read: {unreadable.strerror}."
            ) from None
    return os.environ.get(name, default)


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


def integer(name: str, default: int) -> int:
    """A whole number."""
    value = text(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it has to be a whole number.") from None


def choice(name: str, *, among: tuple[str, ...]) -> str:
    """One of the given words; the first is the default."""
    value = text(name, among[0])
    if value not in among:
        raise ImproperlyConfigured(f"{name} is {value!r}; it has to be one of {', '.join(among)}.")
    return value


def words(name: str, default: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def generated_secret(name: str, *, file: Path) -> str:
    """The secret `name`, or one made at first start and kept in `file`, readable by this user alone."""
    if value := text(name):
        return value
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(48))
    return file.read_text().strip()


def database(name: str, default: str) -> dict[str, Any]:
    """Django's settings for a `postgresql://user:password@host:port/database?option=value` address."""
    url = text(name, default)
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.lstrip("/"):
        raise ImproperlyConfigured(f"{name} has to be a postgresql:// address that ends in a database name.")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": options,
    }


def openid_connect(prefix: str) -> dict[str, Any]:
    """django-allauth's settings for the company's own sign-in, from `PREFIX_ISSUER`, `_CLIENT_ID`, `_CLIENT_SECRET`, `_LABEL`; or none."""
    names = [f"{prefix}_{part}" for part in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")]
    issuer, client_id, secret = given = [text(name) for name in names]
    if not any(given):
        return {}
    if missing := [name for name, value in zip(names, given, strict=True) if not value]:
        raise ImproperlyConfigured(
            f"{', '.join(missing)}: missing. The company's sign-in needs all of {', '.join(names)}."
        )
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise ImproperlyConfigured(f"{names[0]} has to be an https:// address.")
    app = {
        "provider_id": "company",
        "name": text(f"{prefix}_LABEL", "Single sign-on"),
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer.rstrip("/")},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}


def email(name: str) -> dict[str, Any]:
    """Django's e-mail settings for an `smtp://`, `smtps://` (TLS) or `file:///directory` address; the console when unset."""
    url = text(name)
    parts = urlsplit(url)
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "file":
        return {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend", "EMAIL_FILE_PATH": parts.path}
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ImproperlyConfigured(f"{name} has to be an smtp://, smtps:// or file:// address.")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 10,
    }
