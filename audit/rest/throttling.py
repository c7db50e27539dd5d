"""A rate per caller. Counted in the cache: one shared by all processes where there is one, else per process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from audit import clock
from audit.context import Actor

if TYPE_CHECKING:
    from rest_framework.views import APIView

WINDOW_SECONDS = 60


class CallerRate(BaseThrottle):
    """So many requests a minute and caller, in fixed windows: one counter each, however high the rate."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request; people without a name have been turned away before this."""
        del view
        if not isinstance(request.auth, Actor):
            return True
        second = clock.now().timestamp()
        self.left = WINDOW_SECONDS - second % WINDOW_SECONDS
        name = f"api-rate:{request.auth.id}:{int(second // WINDOW_SECONDS)}"
        if cache.add(name, 1, timeout=2 * WINDOW_SECONDS):
            return True
        try:
            return bool(cache.incr(name) <= settings.API_REQUESTS_PER_MINUTE)
        except ValueError:
            return True  # the window ended between the two calls

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.left
