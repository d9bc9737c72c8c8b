"""An HTTP proxy on loopback that misbehaves as asked: in front of a store's server it is a store that has a bad day.

A fault begins at once, and lasts for some seconds or until ``recover``::

    with FaultyProxy("http://127.0.0.1:9000") as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.go_away(30)  # connections are refused
        proxy.refuse(503, seconds=30)  # requests are answered with an error
        proxy.slow_down(2, seconds=30)  # every answer takes its time
        proxy.cut_short(30)  # answers end in the middle
"""

import contextlib
import http.client
import math
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "expect"}
_REASONS = {403: "AccessDenied", 429: "TooManyRequests", 500: "InternalError", 503: "SlowDown"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, proxy: "FaultyProxy") -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.proxy = proxy
        self.connections: set[socket.socket] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self.connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go in two writes
    server: _Server

    def do_GET(self) -> None:
        body = self.read_body()
        proxy = self.server.proxy
        proxy.requests.append(f"{self.command} {self.path}")
        if status := proxy.refusal_of(f"{self.command} {self.path}"):
            reason = _REASONS.get(status, "Unknown")
            self.answer(status, {}, f"<Error><Code>{reason}</Code><Message>{reason}</Message></Error>".encode())
            return
        time.sleep(proxy.delay_s())
        self.answer(*self.forward(body), cut=proxy.cuts() and self.command == "GET")

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.proxy.upstream, timeout=60)
        with contextlib.closing(connection):
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_HEADERS}
            connection.request(self.command, self.path, body, {**headers, "Content-Length": str(len(body))})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    def answer(self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        for name, value in {**headers, "Content-Length": length}.items():
            if name.lower() not in _HOP_HEADERS:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


class _Fault(Generic[T]):
    def __init__(self, value: T, seconds: float) -> None:
        self.value = value
        self._end = time.monotonic() + seconds

    @property
    def lasts(self) -> bool:
        return time.monotonic() < self._end


class FaultyProxy:
    """A proxy in front of ``upstream`` (``http://host:port``); ``requests`` are those that reached it: ``GET /path``."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.requests: list[str] = []
        self._refusal: _Fault[tuple[int, str]] | None = None
        self._delay: _Fault[float] | None = None
        self._cut: _Fault[bool] | None = None
        self._timer: threading.Timer | None = None
        self._server: _Server | None = None
        self._port = 0
        self._listen()

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self._port}"

    def go_away(self, seconds: float | None = None) -> None:
        """Refuse connections and drop those that are there."""
        self._close()
        if seconds is not None:
            self._timer = threading.Timer(seconds, self._listen)
            self._timer.start()

    def refuse(self, status: int, seconds: float = math.inf, *, containing: str = "") -> None:
        """Answer requests with an HTTP error; only those whose ``GET /path`` contains a text."""
        self._refusal = _Fault((status, containing), seconds)

    def slow_down(self, delay_s: float, seconds: float = math.inf) -> None:
        """Wait before every answer."""
        self._delay = _Fault(delay_s, seconds)

    def cut_short(self, seconds: float = math.inf) -> None:
        """Close the connection in the middle of the body of every answer to ``GET``."""
        self._cut = _Fault(True, seconds)

    def recover(self) -> None:
        """End every fault."""
        self._refusal = self._delay = self._cut = None
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        self._listen()

    def refusal_of(self, request: str) -> int:
        """Return the status to answer a request with, 0 for the server's own."""
        status, containing = self._refusal.value if self._refusal and self._refusal.lasts else (0, "")
        return status if containing in request else 0

    def delay_s(self) -> float:
        """Return how long an answer has to wait."""
        return self._delay.value if self._delay and self._delay.lasts else 0.0

    def cuts(self) -> bool:
        """Say whether answers end in their middle."""
        return self._cut is not None and self._cut.lasts

    def close(self) -> None:
        """Stop for good."""
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _listen(self) -> None:
        if self._server is None:
            self._server = _Server(self._port, self)
            self._port = self._server.server_port
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _close(self) -> None:
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()
            for connection in tuple(server.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
