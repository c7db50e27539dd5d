"""A launch weekend on three channels (C01.4), and what comes back, goes in parts or another way. A hundred orders: tests/faults."""

import json
import socket
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from audit import clock
from audit.checks import invariants
from audit.selectors.folding import fold_all
from audit.services.seals import seal_trail

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def own_sandbox(settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.DATA_DIR = tmp_path
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    settings.SANDBOX_URL = f"http://127.0.0.1:{port}"
    settings.ALLOWED_PRIVATE_HOSTS = [f"127.0.0.1:{port}"]


def broken_invariants() -> list[tuple[str, list[object]]]:
    seal_trail(now=clock.now())  # as beat does
    found: list[tuple[str, list[object]]] = []
    for check in invariants():
        with connection.cursor() as cursor:
            cursor.execute(check.sql)
            if rows := cursor.fetchall():
                found.append((check.id, rows))
    return found


def test_on_a_launch_weekend_every_line_gets_the_flow_it_has_to(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("scenario", "weekend-preorder", seed=7, json=True, within=240)
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["summary"]["delivered"], report["summary"]["wrong_flows"]) == (True, 60, 0)


def test_a_scenario_that_is_out_of_time_says_what_is_not_where_it_has_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("scenario", "returns", seed=7, within=0)
    summary, *missing = capsys.readouterr().out.splitlines()
    assert (ended.value.code, summary.split(",")[1]) == (1, " 0 where they have to be")
    assert len(missing) >= 4


@pytest.mark.parametrize(("name", "orders"), [("returns", 4), ("splits", 3), ("reroutes", 2)])
def test_what_comes_back_goes_in_parts_or_another_way_ends_where_it_has_to_and_with_an_owner(
    capsys: pytest.CaptureFixture[str], name: str, orders: int
) -> None:
    call_command("scenario", name, seed=7, json=True, within=120)
    report = json.loads(capsys.readouterr().out)
    summary = report["summary"]
    assert (report["ok"], summary["orders"], summary["over"], summary["without_owner"]) == (True, orders, orders, 0)
    assert all(item["owner"] and item["happened"] for item in report["items"])
    assert [(kind.name, kind.first) for kind in fold_all() if kind.different] == []
    assert broken_invariants() == []
