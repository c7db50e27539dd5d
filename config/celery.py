"""The Celery application: every app's tasks, found by name."""

import gc
import os
import sys
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, task_prerun, worker_init, worker_process_init
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections, connections
from structlog.contextvars import bind_contextvars, clear_contextvars

from audit import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
KEPT_SECONDS = 600


class WatchedTask(Task[Any, Any]):
    """A task whose failure is nobody's secret: whoever answers for what runs by itself gets an exception about it."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, and tell who collects traces; not through the parent's, which would hide what the worker knows of this run."""
        with tracing.span(f"task {self.name}", "consumer", facts={"handrail.task": self.name}):
            return self.run(*args, **kwargs)

    def on_failure(self, exc: BaseException, *_: Any, **__: Any) -> None:
        """Open it, one for each task that fails."""
        from audit import clock  # noqa: PLC0415 -- app ready
        from exceptions.services import report_failure  # noqa: PLC0415 -- app ready

        report_failure(kind="task", name=self.name, failure=exc, now=clock.now())

    def on_success(self, *_: Any, **__: Any) -> None:
        """Nobody has to mend what runs again."""
        from audit import clock  # noqa: PLC0415 -- app ready
        from exceptions.services import report_success  # noqa: PLC0415 -- app ready

        report_success(kind="task", name=self.name, now=clock.now())


app = Celery("handrail", task_cls=WatchedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def keep_connections(**_: Any) -> None:
    """Open one connection for hundreds of tasks: to open it costs more than most sweeps that find nothing. A pool keeps its own."""
    for settings in connections.databases.values():
        if "pool" not in settings["OPTIONS"]:
            settings.update(CONN_MAX_AGE=KEPT_SECONDS, CONN_HEALTH_CHECKS=True)


@worker_init.connect
@beat_init.connect
def refuse_to_start(**_: Any) -> None:
    """End the process when the database cannot keep its promises; Celery would swallow any other exception."""
    from config.checks import refuse_to_start_without_promises  # noqa: PLC0415 -- app ready

    try:
        refuse_to_start_without_promises()
    except ImproperlyConfigured as refused:
        sys.exit(str(refused))
    connections.close_all()  # the processes of the pool open their own


@worker_process_init.connect
def leave_what_is_loaded_uncollected(**_: Any) -> None:
    """A batch makes so much that Python's collector looks through all code and models again and again: a quarter of the time it took."""
    gc.freeze()


@task_prerun.connect
def leave_broken_connections(*, task: Task[Any, Any], **_: Any) -> None:
    """Before each task, close what is too old or does not answer any more; Celery itself looks at neither."""
    if not task.request.is_eager:  # the connection is the caller's then
        close_old_connections()


@task_prerun.connect
def name_the_task(*, task: Task[Any, Any], task_id: str, **_: Any) -> None:
    """Every line that the log gets from here on says which task wrote it."""
    if not task.request.is_eager:
        clear_contextvars()
        bind_contextvars(task=task.name, task_id=task_id)
