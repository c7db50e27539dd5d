"""What machines ask to know whether all is well."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import DatabaseError
from django.test import Client as Browser

from audit import clock
from audit.services.heartbeats import beat
from config import health
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def run_everything(*, lag: timedelta = timedelta(), ago: timedelta = timedelta()) -> None:
    now = clock.now() - ago
    for loop in health.BEATING:
        beat(loop=loop, at=now, oldest_due=now - lag)


def test_the_process_is_alive_without_asking_anybody(client: Browser) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_it_is_ready_when_database_broker_and_timers_are(client: Browser) -> None:
    run_everything()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


def test_it_is_not_ready_before_the_timers_ran(client: Browser) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["timers"]) == (503, "Has never run here.")


def test_silent_timers_are_red_and_late_ones_amber() -> None:
    run_everything(ago=timedelta(minutes=10))
    assert health.status(clock.now()).light == "red"
    run_everything(lag=timedelta(minutes=5))
    known = health.status(clock.now())
    assert known.light == "amber"
    assert "5 min behind" in next(part.words for part in known.parts if part.name == "timers")


def test_a_database_that_is_down_is_an_answer(client: Browser) -> None:
    with patch("config.health.connection.cursor", side_effect=DatabaseError):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == "The database does not answer."


def test_the_metrics_are_prometheus_text_from_the_database(client: Browser) -> None:
    run_everything()
    text = client.get("/metrics").content.decode()
    assert 'handrail_queue_depth{queue="inbox"} 0.0' in text
    assert 'handrail_part_up{part="timers"} 1.0' in text


def test_the_status_document_is_for_who_signed_in(client: Browser, amal: Api) -> None:
    assert client.get("/status.json").status_code == 401
    run_everything()
    body = amal.get("/status.json").json()
    assert body["light"] == "green"
    assert {queue["name"] for queue in body["queues"]} == {"timers", "inbox", "outbox", "notifications"}
