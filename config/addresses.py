"""Settings that are addresses: each checked as far as its spelling says, and never repeated in a message, since passwords stand in them."""

from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import make_conninfo

from config import env

POSTGRES: Final = ("postgresql", "postgres")
REDIS: Final = ("redis", "rediss", "unix")
BROKERS: Final = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp", "memory")
WITHOUT_HOST: Final = ("unix", "redis+socket", "memory")


def postgres(name: str, default: str = "") -> str:
    """A `postgresql://user:password@host:port/database?option=value` address as it was written; "" only where that is the default."""
    url = env.text(name, default)
    if url:
        parts = _split(name, url)
        if parts.scheme not in POSTGRES or not parts.path.lstrip("/"):
            raise ImproperlyConfigured(f"{name} has to be a postgresql:// address that ends in a database name.")
        try:
            make_conninfo("", **_options(parts))
        except psycopg.ProgrammingError as unknown:
            raise ImproperlyConfigured(f"{name}: {str(unknown).strip()} stands behind its question mark.") from None
    return url


def database(name: str, default: str) -> dict[str, Any]:
    """Django's settings for a `postgresql://` address."""
    parts = urlsplit(postgres(name, default))
    options = _options(parts)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": {**options, "prepare_threshold": 0},  # for `audit.statements`; Django's own cursors never prepare
    }


def broker(name: str, default: str) -> str:
    """Where Celery's messages go."""
    return _service(name, default, BROKERS, "redis://host:6379/0 or amqp://user:password@host:5672/vhost")


def cache(name: str) -> str:
    """A Redis, or "" for none."""
    return _service(name, "", REDIS, "redis://host:6379/1")


def web(name: str, default: str) -> str:
    """An http(s) address of a host, without anything behind it, since paths are the product's own."""
    url = env.text(name, default).rstrip("/")
    parts = _split(name, url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or url != f"{parts.scheme}://{parts.netloc}":
        raise ImproperlyConfigured(
            f"{name} has to be http:// or https:// and a host, with nothing behind it, such as https://handrail.example."
        )
    if parts.username is not None:
        raise ImproperlyConfigured(f"{name} is shown to everybody: leave user name and password out.")
    return url


def collector(name: str) -> str:
    """Where traces are sent: an http(s) address, with a path where the collector has one; "" for nowhere."""
    url = env.text(name).rstrip("/")
    parts = _split(name, url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
        raise ImproperlyConfigured(
            f"{name} has to be http:// or https://, a host and at most a path, such as http://localhost:4318."
        )
    if parts.username is not None:
        raise ImproperlyConfigured(f"{name}: leave user name and password out; OTEL_EXPORTER_OTLP_HEADERS is for them.")
    return url


def hosts(name: str, default: str) -> list[str]:
    """Host names, comma-separated."""
    found = env.words(name, default)
    if wrong := [host for host in found if "/" in host or " " in host]:
        raise ImproperlyConfigured(f"{name} names {wrong[0]!r}; host names come without http:// and without a path.")
    return found


def people(name: str) -> list[str]:
    """E-mail addresses, comma-separated."""
    return [_checked_person(name, one) for one in env.words(name)]


def sender(name: str, default: str) -> str:
    """An e-mail address, with or without a name before it."""
    return _checked_person(name, env.text(name, default))


def email(name: str) -> dict[str, Any]:
    """Django's e-mail settings for an `smtp://`, `smtps://` (TLS) or `file:///directory` address; the console when unset."""
    url = env.text(name)
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = _split(name, url)
    if parts.scheme == "file" and Path(parts.path).is_absolute():
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


def openid_connect(prefix: str) -> dict[str, Any]:
    """django-allauth's settings for the company's own sign-in, from `PREFIX_ISSUER`, `_CLIENT_ID`, `_CLIENT_SECRET`, `_LABEL`; or none."""
    names = [f"{prefix}_{part}" for part in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")]
    issuer, client_id, secret = given = [env.text(name) for name in names]
    if not any(given):
        return {}
    if missing := [name for name, value in zip(names, given, strict=True) if not value]:
        raise ImproperlyConfigured(
            f"{', '.join(missing)}: missing. The company's sign-in needs all of {', '.join(names)}."
        )
    parts = _split(names[0], issuer)
    if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise ImproperlyConfigured(f"{names[0]} has to be an https:// address.")
    app = {
        "provider_id": "company",
        "name": env.text(f"{prefix}_LABEL", "Single sign-on"),
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer.rstrip("/")},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}


def _service(name: str, default: str, schemes: tuple[str, ...], example: str) -> str:
    url = env.text(name, default)
    if url:
        parts = _split(name, url)
        whole = parts.path if parts.scheme in WITHOUT_HOST else parts.hostname
        if parts.scheme not in schemes or not (whole or parts.scheme == "memory"):
            raise ImproperlyConfigured(f"{name} has to be an address such as {example}.")
    return url


def _split(name: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} is no address: its host or port cannot be read.") from None
    return parts


def _options(parts: SplitResult) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(parts.query).items()}


def _checked_person(name: str, written: str) -> str:
    _, address = parseaddr(written)
    before, _, after = address.partition("@")
    if not before or not after or " " in address:
        raise ImproperlyConfigured(f"{name} has to be an e-mail address; {written!r} is none.")
    return written
