"""Logs for machines: one JSON object per line, whatever is in the message, with the request or the task it was written in."""

import logging
import time

from structlog import contextvars, processors
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name

NOT_READY = 503


def json_lines() -> logging.Formatter:
    """A record as one line of JSON; line breaks inside a message cannot forge a second record."""
    return ProcessorFormatter(
        foreign_pre_chain=[
            contextvars.merge_contextvars,
            processors.TimeStamper(fmt="iso", key="at"),
            add_log_level,
            add_logger_name,
            processors.format_exc_info,
            processors.EventRenamer("message"),
        ],
        processors=[ProcessorFormatter.remove_processors_meta, processors.JSONRenderer(ensure_ascii=False)],
    )


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
