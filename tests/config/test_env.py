"""A wrong setting stops the start with a sentence."""

import json
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from joserfc.jwk import OKPKey

from config import addresses, env

SHORT = (
    "HANDRAIL_X: the secret has 4 characters, at least 32 are needed; make one with `openssl rand -base64 48` "
    "and keep the old one behind it in HANDRAIL_ENCRYPTION_KEYS."
)


@pytest.mark.parametrize(("value", "meant"), [("true", True), ("1", True), ("False", False), ("0", False), ("", False)])
def test_a_flag_says_yes_or_no(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("HANDRAIL_X", value)
    assert env.flag("HANDRAIL_X") is meant


@pytest.mark.parametrize(
    ("call", "value", "sentence"),
    [
        (lambda: env.flag("HANDRAIL_X"), "yes", "HANDRAIL_X is 'yes'; it has to be true or false."),
        (
            lambda: env.integer("HANDRAIL_X", 1, least=1),
            "many",
            "HANDRAIL_X is 'many'; it has to be a whole number, 1 or more.",
        ),
        (
            lambda: env.choice("HANDRAIL_X", among=("console", "json")),
            "xml",
            "HANDRAIL_X is 'xml'; it has to be one of console, json.",
        ),
        (
            lambda: addresses.database("HANDRAIL_X", ""),
            "mysql://x/y",
            "HANDRAIL_X has to be a postgresql:// address that ends in a database name.",
        ),
        (
            lambda: addresses.email("HANDRAIL_X"),
            "pigeon://x",
            "HANDRAIL_X has to be an smtp://, smtps:// or file:// address.",
        ),
        (
            lambda: addresses.database("HANDRAIL_X", ""),
            "postgresql://app:hush@db:ten/orders",
            "HANDRAIL_X is no address: its host or port cannot be read.",
        ),
        (
            lambda: addresses.database("HANDRAIL_X", ""),
            "postgresql://app:hush@db/orders?sslmod=require",
            'HANDRAIL_X: invalid connection option "sslmod" stands behind its question mark.',
        ),
        (
            lambda: addresses.broker("HANDRAIL_X", ""),
            "redos://:hush@broker/0",
            "HANDRAIL_X has to be an address such as redis://host:6379/0 or amqp://user:password@host:5672/vhost.",
        ),
        (
            lambda: addresses.cache("HANDRAIL_X"),
            "localhost",
            "HANDRAIL_X has to be an address such as redis://host:6379/1.",
        ),
        (
            lambda: addresses.web("HANDRAIL_X", ""),
            "handrail.example",
            "HANDRAIL_X has to be http:// or https:// and a host, with nothing behind it, such as https://handrail.example.",
        ),
        (
            lambda: addresses.web("HANDRAIL_X", ""),
            "https://me:hush@handrail.example",
            "HANDRAIL_X is shown to everybody: leave user name and password out.",
        ),
        (
            lambda: addresses.collector("HANDRAIL_X"),
            "localhost:4317",
            "HANDRAIL_X has to be http:// or https://, a host and at most a path, such as http://localhost:4318.",
        ),
        (
            lambda: addresses.collector("HANDRAIL_X"),
            "https://me:hush@collector.example",
            "HANDRAIL_X: leave user name and password out; OTEL_EXPORTER_OTLP_HEADERS is for them.",
        ),
        (
            lambda: addresses.hosts("HANDRAIL_X", ""),
            "https://handrail.example",
            "HANDRAIL_X names 'https://handrail.example'; host names come without http:// and without a path.",
        ),
        (
            lambda: addresses.people("HANDRAIL_X"),
            "on-call",
            "HANDRAIL_X has to be an e-mail address; 'on-call' is none.",
        ),
        (
            lambda: env.words("HANDRAIL_X", among=("admin", "ops_lead")),
            "admin,boss",
            "HANDRAIL_X names boss; known are admin, ops_lead.",
        ),
        (
            lambda: env.secrets_in_turn("HANDRAIL_X", ""),
            ",",
            "HANDRAIL_X has to name at least one key, and none of them twice.",
        ),
        (
            lambda: env.secrets_in_turn("HANDRAIL_X", ""),
            "hush",
            SHORT,
        ),
        (
            lambda: env.signing_key("HANDRAIL_X"),
            '{"kty": "OKP", "d": "hush"}',
            "HANDRAIL_SIGNING_KEY has to be an Ed25519 key: a JWK, a JWK Set or PEM. It cannot be read as one.",
        ),
    ],
)
def test_nonsense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, call: object, value: str, sentence: str) -> None:
    monkeypatch.setenv("HANDRAIL_X", value)
    with pytest.raises(ImproperlyConfigured) as refused:
        call()  # type: ignore[operator]
    assert str(refused.value) == sentence


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from file\n")
    monkeypatch.setenv("HANDRAIL_X_FILE", str(tmp_path / "secret"))
    assert env.text("HANDRAIL_X") == "from file"
    monkeypatch.setenv("HANDRAIL_X_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match="cannot be read: No such file"):
        env.text("HANDRAIL_X")
    (tmp_path / "absent").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        env.text("HANDRAIL_X")


def test_a_generated_secret_is_private_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "secret"
    first = env.secret("HANDRAIL_X", file=file)
    assert len(first) >= 50
    assert file.stat().st_mode & 0o777 == 0o600
    assert env.secret("HANDRAIL_X", file=file) == first
    with pytest.raises(ImproperlyConfigured, match=r"HANDRAIL_DATA_DIR: .* cannot be kept"):
        env.secret("HANDRAIL_X", file=file / "below a file")


def test_what_is_given_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"{number}-{'k' * 40}" for number in range(2)]
    for value, read in (
        ("redis+socket:///run/redis.sock", lambda: addresses.broker("HANDRAIL_X", "")),
        ("unix:///run/redis.sock?db=1", lambda: addresses.cache("HANDRAIL_X")),
        ("https://handrail.example", lambda: addresses.web("HANDRAIL_X", "")),
        ("https://collector.example/otlp", lambda: addresses.collector("HANDRAIL_X")),
        ("Ops <ops@example>", lambda: addresses.sender("HANDRAIL_X", "")),
        (keys[0], lambda: env.secret("HANDRAIL_X", file=Path("unused"))),
        (json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)), lambda: env.signing_key("HANDRAIL_X")),
    ):
        monkeypatch.setenv("HANDRAIL_X", value)
        assert read() == value
    monkeypatch.setenv("HANDRAIL_X", f"{keys[0]}, {keys[1]},short")
    assert env.secrets_in_turn("HANDRAIL_X", "") == [*keys, "short"]  # what is only opened with may be an old one
    monkeypatch.setenv("HANDRAIL_X", "")
    assert (env.text("HANDRAIL_X", "unset"), env.is_given("HANDRAIL_X")) == ("unset", False)


def test_a_database_address_becomes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_X", "postgresql://app:p%40ss@/orders?host=%2Frun%2Fpg&sslmode=require")
    assert addresses.database("HANDRAIL_X", "") == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "orders",
        "USER": "app",
        "PASSWORD": "p@ss",
        "HOST": "/run/pg",
        "PORT": "",
        "OPTIONS": {"sslmode": "require", "prepare_threshold": 0},
    }


def test_letters_go_where_the_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_X", "smtps://me:secret@mail.example")
    assert addresses.email("HANDRAIL_X")["EMAIL_PORT"] == 465
    monkeypatch.setenv("HANDRAIL_X", "file:///var/mail")
    assert addresses.email("HANDRAIL_X")["EMAIL_FILE_PATH"] == "/var/mail"
    monkeypatch.delenv("HANDRAIL_X")
    assert addresses.email("HANDRAIL_X")["EMAIL_BACKEND"].endswith("console.EmailBackend")
