"""`make bench`, or `make bench BENCH=rules` for one: each module `bench_<name>` prints one table, some of a size (`BENCH=ingest:2000`)."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from config.embedded import PostgresCluster, RedisServer

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all, on a database of their own."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = {name.partition(":")[0] for name in names} - set(known)
    if unknown:
        sys.stderr.write(f"No benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}.\n")
        return 2
    data_dir = Path(os.environ.setdefault("HANDRAIL_DATA_DIR", str(ROOT / "var" / "bench")))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "DATABASE_URL" in os.environ:
        _run(names or known)
        return 0
    # Durable, unlike the database of the tests: a figure without fsync would be a promise nobody keeps.
    cluster = PostgresCluster(data_dir, durable=True)
    redis = RedisServer(data_dir)
    cluster.start()
    redis.start()
    try:
        os.environ["DATABASE_URL"] = cluster.url("owner")
        os.environ.setdefault("CELERY_BROKER_URL", redis.url)
        _run(names or known)
    finally:
        redis.stop()
        cluster.stop()
    return 0


def _run(names: list[str]) -> None:
    import django  # noqa: PLC0415 -- the database must be running first

    django.setup()
    from django.db import connection  # noqa: PLC0415 -- app ready

    gc.freeze()  # as the worker, the web server and every command do
    creation, name = connection.creation, connection.settings_dict["NAME"]
    creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        for bench in names:
            module, _, size = bench.partition(":")
            with _copy_of_the_empty_database(connection, module):
                run = import_module(f"tests.benchmarks.bench_{module}").run
                sys.stdout.write(f"{run(int(size)) if size else run()}\n\n")
            sys.stdout.flush()
    finally:
        creation.destroy_test_db(name, verbosity=0)


@contextmanager
def _copy_of_the_empty_database(connection: BaseDatabaseWrapper, suffix: str) -> Iterator[None]:
    """No benchmark finds what another has left behind."""
    creation, empty = connection.creation, connection.settings_dict["NAME"]
    creation.clone_test_db(suffix, verbosity=0, autoclobber=True)
    connection.settings_dict["NAME"] = creation.get_test_db_clone_settings(suffix)["NAME"]
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = empty
        creation.destroy_test_db(verbosity=0, suffix=suffix)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
