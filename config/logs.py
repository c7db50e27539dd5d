"""Logs for machines: one JSON object per line, whatever is in the message."""

import json
import logging
import time
from datetime import UTC, datetime

NOT_READY = 503


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; line breaks inside a message cannot forge a second record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class NotReadyYet(logging.Filter):
    """Takes from `/readyz` the severity of its “not ready” while the process starts: then it is an answer and no error."""

    def __init__(self, seconds: float = 60) -> None:
        super().__init__()
        self.started = time.monotonic() + seconds

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        path = getattr(getattr(record, "request", None), "path", "")
        if path == "/readyz" and getattr(record, "status_code", 0) == NOT_READY and time.monotonic() < self.started:
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return True
