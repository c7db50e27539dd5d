"""A loopback stand-in for chats and on-call systems: takes JSON, keeps it, and can be told to be down or to refuse."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class OnCall:
    """What came in, and how it answers; `down` hangs up without an answer."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 202
        self.down = False
        self.host = ""

    def events(self) -> list[tuple[str, str]]:
        """(action, key) of what came in, in order."""
        return [(one["event_action"], one["dedup_key"]) for one in self.taken]


@contextmanager
def running() -> Iterator[OnCall]:
    """A stand-in that listens on this machine."""
    stub = OnCall()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stub.asked += 1
            if stub.down:
                self.connection.close()
                return
            if stub.status < 300:
                stub.taken.append(json.loads(body))
            self.send_response(stub.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stub.host = f"127.0.0.1:{server.server_port}"
    yield stub
    server.shutdown()
    server.server_close()
    thread.join()
