"""A knock on the worker's door."""

import threading
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


def test_what_many_have_within_a_moment_is_one_knock(monkeypatch: pytest.MonkeyPatch) -> None:
    knocked: list[str] = []
    monkeypatch.setattr(wakeups, "_knock", knocked.append)
    for name in ("sync.deliver_outbox", "sync.apply_inbox", "sync.apply_inbox"):
        wakeups.wake_at_once(name)
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.join()
    assert knocked == ["sync.apply_inbox", "sync.deliver_outbox"]
    wakeups.wake_at_once("sync.apply_inbox")
    wakeups._knock_for_all()
    assert knocked[2:] == ["sync.apply_inbox"]
