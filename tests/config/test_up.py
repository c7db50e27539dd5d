"""`make up` starts what it was not given, and says why it cannot start."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import addresses
from config.embedded.supervisor import Program
from config.management.commands import up
from config.management.commands.up import Stack
from tests.shared import ROOT

GIVEN = {
    "DATABASE_URL": "postgresql://app@db.example/orders",
    "DATABASE_OWNER_URL": "postgresql://owner@db.example/orders",
    "CELERY_BROKER_URL": "redis://broker.example/0",
}
OPTIONS = {"port": 9000, "sandbox_port": 0, "bind": "127.0.0.1", "no_demo": True}


class Recorder:
    """A supervisor that only remembers."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.once: list[Program] = []

    def start(self, program: Program) -> None:
        self.started.append(program.name)

    async def run_once(self, program: Program) -> int:
        self.once.append(program)
        return 0


@pytest.mark.parametrize("by_file", [False, True])
def test_with_addresses_given_nothing_embedded_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_file: bool
) -> None:
    for name, value in GIVEN.items():
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(*((f"{name}_FILE", str(tmp_path / name)) if by_file else (name, value)))
    monkeypatch.setattr(up, "PostgresCluster", _nothing)
    monkeypatch.setattr(up, "RedisServer", _nothing)
    stack, supervisor = Stack(OPTIONS), Recorder()
    asyncio.run(stack._start_services(supervisor))  # type: ignore[arg-type]
    assert asyncio.run(stack._bring_up_to_date(supervisor))  # type: ignore[arg-type]
    assert supervisor.started == []
    schema, product = supervisor.once
    for program, user in ((schema, "owner"), (product, "app")):
        with pytest.MonkeyPatch.context() as child:
            for name, value in program.environment.items():
                child.setenv(name, value)
            assert addresses.database("DATABASE_URL", "")["USER"] == user


def test_without_them_both_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    cluster = Mock(url="postgresql:///embedded?user={}".format)
    monkeypatch.setattr(up, "PostgresCluster", lambda _: cluster)
    monkeypatch.setattr(up, "RedisServer", lambda _: Mock(url="redis+socket:///embedded"))
    stack, supervisor = Stack(OPTIONS), Recorder()
    asyncio.run(stack._start_services(supervisor))  # type: ignore[arg-type]
    assert supervisor.started == ["postgres", "redis"]
    assert stack.environment["DATABASE_URL"] == "postgresql:///embedded?user=app"
    assert stack.environment["CELERY_BROKER_URL"] == "redis+socket:///embedded"
    assert stack.owner_url == "postgresql:///embedded?user=owner"


def test_an_owners_address_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", "mysql://owner:hush@db.example/orders")
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_OWNER_URL has to be a postgresql:// address"):
        Stack(OPTIONS)


def test_a_wrong_setting_ends_it_with_a_sentence_and_3() -> None:
    environment = {**os.environ, "CELERY_BROKER_URL": "redos://:hush@broker"}
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "CELERY_BROKER_URL has to be an address such as redis://host:6379/0 or amqp://user:password@host:5672/vhost.\n"
    )


def _nothing(*_: object) -> None:
    raise AssertionError("an embedded service was made")
