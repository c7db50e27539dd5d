"""A knock on the worker's door."""

from pathlib import Path

import pytest

from audit import wakeups
from config.celery import app


def test_nobody_waits_for_a_broker_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def wait(seconds: float) -> None:
        raise AssertionError(f"waits {seconds} s")

    gone = app.connection_for_write(f"redis+socket://{tmp_path}/gone.sock")
    send = app.send_task
    monkeypatch.setattr(app, "send_task", lambda name, **options: send(name, connection=gone, **options))
    monkeypatch.setattr("kombu.utils.functional.sleep", wait)
    with caplog.at_level("INFO"):
        wakeups._knock("exceptions.sweep_timers")
    assert "wake-up for exceptions.sweep_timers not sent" in caplog.text
