"""The Celery application: every app's tasks, found by name."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("handrail")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_to_start(**_: Any) -> None:
    """End the process when the database cannot keep its promises; Celery would swallow any other exception."""
    from config.checks import refuse_to_start_without_promises  # noqa: PLC0415 -- app ready

    try:
        refuse_to_start_without_promises()
    except ImproperlyConfigured as refused:
        sys.exit(str(refused))
