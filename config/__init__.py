"""How Handrail is wired."""

import gc

# A process loads 1,800 modules that stay. Looked through for waste at Python's own pace they take a tenth longer to load.
gc.set_threshold(50_000, 20, 20)

from config.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
