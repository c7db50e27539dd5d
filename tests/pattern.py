"""A database that is migrated once and copied by each process of a parallel run: to migrate is fifteen seconds, to copy none.

``python -m tests.pattern DIRECTORY`` migrates it; the processes that will copy it read the tests meanwhile.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import django
import psycopg
from django.db import connection

from config.embedded import PostgresCluster
from config.embedded.postgres import DATABASE

NAME = f"test_{DATABASE}"


@dataclass(frozen=True)
class Pattern:
    """The cluster under `directory`, and who may copy it when."""

    directory: Path

    @property
    def cluster(self) -> PostgresCluster:
        """What is copied."""
        return PostgresCluster(self.directory, durable=False)

    @property
    def _lock(self) -> Path:
        return self.directory / "lock"

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    @property
    def _done(self) -> Path:
        return self.directory / "done"

    def begin(self) -> subprocess.Popen[bytes]:
        """Start to make it anew, in a process that holds the lock until it ends, however it ends."""
        self.cluster.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.cluster.prepare()
        with self._lock.open("w") as lock, self._log.open("w") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = [sys.executable, "-m", "tests.pattern", str(self.directory)]
            return subprocess.Popen(command, stdout=log, stderr=log, pass_fds=[lock.fileno()])

    def migrate(self) -> None:
        """Make the database the tests see, in a cluster that is stopped afterwards."""
        cluster = self.cluster
        cluster.start()
        os.environ["DATABASE_URL"] = cluster.url("owner")
        django.setup()
        connection.creation.create_test_db(verbosity=0, serialize=False)
        connection.close()
        cluster.stop()
        self._done.touch()

    def before_the_copy(self, data_dir: Path) -> PostgresCluster:
        """The cluster that will be a copy, so far only with the passwords it will have."""
        copy = PostgresCluster(data_dir, durable=False)
        copy.stop()
        shutil.rmtree(copy.home, ignore_errors=True)
        copy.home.mkdir(parents=True)
        shutil.copy2(self.cluster.home / "credentials.json", copy.home)
        return copy

    def copy_to(self, copy: PostgresCluster) -> None:
        """Wait until it is made, copy it, start the copy. Raises `RuntimeError` when it could not be made."""
        self._wait()
        subprocess.run(["cp", "-a", f"{self.cluster.home}/.", str(copy.home)], check=True)
        copy.start()

    def hand_to(self, product: PostgresCluster) -> None:
        """Copy it to where a product will find it as its own, migrated before."""
        product.home.mkdir(parents=True)
        self.copy_to(product)
        with psycopg.connect(product.url("superuser", "postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {DATABASE}")
            connection.execute(f"ALTER DATABASE {NAME} RENAME TO {DATABASE}")
        product.stop()

    def _wait(self) -> None:
        with self._lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
        if not self._done.exists():
            raise RuntimeError(f"The tests' database could not be migrated:\n{self._log.read_text()}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    Pattern(Path(sys.argv[1])).migrate()
