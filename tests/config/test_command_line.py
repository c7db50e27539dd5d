"""A command that could not ask says so with 3; 1 is for what it found."""

from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, ProgrammingError
from psycopg.errors import InsufficientPrivilege, UndefinedTable

from config.command_line import run, why_not_ready


@pytest.fixture(autouse=True)
def connections_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command closes them at its end; here they are the other tests'."""
    monkeypatch.setattr("django.core.management.base.connections", SimpleNamespace(close_all=lambda: None))


@pytest.mark.parametrize("command", ["verify_timers --json", "check_invariants", "grant_roles", "seed_demo"])
@pytest.mark.usefixtures("away")
def test_without_a_database_a_command_ends_with_one_line_and_3(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["manage.py", *command.split(), "--skip-checks"])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (3, "")
    assert err == (
        'The database cannot be asked: connection to server at "db", port 5432 failed: Connection refused. '
        "See that it runs and that DATABASE_URL is right.\n"
    )


@pytest.mark.usefixtures("away")
def test_who_wants_the_traceback_gets_it() -> None:
    with pytest.raises(OperationalError):
        run(["manage.py", "sync_lag", "--traceback", "--skip-checks"])


def test_who_stops_a_command_is_told_what_became_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("config.management.commands.in_turn.call_command", stopped)
    with pytest.raises(SystemExit) as ended:
        run(["manage.py", "in_turn", "status"])
    assert ended.value.code == 4
    assert capsys.readouterr().err == "Stopped. What was done until then stays; the same command does the rest.\n"


def test_what_is_no_fault_of_the_environment_stays_an_error() -> None:
    old, closed = ProgrammingError("relation"), ProgrammingError("permission denied for table x")
    old.__cause__, closed.__cause__ = UndefinedTable(), InsufficientPrivilege()
    assert why_not_ready(old).startswith("The database is older than the code. Run `manage.py migrate`")
    assert why_not_ready(closed).startswith("The database refuses: permission denied for table x. Run")
    assert why_not_ready(ImproperlyConfigured("X is wrong; do Y.")) == "X is wrong; do Y."
    for bug in (IntegrityError("x"), DataError("x"), DatabaseError("x"), ProgrammingError("syntax")):
        assert why_not_ready(bug) == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("nonsense", "Unknown command: 'nonsense'"),
        ("verify_timers --minutes 99999999999", "“99999999999” is no whole number from 1 to 10080"),
        ("sync_lag --hours -1", "“-1” is no whole number from 1 to 744"),
        ("up --port 80000", "“80000” is no whole number from 1 to 65535"),
        ("verify_audit --since 999", "“999” is neither a seal's number nor a date"),
        ("check_invariants inv-999", "There is no invariant inv-999. There are: cause-01"),
        ("status --tz Mars", "there is no time zone “Mars”"),
        ("in_turn 'status", "'status is no command: No closing quotation."),
    ],
)
@pytest.mark.django_db
def test_what_is_asked_wrongly_is_told_in_a_sentence_with_2(
    wrong: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["manage.py", *wrong.split(" ", 3)])
    out, err = capsys.readouterr()
    assert (ended.value.code, out, words in err) == (2, "", True), err
