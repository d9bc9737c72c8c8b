"""What is logged, wherever it happens: by the job, and by its workers on other machines.

A worker's records travel back with its results (:class:`Collector`) and are handled by the job's own loggers, so that a log has
one format and one place. ``job``, ``node``, ``unit`` and ``row`` are attributes of a record, where they are known.
"""

import json
import logging
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from typing import Any

CONTEXT = ("job", "node", "unit", "row")
_TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# A worker that logs in a loop must not fill the memory of the job.
_MOST_RECORDS = 1000


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, message, traceback if there is one, and :data:`CONTEXT`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in CONTEXT if getattr(record, name, None) is not None}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Named(logging.Filter):
    """Gives every record the name of the job."""

    def __init__(self, job: str) -> None:
        super().__init__()
        self._job = job

    def filter(self, record: logging.LogRecord) -> bool:
        """Set ``record.job``."""
        record.job = self._job
        return True


class Collector(QueueHandler):
    """Keeps a worker's records until they are taken along with a result. Each gets the name of the worker's ``node``."""

    def __init__(self, node: str) -> None:
        self._records: deque[logging.LogRecord] = deque(maxlen=_MOST_RECORDS)
        self._node = node
        super().__init__(self._records)  # type: ignore[arg-type]  # enqueue() is ours

    def enqueue(self, record: logging.LogRecord) -> None:
        """Keep a record that :meth:`prepare` has made fit to travel."""
        record.node = self._node
        self._records.append(record)

    def take(self) -> list[logging.LogRecord]:
        """Return what was kept, and forget it."""
        taken = []
        while self._records:
            taken.append(self._records.popleft())
        return taken


def formatter(kind: str) -> logging.Formatter:
    """Return the formatter of ``text`` or ``json`` lines."""
    return JsonFormatter() if kind == "json" else logging.Formatter(_TEXT_FORMAT)


def handle(records: Iterable[logging.LogRecord]) -> None:
    """Log what a worker has logged."""
    for record in records:
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
