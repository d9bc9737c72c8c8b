"""Ctrl-C and SIGTERM: a job stops nicely when it is asked to, and at any rate when it is asked again.

Python runs signal handlers in the main thread, between its own instructions. Native code of a model, or a thread that waits for
it, may keep the main thread from getting there, or the process from ending. So a thread of its own hears the signals too.
"""

import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Self

from actors.batching import ENGINE_THREAD

EXIT_INTERRUPTED = 130

# Who asks again waits so long at most; so does the end of a process for threads that do not end.
_GRACE_S = 3.0
# Who sends SIGTERM is a machine that kills soon: it need not ask again.
_TERMINATION_S = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Heeds signals while the context lasts; only in the main thread.

    SIGINT and SIGTERM raise ``KeyboardInterrupt``, as they may be sent for the first and the second time; what cleans up after
    that is left alone. The process ends soon after the second signal, or some seconds after a SIGTERM, whatever runs.
    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._signals = 0
        self._is_over = False
        self._threads: set[threading.Thread] = set()
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        self._threads = set(threading.enumerate())
        ears, mouth = os.pipe()
        os.set_blocking(mouth, False)
        before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        watch = threading.Thread(target=self._watch, args=(ears,), name="speechmill-interrupts", daemon=True)
        watch.start()
        self._undo.callback(os.close, ears)
        self._undo.callback(watch.join)
        self._undo.callback(os.close, mouth)  # ends the watch
        self._undo.callback(signal.set_wakeup_fd, before)
        self._undo.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, self._interrupt))
        signal.signal(signal.SIGTERM, self._interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over = True
        if self._signals:
            self._end_threads()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self._undo.close()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's arguments
        self._signals += 1
        if self._signals <= 2 and not self._is_over:
            raise KeyboardInterrupt

    def _end_threads(self) -> None:
        """End the process here if threads that the job has left behind would keep it from ending."""
        deadline = time.monotonic() + _GRACE_S
        # The interpreter waits for threads that are no daemons, and takes native code apart under one that is in it.
        started = (thread for thread in threading.enumerate() if thread not in self._threads)
        left = [thread for thread in started if not thread.daemon or thread.name == ENGINE_THREAD]
        for thread in left:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in left):
            self._leave()

    def _watch(self, ears: int) -> None:
        heard, deadline = 0, math.inf
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([ears], [], [], None if math.isinf(left) else left)[0]:
                continue
            written = os.read(ears, 64)
            if not written:  # the context is left
                return
            numbers = [number for number in written if number in _SIGNALS]
            heard += len(numbers)
            if signal.SIGTERM in numbers:
                deadline = min(deadline, time.monotonic() + _TERMINATION_S)
            if heard > 1:
                deadline = min(deadline, time.monotonic() + _GRACE_S)
        self._leave()

    def _leave(self) -> None:
        self._complain("interrupted, and ended without waiting for what runs: run the same command again to go on")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_INTERRUPTED)
