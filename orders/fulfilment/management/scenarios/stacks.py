"""What a scenario runs against: the stack that `make up` started, or one that it starts itself in this process."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx2
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from audit import clock
from audit.transport import certificates
from exceptions.services import sweep_timers
from orders.sync import signatures
from orders.sync.sandbox import Sandbox, sandbox_secret
from orders.sync.services import apply_due, deliver_due

STORE = "sandbox-store"
MOST_IN_A_BATCH = 100
PAUSE_SECONDS = 0.5
GATHER_SECONDS = 0.5
RETRIES = 120


class Stack:
    """Somewhere to send events to, and somebody who does the work."""

    def __init__(self, url: str, sandbox_url: str) -> None:
        self.url = url
        self.sandbox_url = sandbox_url

    def send(self, events: list[dict[str, Any]]) -> None:
        """Post events as the sandbox store, signed. Raises `httpx2.HTTPStatusError` for what is not accepted."""
        secret = sandbox_secret(settings.SECRET_KEY, STORE)
        with httpx2.Client(timeout=60, verify=certificates(), trust_env=False) as client:
            for start in range(0, len(events), MOST_IN_A_BATCH):
                body = json.dumps(events[start : start + MOST_IN_A_BATCH]).encode()
                signed = signatures.sign(secret=secret, message_id=events[start]["id"], at=clock.now(), body=body)
                headers = {"Content-Type": "application/cloudevents-batch+json", "X-Handrail-System": STORE, **signed}
                _post_until_accepted(client, f"{self.url}/api/v1/events", content=body, headers=headers)

    def misbehave(self, failures: dict[str, str]) -> None:
        """Tell the sandbox which orders fail, and how."""
        with httpx2.Client(timeout=10, verify=certificates(), trust_env=False) as client:
            control = client.get(f"{self.sandbox_url}/control").json()
            orders = {**control["orders"], **failures}
            client.put(
                f"{self.sandbox_url}/control", json={**control, "orders": orders, "delay": 0.05}
            ).raise_for_status()

    def work(self) -> None:
        """Let the stack's own workers go on for a moment."""
        time.sleep(PAUSE_SECONDS)


class OwnStack(Stack):
    """Web server and sandbox in threads of this process; the work is done by whoever calls `work`."""

    def work(self) -> None:
        """Apply, deliver and sweep what is due now; then let news gather, for much at once costs little more than one."""
        apply_due(now=clock.now())
        while deliver_due(now=clock.now()):
            continue
        sweep_timers(now=clock.now())
        time.sleep(GATHER_SECONDS)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """The scenario says what happened."""


@contextmanager
def stack() -> Iterator[Stack]:
    """The running stack if its sandbox answers, else one of our own for as long as it is needed.

    Its web server may just be starting again; what is sent waits for it.
    """
    if _answers(f"{settings.SANDBOX_URL}/control"):
        yield Stack(settings.PUBLIC_URL, settings.SANDBOX_URL)
        return
    with own_stack() as own:
        yield own


@contextmanager
def own_stack() -> Iterator[OwnStack]:
    """Start web server and sandbox here, and stop them afterwards."""
    server = make_server("127.0.0.1", 0, get_wsgi_application(), server_class=_Server, handler_class=_Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    sandbox = Sandbox(
        port=urlsplit(settings.SANDBOX_URL).port or 0,
        key=settings.SECRET_KEY,
        reply_to=f"{url}/api/v1/events",
        journal=settings.DATA_DIR / "sandbox" / "scenario.db",
    )
    sandbox.start()
    try:
        yield OwnStack(url, sandbox.url)
    finally:
        sandbox.stop()
        server.shutdown()
        server.server_close()


def _post_until_accepted(client: httpx2.Client, url: str, *, content: bytes, headers: dict[str, str]) -> None:
    """Send again while the receiver is away, as a store does: the same event twice has one effect."""
    for _ in range(RETRIES):
        try:
            answer = client.post(url, content=content, headers=headers)
        except httpx2.TransportError:
            time.sleep(PAUSE_SECONDS)
            continue
        if not answer.is_server_error:
            answer.raise_for_status()
            return
        time.sleep(PAUSE_SECONDS)
    client.post(url, content=content, headers=headers).raise_for_status()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2, verify=certificates(), trust_env=False).status_code < 500  # noqa: PLR2004 -- it is there
    except httpx2.HTTPError:
        return False
