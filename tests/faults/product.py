"""The whole product as its operators run it: real processes under `manage.py up`, in a directory of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from config.embedded import PostgresCluster
from tests import services

ROOT = Path(__file__).resolve().parents[2]
# Of this process alone: the product starts a database and a broker of its own, and is killed before it could say what was covered.
OURS = {"DATABASE_URL", "CELERY_BROKER_URL", "COVERAGE_PROCESS_CONFIG"}
MARKS = {"web": "gunicorn", "worker": " worker ", "beat": " beat ", "redis": "redis-server", "sandbox": "sandbox"}
START_SECONDS = 400


@dataclass
class Product:
    """One running product; `kill` ends a process as a crash would."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    output: Path
    url: str

    def kill(self, name: str) -> bool:
        """SIGKILL the process called `name`; whether there was one at this moment."""
        pid = self._find(name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None

    def has(self, name: str) -> bool:
        """Whether the process called `name` runs at this moment."""
        return self._find(name) is not None

    @contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """These processes, and what they started, stand still meanwhile."""
        groups = [pid for name in names if (pid := self._find(name)) is not None]
        assert len(groups) == len(names), "one of them is not there"
        for group in groups:
            os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            for group in groups:
                os.killpg(group, signal.SIGCONT)

    def _find(self, name: str) -> int | None:
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if MARKS[name] in command:
                return int(pid)
        return None

    def stop(self) -> None:
        """What Ctrl-C does, to the end; once is enough."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=120)

    def database(self, role: str) -> str:
        """How to connect to its database as `role`."""
        return PostgresCluster(Path(self.environment["HANDRAIL_DATA_DIR"])).url(role)

    def inside(self, function: str) -> subprocess.Popen[str]:
        """Start a function of `tests.faults.storm` in a process of this product, which is told when to go on by a line."""
        code = f"from tests.faults import storm; storm.{function}()"
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", code],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def said(self) -> list[str]:
        """The processes that the supervisor said had been killed."""
        return re.findall(r"^(\w+) +│ ended by signal SIGKILL", self.output.read_text(), re.MULTILINE)

    def wait_until_it_answers(self) -> None:
        """Block until the web server answers; fails with the output when the product ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        with httpx2.Client(
            timeout=2, trust_env=False
        ) as client:  # one for all tries: each new one reads all certificates
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    if client.get(f"{self.url}/healthz").status_code == 200:
                        return
                except httpx2.HTTPError:
                    time.sleep(0.5)
        raise AssertionError(self.output.read_text()[-4000:])


@contextmanager
def product(directory: Path) -> Iterator[Product]:
    """Start it without a demo, on the migrated database where there is one, and stop it as Ctrl-C does."""
    if services.IS_ONE_OF_MANY:
        services.pattern.hand_to(PostgresCluster(directory))
    port, sandbox = _free_ports()
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment |= {
        "HANDRAIL_DATA_DIR": str(directory),
        "HANDRAIL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HANDRAIL_SANDBOX_URL": f"http://127.0.0.1:{sandbox}",
        "EMAIL_URL": f"file://{directory}/letters",
        "HANDRAIL_ALARM_EMAILS": "pager@handrail.example",
        # What a killed worker was sending is sent again when its lease has ended, which nobody waits three minutes for here.
        "HANDRAIL_DELIVERY_LEASE_SECONDS": "10",
        "HANDRAIL_DELIVERY_TIMEOUT_SECONDS": "1",
        "WEB_CONCURRENCY": "1",  # it is killed as a whole
    }
    output = directory / "output"
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "up",
        "--no-demo",
        f"--port={port}",
        f"--sandbox-port={sandbox}",
    ]
    with output.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    running = Product(process, environment, output, f"http://127.0.0.1:{port}")
    try:
        running.wait_until_it_answers()
        yield running
    finally:
        running.stop()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
