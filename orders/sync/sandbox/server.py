"""The sandbox's HTTP: one address per system that takes tasks, a control, and a voice that says what happened."""

import json
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2

from orders.sync import signatures
from orders.sync.errors import SignatureRefused
from orders.sync.sandbox import store
from orders.sync.sandbox.behaviour import Control, an_event, story
from orders.sync.sandbox.goods import UNCONFIRMED
from orders.sync.sandbox.journal import Journal
from orders.sync.sandbox.secrets import sandbox_secret

LONGEST_BODY = 1_048_576
SILENCE_SECONDS = 12
VOICE_PAUSE = 0.05
SALE_PAUSE = 1.0
STORE, WAREHOUSE, PRODUCTS = "sandbox-store", "sandbox-wms", "sandbox-pim"
SELLERS = {"marketplace": "sandbox-marketplace", "retail": "sandbox-oms"}  # by channel; all else is sold by the store
MOMENTS = {"stock.received": "received_at", "refund.issued": "issued_at"}
REPEATED = ("task", "order", "client", "asset", "revision")  # what a saying has of what it answers


class Sandbox:
    """All sandbox systems behind one port. `key` is the installation's; `reply_to` the product's address for events.

    Where it `sells`, its store places orders of its own accord, unless the control says otherwise.
    """

    def __init__(self, *, port: int, key: str, reply_to: str, journal: Path, sells: bool = False) -> None:
        self.key = key
        self.reply_to = reply_to
        self.journal = Journal(journal)
        silent = dict.fromkeys(UNCONFIRMED, "no_confirmation") if sells else {}
        self.control = Control.of(self.journal.control() or {"orders": silent})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"sandbox": self}))
        self._server.daemon_threads = True
        self._stopped = threading.Event()
        self._seen, self._seen_lock = set[str](), threading.Lock()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True),
            threading.Thread(target=self._speak, daemon=True),
        ]
        self._opened = time.monotonic()
        if sells:
            self._threads.append(threading.Thread(target=self._trade, daemon=True))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Listen and speak, in threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop listening and speaking; what was not said yet is kept."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()
        self.journal.close()

    def set_control(self, document: Any) -> Control:
        """Misbehave differently from now on. Raises `ValueError`."""
        control = Control.of(document)
        if control.sells and not self.control.sells:
            self._opened = time.monotonic()
        self.control = control
        self.journal.set_control(self.control.as_json())
        return self.control

    def take(self, system: str, key: str, document: dict[str, Any]) -> int:
        """Take a message; the HTTP status to answer with. A test of the connection asks for nothing."""
        if document.get("type") == "connection.test":
            return 200
        task = dict(document.get("data") or {})
        mode = self.control.mode(task)
        if mode == "error" or (mode == "error_once" and self._is_new(key)):
            return 500
        if mode == "gone":
            return 410
        if mode == "timeout":
            self._stopped.wait(SILENCE_SECONDS)
            return 504
        if document.get("type") == "order.export":
            self.journal.copy(
                system=system,
                subject=str(task["order"]),
                token=int(document.get("changetoken", 0)),
                status=str(task["status"]),
                sha256=str(task["record_sha256"]),
            )
        first = self.journal.execute(
            key=key,
            system=system,
            task=str(task.get("task", "")),
            kind=str(task.get("kind", document.get("type", ""))),
            sayings=self._sayings(key, task, mode),
        )
        if mode == "timeout_once" and first:
            self._stopped.wait(SILENCE_SECONDS)
            return 504
        return 202 if first else 200

    def _is_new(self, key: str) -> bool:
        with self._seen_lock:
            is_new = key not in self._seen
            self._seen.add(key)
        return is_new

    def _sayings(self, key: str, task: dict[str, Any], mode: str) -> list[tuple[str, dict[str, Any], float]]:
        """Each event happened when it happened, however often and in whatever order it is said."""
        begun = time.time()
        happened = {event_type: place for place, (event_type, _) in enumerate(story(task, ""))}
        said: list[tuple[str, dict[str, Any], float]] = []
        for place, (event_type, more) in enumerate(story(task, mode)):
            at = datetime.fromtimestamp(begun, UTC) + timedelta(seconds=happened.get(event_type, place))
            event_id = f"{key}:{event_type}"
            data = {name: task.get(name) for name in REPEATED} | {"at": at.isoformat(), **more}
            if event_type in MOMENTS:
                data[MOMENTS[event_type]] = data["at"]
            about = task.get("order") or task.get("asset") or task.get("sku")
            event = an_event(event_id, event_type, str(about), at, data)
            said.append((f"{event_id}:{place}", event, begun + (place + 1) * self.control.delay))
        return said

    def _trade(self) -> None:
        """Sell as often as the store does, once all that was said before was heard."""
        sold = self._opened
        while not self._stopped.wait(SALE_PAUSE):
            now = time.monotonic()
            is_time = self.control.sells and now - sold >= store.pause(now - self._opened)
            if is_time and not self.journal.summary()["waiting"]:
                self.sell()
                sold = now

    def sell(self) -> None:
        """One more sale, told by whoever sells there, and what the warehouse and the product information say then."""
        number, at = self.journal.done("sale") + 1, datetime.now(UTC)
        sale = store.sale(number, at=at)
        for system, kind, events in (
            (PRODUCTS, "facts", store.facts(number, at=at)),
            (WAREHOUSE, "count", store.counts(number, at=at)),
            (SELLERS.get(sale[0]["data"]["channel"], STORE), "sale", sale),
        ):
            sayings = [
                (event["id"], event, at.timestamp() + place * self.control.delay) for place, event in enumerate(events)
            ]
            if sayings:
                self.journal.execute(key=f"{kind}-{number}", system=system, task="", kind=kind, sayings=sayings)

    def _speak(self) -> None:
        with httpx2.Client(timeout=10, trust_env=False) as client:
            while not self._stopped.wait(VOICE_PAUSE):
                self.say_what_is_due(client)

    def say_what_is_due(self, client: httpx2.Client) -> None:
        """Post it, what each system has to say as one."""
        by_system: dict[str, list[tuple[str, str]]] = {}
        for saying_id, system, body in self.journal.due():
            by_system.setdefault(system, []).append((saying_id, body))
        for system, sayings in by_system.items():
            self._say(client, system, sayings)

    def _say(self, client: httpx2.Client, system: str, sayings: Sequence[tuple[str, str]]) -> None:
        """One thing by itself, several as a batch."""
        ids, bodies = zip(*sayings, strict=True)
        kind = "cloudevents-batch" if len(ids) > 1 else "cloudevents"
        body = (f"[{','.join(bodies)}]" if len(ids) > 1 else bodies[0]).encode()
        secret = sandbox_secret(self.key, system)
        signed = signatures.sign(secret=secret, message_id=ids[0], at=datetime.now(UTC), body=body)
        headers = {"Content-Type": f"application/{kind}+json", "X-Handrail-System": system, **signed}
        try:
            answer = client.post(self.reply_to, content=body, headers=headers).status_code
        except httpx2.HTTPError:
            answer = 503
        if answer >= 500 or answer in {401, 429}:  # noqa: PLR2004 -- not heard
            self.journal.put_off(ids, 1.0)
        else:
            self.journal.said(ids, answer)


