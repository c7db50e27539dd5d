"""A line of the log is one JSON object that says where it came from."""

import json
import logging
import sys

from django.http import HttpResponse
from django.test import RequestFactory
from structlog.contextvars import clear_contextvars

from config.celery import app, name_the_task
from config.logs import json_lines
from config.request_ids import RequestIds


def line(message: str, *, broken: bool = False) -> dict[str, str]:
    error = sys.exc_info() if broken else None
    written = json_lines().format(logging.LogRecord("orders.sync", logging.WARNING, "", 0, message, (), error))
    assert "\n" not in written
    found: dict[str, str] = json.loads(written)
    return found


def test_nothing_in_a_message_makes_a_second_line() -> None:
    try:
        float("a")
    except ValueError:
        found = line('one\n{"level": "info"}\x1b[31m', broken=True)
    assert (found["level"], found["logger"], found["message"]) == (
        "warning",
        "orders.sync",
        'one\n{"level": "info"}\x1b[31m',
    )
    assert found["exception"].endswith("could not convert string to float: 'a'")
    assert found["at"].endswith("Z")


def test_a_line_names_its_request_and_none_after_it() -> None:
    said = []

    def view(_: object) -> HttpResponse:
        said.append(line("working"))
        return HttpResponse()

    RequestIds(view)(RequestFactory().get("/", headers={"x-request-id": "req-7"}))
    assert said[0]["request_id"] == "req-7"
    assert "request_id" not in line("after")


def test_a_line_names_its_task() -> None:
    task = app.tasks["celery.backend_cleanup"]
    name_the_task(task=task, task_id="t-1")
    assert (line("working")["task"], line("working")["task_id"]) == ("celery.backend_cleanup", "t-1")
    clear_contextvars()
