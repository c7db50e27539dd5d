"""The Celery application: every app's tasks, found by name."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("handrail")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
