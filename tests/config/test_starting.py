"""What a start looks like in the log."""

import logging
from types import SimpleNamespace

import pytest

from config.logs import NotReadyYet


@pytest.mark.parametrize(
    ("path", "status", "seconds", "level"),
    [
        ("/readyz", 503, 60, "INFO"),
        ("/readyz", 503, 0, "ERROR"),
        ("/readyz", 500, 60, "ERROR"),
        ("/orders/", 503, 60, "ERROR"),
    ],
)
def test_not_ready_is_no_error_while_the_process_starts(path: str, status: int, seconds: int, level: str) -> None:
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, "Service Unavailable", (), None)
    record.__dict__ |= {"request": SimpleNamespace(path=path), "status_code": status}
    assert NotReadyYet(seconds).filter(record)
    assert record.levelname == level
