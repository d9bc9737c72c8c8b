"""Waiting for an object store that is away, overloaded or cut off for a while: it ends no job.

Reads and writes are tried again for ``SPEECHMILL_STORE_PATIENCE_S`` seconds (default 120), with growing pauses. Only a store
that has answered before is waited for: a wrong endpoint or bucket on a command line is an error within seconds. That a store
has answered is known to the whole process, and travels with the store to other processes: a worker that starts while the
store is away waits too. Refusals (no such bucket or object, access denied) are answers, and never tried again.
"""

import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from actors.errors import StorageError, UsageError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE_VARIABLE = "SPEECHMILL_STORE_PATIENCE_S"
_PATIENCE_S = 120.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0

# How Arrow words what may be over soon: no connection, or one that breaks; an overloaded, restarting or failing server.
_PASSING = re.compile(
    r"AWS Error (NETWORK_CONNECTION|SLOW_DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|THROTTLING|REQUEST_TIMEOUT)\b"
    r"|\(HTTP status (408|429|5\d\d)\)"
    r"|google::cloud::Status\((UNAVAILABLE|INTERNAL|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|ABORTED|UNKNOWN)\b"
)
# How Arrow words that a store does not give an object, or has none.
_REFUSED = re.compile(
    r"AWS Error (ACCESS_DENIED|RESOURCE_NOT_FOUND|NO_SUCH_KEY|NO_SUCH_BUCKET)\b"
    r"|\(HTTP status (401|403|404|410|451)\)"
    r"|google::cloud::Status\((PERMISSION_DENIED|NOT_FOUND|UNAUTHENTICATED)\b"
)


class Contact:
    """What this process knows of a bucket: whether it has ever answered, and since when it does not."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket  # its URI
        self.answered = False
        self._away_since: float | None = None
        self._lock = threading.Lock()

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try again, with growing pauses, what fails because the bucket is away or overloaded."""
        deadline, pause_s = None, _FIRST_PAUSE_S
        while True:
            try:
                result = attempt()
            except OSError as error:
                if not self.answered or not _is_passing(error):
                    raise
                patience_s = _patience_s()
                deadline = deadline or time.monotonic() + patience_s
                if time.monotonic() >= deadline:
                    raise OSError(f"{error} (tried for {patience_s:g} s; {_PATIENCE_VARIABLE} says how long)") from error
                self._note_failure(error, patience_s)
            else:
                self._note_answer()
                return result
            # Spread, so that a store that has just come back is not met by all workers at once.
            time.sleep(min(random.uniform(0.5, 1.0) * pause_s, max(0.0, deadline - time.monotonic())))  # noqa: S311
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _note_failure(self, error: OSError, patience_s: float) -> None:
        """Say that the bucket is away, once for all threads that wait for it."""
        with self._lock:
            if self._away_since is None:
                self._away_since = time.monotonic()
                logger.warning("%s does not answer; trying again for up to %g s: %s", self.bucket, patience_s, error)

    def _note_answer(self) -> None:
        """Remember that the bucket has answered, and say so if it was away."""
        self.answered = True
        if self._away_since is None:
            return
        with self._lock:
            since, self._away_since = self._away_since, None
        if since is not None:
            logger.warning("%s answers again after %.0f s", self.bucket, time.monotonic() - since)


class NoPatience(Contact):
    """The contact of those who can do without the bucket."""

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try once."""
        result = attempt()
        self.answered = True
        return result


_contacts: dict[tuple[str, str], Contact] = {}  # by bucket and endpoint


def contact_with(bucket: str, endpoint: str) -> Contact:
    """Return what this process knows of a bucket, given by its URI, at an endpoint (empty: the cloud's own)."""
    return _contacts.setdefault((bucket, endpoint), Contact(bucket))


def is_refusal(error: StorageError) -> bool:
    """Say whether a store has answered that it has no such object, or does not give it; else it could not be asked."""
    cause = error.__cause__
    return isinstance(cause, OSError) and not _is_passing(cause) and _REFUSED.search(str(cause)) is not None


def _patience_s() -> float:
    """Return for how many seconds a store is waited for."""
    text = os.environ.get(_PATIENCE_VARIABLE) or str(_PATIENCE_S)
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{_PATIENCE_VARIABLE} is {text!r}, not a number of seconds") from None


def _is_passing(error: OSError) -> bool:
    """Say whether a request may do better later. Errors with a number are of this machine, or say that nothing is there."""
    return error.errno is None and _PASSING.search(str(error)) is not None
