"""A wrong setting stops the start with a sentence."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.mark.parametrize(("value", "meant"), [("true", True), ("1", True), ("False", False), ("0", False), ("", False)])
def test_a_flag_says_yes_or_no(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("HANDRAIL_X", value)
    assert env.flag("HANDRAIL_X") is meant


@pytest.mark.parametrize(
    ("call", "value", "sentence"),
    [
        (lambda: env.flag("HANDRAIL_X"), "yes", "HANDRAIL_X is 'yes'; it has to be true or false."),
        (lambda: env.integer("HANDRAIL_X", 1), "many", "HANDRAIL_X is 'many'; it has to be a whole number."),
        (
            lambda: env.choice("HANDRAIL_X", among=("console", "json")),
            "xml",
            "HANDRAIL_X is 'xml'; it has to be one of console, json.",
        ),
        (
            lambda: env.database("HANDRAIL_X", ""),
            "mysql://x/y",
            "HANDRAIL_X has to be a postgresql:// address that ends in a database name.",
        ),
        (
            lambda: env.email("HANDRAIL_X"),
            "pigeon://x",
            "HANDRAIL_X has to be an smtp://, smtps:// or file:// address.",
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
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env.text("HANDRAIL_X")


def test_a_generated_secret_is_private_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "secret"
    first = env.generated_secret("HANDRAIL_X", file=file)
    assert len(first) >= 50
    assert file.stat().st_mode & 0o777 == 0o600
    assert env.generated_secret("HANDRAIL_X", file=file) == first


def test_a_database_address_becomes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_X", "postgresql://app:p%40ss@/orders?host=%2Frun%2Fpg&sslmode=require")
    assert env.database("HANDRAIL_X", "") == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "orders",
        "USER": "app",
        "PASSWORD": "p@ss",
        "HOST": "/run/pg",
        "PORT": "",
        "OPTIONS": {"sslmode": "require"},
    }


def test_letters_go_where_the_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_X", "smtps://me:secret@mail.example")
    assert env.email("HANDRAIL_X")["EMAIL_PORT"] == 465
    monkeypatch.setenv("HANDRAIL_X", "file:///var/mail")
    assert env.email("HANDRAIL_X")["EMAIL_FILE_PATH"] == "/var/mail"
    monkeypatch.delenv("HANDRAIL_X")
    assert env.email("HANDRAIL_X")["EMAIL_BACKEND"].endswith("console.EmailBackend")
