"""How Handrail is wired."""

from config.garbage import collect_seldom

collect_seldom()  # before anything is loaded, in every process there is

from config.celery import app as celery_app  # noqa: E402 -- see above

__all__ = ["celery_app"]
