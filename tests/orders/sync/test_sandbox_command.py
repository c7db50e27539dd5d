"""`manage.py sandbox` answers from its first line on, and stops when it is told to."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.management import call_command


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Put back what the command changes for its whole process."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


class Listener:
    """Standard output that tries the address it reads, then tells the process to stop."""

    def __init__(self) -> None:
        self.answers: list[int] = []

    def write(self, line: str) -> None:
        url = line.rsplit(maxsplit=1)[-1]
        with httpx2.Client(timeout=5, trust_env=False) as client:
            self.answers = [client.get(f"{url}{path}").status_code for path in ("/control", "/journal", "/elsewhere")]
            self.answers.append(client.post(f"{url}/wms", content=b"{}").status_code)
            self.answers.append(client.post(f"{url}/wms/central", content=b"{}").status_code)
        os.kill(os.getpid(), signal.SIGTERM)


def test_it_runs_until_it_is_told_to_stop(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    heard = Listener()
    call_command("sandbox", port=0, stdout=heard)
    assert heard.answers == [200, 200, 404, 404, 401]
    assert (tmp_path / "sandbox" / "journal.db").exists()
