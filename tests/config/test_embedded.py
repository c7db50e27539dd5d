"""The services that come along: private, and back after a hard kill."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config.embedded import PostgresCluster, RedisServer
from config.embedded.account import server_account
from config.embedded.environment import PLACES, broker_url, database_url, keep_places, place
from config.embedded.paths import UnsafeDirectoryError, private_directory

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    cluster = PostgresCluster(tmp_path_factory.mktemp("data"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def value(cluster: PostgresCluster, statement: str, role: str = "app") -> object:
    with psycopg.connect(cluster.url(role)) as connection:
        row = connection.execute(statement).fetchone()
        return row[0] if row else None


def kill_hard(cluster: PostgresCluster) -> None:
    pid = cluster.running_pid()
    assert pid is not None
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    assert cluster._process is not None
    cluster._process.wait()
    cluster._process = None


def test_what_was_committed_survives_a_hard_kill_and_a_stale_lock(cluster: PostgresCluster) -> None:
    with psycopg.connect(cluster.url("owner")) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")

    kill_hard(cluster)
    assert (cluster.data / "postmaster.pid").exists()
    cluster.start()

    assert value(cluster, "SELECT count(*) FROM kept") == 1


def test_a_lock_file_that_names_somebody_elses_process_does_not_stop_the_start(cluster: PostgresCluster) -> None:
    cluster.stop()
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n")
    cluster.start()
    assert value(cluster, "SELECT 1") == 1


def test_a_server_left_behind_is_taken_over(cluster: PostgresCluster) -> None:
    orphan = cluster.running_pid()
    successor = PostgresCluster(cluster.data_dir)
    successor.start()
    assert successor.running_pid() not in {None, orphan}
    assert cluster._process is not None
    cluster._process.wait()
    cluster._process = successor._process


def test_the_roles_are_no_superusers_and_the_server_keeps_its_promises(cluster: PostgresCluster) -> None:
    for role in ("owner", "app", "verifier"):
        assert value(cluster, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user", role) is False
    for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert value(cluster, f"SHOW {name}") == "on"
    assert value(cluster, "SHOW listen_addresses") == ""


def test_the_application_cannot_truncate_or_drop_and_the_verifier_cannot_write(cluster: PostgresCluster) -> None:
    with psycopg.connect(cluster.url("owner")) as connection:
        connection.execute("CREATE TABLE guarded (n int)")
    for role, statement in [
        ("app", "TRUNCATE guarded"),
        ("app", "DROP TABLE guarded"),
        ("app", "SET session_replication_role = replica"),
        ("verifier", "INSERT INTO guarded VALUES (1)"),
    ]:
        with psycopg.connect(cluster.url(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as somebody else")
def test_another_user_of_the_machine_gets_in_nowhere(cluster: PostgresCluster, server: RedisServer) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (cluster.sockets / ".s.PGSQL.5432", server.socket, cluster.home / "credentials.json"):
        probe = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r})"
        if path.suffix == ".json":
            probe = f"open({str(path)!r})"
        done = subprocess.run(
            ["/usr/bin/python3", "-c", probe], user=nobody, capture_output=True, text=True, check=False
        )
        assert "PermissionError" in done.stderr, path


def test_a_password_is_needed_even_for_those_who_reach_the_socket(cluster: PostgresCluster) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"no password|authentication failed"):
        psycopg.connect(f"postgresql://postgres@/postgres?host={cluster.sockets}")


def test_redis_keeps_its_queue_over_a_hard_kill_and_listens_on_no_port(server: RedisServer) -> None:
    client = redis.Redis(unix_socket_path=str(server.socket))
    assert client.config_get("port") == {"port": "0"}
    client.set("kept", "1")
    client.wait(0, 0)
    client.bgrewriteaof()
    client.close()
    assert server._process is not None
    server._process.send_signal(signal.SIGKILL)
    server._process.wait()

    assert server.socket.exists()
    server._process = None
    server.start()

    with redis.Redis(unix_socket_path=str(server.socket)) as again:
        assert again.ping() is True


def test_settings_find_services_that_were_started_once(
    cluster: PostgresCluster, server: RedisServer, tmp_path: Path
) -> None:
    assert database_url(cluster.data_dir) == cluster.url("app")
    assert broker_url(server.data_dir) == server.url
    assert database_url(tmp_path / "never") == "postgresql:///handrail"
    assert broker_url(tmp_path / "never") == "memory://"


def test_settings_find_where_up_listened(tmp_path: Path) -> None:
    """A command in another terminal speaks with the product that runs there, and leaves its systems where they are."""
    assert place(tmp_path, "public", "http://localhost:8000") == "http://localhost:8000"
    keep_places(tmp_path, public="http://localhost:9000", sandbox="http://127.0.0.1:9001")
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c"]
    words = "from django.conf import settings as s; print(s.PUBLIC_URL, s.SANDBOX_URL, *s.ALLOWED_PRIVATE_HOSTS)"
    environment = {**os.environ, "HANDRAIL_DATA_DIR": str(tmp_path)}
    told = subprocess.run([*command, words], env=environment, capture_output=True, text=True, check=True).stdout
    assert told.split() == ["http://localhost:9000", "http://127.0.0.1:9001", "127.0.0.1:9001"]
    (tmp_path / PLACES).write_text("{")
    assert place(tmp_path, "public", "http://localhost:8000") == "http://localhost:8000"


AS_SOMEBODY = """
import os, sys
from pathlib import Path
from config.embedded import PostgresCluster

cluster = PostgresCluster(Path(sys.argv[1]), durable=False)
cluster.start()
try:
    print(os.geteuid(), Path(f"/proc/{cluster.running_pid()}").stat().st_uid, len(cluster.account.prefix))
finally:
    cluster.stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_database_starts_for_an_ordinary_user_too_and_runs_as_that_user(
    cluster: PostgresCluster, tmp_path: Path
) -> None:
    """The other tests start it as whoever runs them: here that is root, for whom the server runs as an account of its own."""
    account, pid = cluster.account, cluster.running_pid()
    assert Path(f"/proc/{pid}").stat().st_uid == account.uid != 0
    os.chown(tmp_path, account.uid, account.gid)
    somebody = server_account(tmp_path, ROOT, Path(sys.executable), Path(sys.executable).resolve())
    done = subprocess.run(
        somebody.command([sys.executable, "-c", AS_SOMEBODY, str(tmp_path / "data")]),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.returncode) == ([str(account.uid), str(account.uid), "0"], 0), done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory somebody else's")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, -1)
    with pytest.raises(UnsafeDirectoryError, match="belongs to another user"):
        private_directory(theirs, owner=0)