class _Handler(BaseHTTPRequestHandler):
    """POST /<layer>/<system> takes a task; GET and PUT /control; GET /journal and /copies."""

    sandbox: Sandbox
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        journal = self.sandbox.journal
        answers = {"/control": self.sandbox.control.as_json, "/journal": journal.summary, "/copies": journal.copies}
        answer = answers.get(self.path)
        self._answer(200, answer()) if answer else self._answer(
            404, {"detail": "There is /control, /journal and /copies."}
        )

    def do_PUT(self) -> None:
        try:
            control = self.sandbox.set_control(json.loads(self._body()))
        except (ValueError, TypeError) as wrong:
            self._answer(422, {"detail": str(wrong)})
        else:
            self._answer(200, control.as_json())

    def do_POST(self) -> None:
        body = self._body()
        parts = self.path.strip("/").split("/")
        if len(parts) != 2:  # noqa: PLR2004 -- layer and system
            self._answer(404, {"detail": "Systems live at /<layer>/<system>."})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            secret = sandbox_secret(self.sandbox.key, parts[1])
            signatures.verify(secrets_in_force=[secret], headers=headers, body=body, now=datetime.now(UTC))
            status = self.sandbox.take(parts[1], headers.get("idempotency-key", ""), json.loads(body))
        except SignatureRefused as refused:
            self._answer(401, {"detail": refused.message})
        except ValueError as wrong:
            self._answer(400, {"detail": str(wrong)})
        else:
            self._answer(status, {"accepted": status < 300})  # noqa: PLR2004 -- HTTP's range of success

    def _body(self) -> bytes:
        length = min(int(self.headers.get("Content-Length") or 0), LONGEST_BODY)
        return self.rfile.read(length)

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Quiet: the journal says what happened."""
