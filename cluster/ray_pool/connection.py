"""Connecting to a cluster, or starting Ray on this machine."""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping

import ray

from actors.errors import SpeechmillError
from cluster.topology import available_cores

logger = logging.getLogger("speechmill.cluster")

_started_here = False  # whether the Ray that this process is connected to is its own

_KNOCK_TIMEOUT_S = 5.0
# What Ray's own processes do every few seconds is no use to a single machine without a dashboard, and takes its cores 1 %.
_IDLE_AGENTS = {"AUTOSCALER_UPDATE_INTERVAL_S": "3600", "REPORTER_UPDATE_INTERVAL_MS": "60000"}


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[bool]:
    """Connect to Ray, or start it on this machine; yield whether it was started here. What was begun here is ended again.

    Within another such context nothing is begun.

    Raises:
        SpeechmillError: there is no cluster at the address.
    """
    global _started_here
    if ray.is_initialized():
        yield _started_here
        return
    address = address or os.environ.get("RAY_ADDRESS")
    with _keep_sigterm_handler():
        if address:
            logger.info("connecting to Ray at %s", address)
            try:
                _knock(address)
                ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
            except (OSError, RuntimeError, ValueError) as error:
                raise SpeechmillError(
                    f"there is no Ray cluster at {address}: {error}. Start one (ray start --head), or leave --ray-address and "
                    "RAY_ADDRESS out to run on this machine."
                ) from error
        else:
            logger.info("starting Ray on this machine")
            cpus = sum(len(core) for core in available_cores())
            with _environment(_IDLE_AGENTS):
                ray.init(
                    address="local", num_cpus=cpus, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False
                )
    # Of a dead node Ray prints the last 20 lines of a log, and on stdout; the pool says it in one line.
    ray._private.worker._worker_logs_enabled = False
    logger.info("Ray's own logs and its workers': %s on every node", ray._private.worker._global_node.get_logs_dir_path())
    _started_here = not address
    try:
        yield _started_here
    finally:
        _started_here = False
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise ``OSError`` if nobody listens at ``host:port``: Ray would try for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in address:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_TIMEOUT_S).close()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile, where the user has not."""
    added = variables.keys() - os.environ.keys()
    os.environ.update({name: variables[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextlib.contextmanager
def _keep_sigterm_handler() -> Iterator[None]:
    """Put back the handler that ``ray.init`` replaces: it dumps a stack and exits with 15."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
