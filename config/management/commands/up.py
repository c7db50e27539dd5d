"""The whole product with one command."""

import asyncio
import fcntl
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any
from urllib.request import ProxyHandler, build_opener

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.management.report import whole
from config import addresses, env
from config.command_line import NOT_READY
from config.embedded import PostgresCluster, RedisServer
from config.embedded.environment import keep_places
from config.embedded.supervisor import Program, Supervisor, say

WEB_THREADS = 4
WORKER_PROCESSES = 2
PROBE_SECONDS = 60


class Command(BaseCommand):
    """Start what is not given (database, broker), bring the schema and the demo up to date, then keep all processes running."""

    help = "Run everything: database, broker, web, worker, beat and the sandbox systems, in the foreground."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen, and whether the demo is loaded."""
        parser.add_argument("--port", type=whole(1, 65535), default=8000)
        parser.add_argument("--bind", default="127.0.0.1", help="Address of the web server.")
        parser.add_argument("--sandbox-port", type=whole(0, 65535), default=0, help="Default: the web port + 1.")
        parser.add_argument("--no-demo", action="store_true", help="Start with an empty product.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Until Ctrl-C."""
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.DATA_DIR / "up.lock").open("w") as lock:  # let go by the system however we end
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CommandError(
                    f"Handrail already runs from {settings.DATA_DIR}; stop it first.", returncode=NOT_READY
                ) from None
            try:
                status = asyncio.run(Stack(options).run())
            except RuntimeError as failed:  # what the embedded services cannot do, in a sentence
                raise CommandError(str(failed), returncode=NOT_READY) from failed
        if status:
            raise CommandError("Handrail did not start; the reason stands above.", returncode=NOT_READY)


class Stack:
    """What runs, and in which order it comes and goes."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.port = int(options["port"])
        self.sandbox_port = int(options["sandbox_port"]) or self.port + 1
        self.bind = str(options["bind"])
        self.demo = not options["no_demo"]
        self.environment: dict[str, str] = {
            **env.told(
                HANDRAIL_PUBLIC_URL=env.text("HANDRAIL_PUBLIC_URL", f"http://localhost:{self.port}"),
                HANDRAIL_SANDBOX_URL=f"http://127.0.0.1:{self.sandbox_port}",
                HANDRAIL_DEMO="true" if self.demo else "false",
            ),
            **env.told(EMAIL_URL=env.text("EMAIL_URL", f"file://{settings.DATA_DIR / 'mail'}")),
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",  # tasks come as JSON, never as pickles
        }
        self.owner_url = addresses.postgres("DATABASE_OWNER_URL", addresses.postgres("DATABASE_URL"))
        self.web_processes = env.integer("WEB_CONCURRENCY", 2, least=1)

    async def run(self) -> int:
        """Start, wait, stop; the exit status."""
        supervisor = Supervisor()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, supervisor.stop)
        try:
            keep_places(
                settings.DATA_DIR,
                public=self.environment["HANDRAIL_PUBLIC_URL"],
                sandbox=self.environment["HANDRAIL_SANDBOX_URL"],
            )
            await self._start_services(supervisor)
            if not await self._bring_up_to_date(supervisor):
                return 1
            for program in self._programs():
                supervisor.start(program)
            probing = asyncio.create_task(self._probe())
            say("handrail", f"ready at {self.environment['HANDRAIL_PUBLIC_URL']} (Ctrl-C stops everything)")
            await supervisor.wait()
            probing.cancel()
        finally:
            say("handrail", "stopping")
            await supervisor.shut_down()
            say("handrail", "stopped; everything is kept")
        return 0

    async def _probe(self) -> None:
        """Ask `/readyz` now and then, as a load balancer would: whoever asks raises the alarm when escalation stands still."""
        host = self.bind if self.bind not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 -- compared
        directly = build_opener(ProxyHandler({}))
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                await asyncio.to_thread(directly.open, f"http://{host}:{self.port}/readyz", timeout=5)
            except OSError:  # not ready, or not there: the answer is not for us
                continue

    async def _start_services(self, supervisor: Supervisor) -> None:
        if not env.is_given("DATABASE_URL"):
            cluster = PostgresCluster(settings.DATA_DIR)
            await asyncio.to_thread(cluster.prepare)
            supervisor.start(
                Program(
                    "postgres",
                    cluster.argv(),
                    prepare=cluster.clear_stale_locks,
                    stop_signal=signal.SIGINT,
                    patience=60,
                )
            )
            await asyncio.to_thread(cluster.wait_until_ready)
            self.environment |= env.told(DATABASE_URL=cluster.url("app"))
            self.owner_url = cluster.url("owner")
        if not env.is_given("CELERY_BROKER_URL"):
            server = RedisServer(settings.DATA_DIR)
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.prepare)
            supervisor.start(Program("redis", server.argv()))
            self.environment |= env.told(CELERY_BROKER_URL=server.url)

    async def _bring_up_to_date(self, supervisor: Supervisor) -> bool:
        owner = {**self.environment, **env.told(DATABASE_URL=self.owner_url)}
        product = ["collectstatic --no-input --verbosity 0", "sync_schedules", "check --database default"]
        steps = [
            ("schema", ["migrate --verbosity 0 --skip-checks", "grant_roles"], owner),
            ("product", [*product, "seed_demo", "seed_content"] if self.demo else product, self.environment),
        ]
        for name, commands, environment in steps:
            if await supervisor.run_once(Program(name, _manage("in_turn", *commands), environment)):
                return False
        return True

    def _programs(self) -> list[Program]:
        pooled = {**self.environment, **env.told(HANDRAIL_DATABASE_POOL=str(WEB_THREADS + 2))}
        python = [sys.executable, "-m"]
        gunicorn = ["gunicorn", "config.wsgi", "--bind", f"{self.bind}:{self.port}", "--worker-class", "gthread"]
        gunicorn += [
            "--workers",
            str(self.web_processes),
            "--threads",
            str(WEB_THREADS),
            "--log-level",
            "warning",
            "--timeout",
            "60",
        ]
        gunicorn += ["--worker-tmp-dir", "/dev/shm"] if os.path.isdir("/dev/shm") else []  # noqa: PTH112, S108 -- heartbeat files off disk
        worker = [
            "celery",
            "--quiet",
            "-A",
            "config",
            "worker",
            "--concurrency",
            str(WORKER_PROCESSES),
            "--without-gossip",
            "--without-mingle",
            "-l",
            "WARNING",
        ]
        beat = ["celery", "-A", "config", "--quiet", "beat", "-l", "WARNING", "--pidfile="]
        return [
            Program("sandbox", _manage("sandbox", "--port", str(self.sandbox_port)), self.environment),
            Program("worker", [*python, *worker], self.environment),
            Program("web", [*python, *gunicorn], pooled),
            Program("beat", [*python, *beat], self.environment),
        ]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
