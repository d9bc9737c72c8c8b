"""Stores to test against: a folder, and S3 by its real protocol through a moto server on loopback."""

import json
import logging
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import pytest
from moto.server import ThreadedMotoServer

from actors.bundle import MANIFEST_NAME, GraphSpec, Manifest, Source, TensorSpec, hash_file

BundleFactory = Callable[..., Path]


class _RequestLog(logging.Handler):
    """Collects the request lines that the S3 server logs, as ``GET /bucket/key``."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        for part in record.getMessage().split('"')[1:2]:
            self.lines.append(part.removeprefix("\x1b[33m").rpartition(" HTTP/")[0])


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[str, _RequestLog]]:
    log = _RequestLog()
    werkzeug = logging.getLogger("werkzeug")
    werkzeug.setLevel(logging.INFO)
    werkzeug.propagate = False
    werkzeug.addHandler(log)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}", log
    server.stop()
    werkzeug.removeHandler(log)


@pytest.fixture
def s3_requests(s3_server: tuple[str, _RequestLog]) -> list[str]:
    """The requests that reach the S3 server from now on."""
    s3_server[1].lines = []
    return s3_server[1].lines


@pytest.fixture
def s3_environment(s3_server: tuple[str, _RequestLog], monkeypatch: pytest.MonkeyPatch) -> str:
    """Points this process and its children to an empty S3 server; returns its endpoint."""
    endpoint, _ = s3_server
    _call(f"{endpoint}/moto-api/reset", "POST")
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return endpoint


@pytest.fixture
def s3_root(s3_environment: str) -> str:
    """The URI of an empty prefix in a bucket of its own."""
    _call(f"{s3_environment}/bucket", "PUT")
    return "s3://bucket/shared root"


class _GoogleBucket(BaseHTTPRequestHandler):
    """The part of Google's JSON API that Arrow's client uses, for one bucket named ``bucket``."""

    protocol_version = "HTTP/1.1"
    objects: ClassVar[dict[str, tuple[bytes, str]]] = {}

    def do_GET(self) -> None:
        path, query = self._target()
        if path == "/storage/v1/b/bucket":
            self._reply({"name": "bucket", "timeCreated": _now(), "updated": _now()})
        elif path == "/storage/v1/b/bucket/o":
            self._reply(self._listing(query["prefix"], query.get("delimiter")))
        elif (name := path.removeprefix("/storage/v1/b/bucket/o/")) not in self.objects:
            self._reply({"error": {"code": 404, "message": "not found"}}, status=404)
        elif query.get("alt") == "media":
            self._reply_media(self.objects[name][0])
        else:
            self._reply(self._resource(name))

    def do_POST(self) -> None:
        _, query = self._target()
        self._reply({}, location=f"http://{self.headers['Host']}/session?{urlencode({'name': query['name']})}")

    def do_PUT(self) -> None:
        name = self._target()[1]["name"]
        content = self.rfile.read(int(self.headers["Content-Length"]))
        start = self.headers["Content-Range"].removeprefix("bytes ").partition("-")[0]
        # Arrow sends chunks as they fill; an object shows once its total size is known.
        pending = (self.sessions.get(name, b"") if start not in ("0", "*/0") else b"") + content
        if self.headers["Content-Range"].endswith("/*"):
            self.sessions[name] = pending
            self._reply({}, status=308, range=f"bytes=0-{len(pending) - 1}")
            return
        self.sessions.pop(name, None)
        self.objects[name] = (pending, _now())
        self._reply(self._resource(name))

    def do_DELETE(self) -> None:
        name = self._target()[0].removeprefix("/storage/v1/b/bucket/o/")
        self._reply({}, status=204 if self.objects.pop(name, None) else 404)

    sessions: ClassVar[dict[str, bytes]] = {}

    def _target(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return unquote(parts.path), dict(parse_qsl(parts.query))

    def _listing(self, prefix: str, delimiter: str | None) -> dict[str, object]:
        names = sorted(name for name in self.objects if name.startswith(prefix))
        if delimiter is None:
            return {"items": [self._resource(name) for name in names]}
        folders = {prefix + name[len(prefix) :].partition(delimiter)[0] + delimiter for name in names if delimiter in name[len(prefix) :]}
        direct = [name for name in names if delimiter not in name[len(prefix) :]]
        return {"items": [self._resource(name) for name in direct], "prefixes": sorted(folders)}

    def _resource(self, name: str) -> dict[str, str]:
        content, written = self.objects[name]
        return {"kind": "storage#object", "bucket": "bucket", "name": name, "size": str(len(content)), "generation": "1", "metageneration": "1", "timeCreated": written, "updated": written}

    def _reply_media(self, content: bytes) -> None:
        start, end = 0, len(content)
        if requested := self.headers.get("Range"):
            first, _, last = requested.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, end) if last else end
        self.send_response(206 if requested else 200)
        self.send_header("Content-Range", f"bytes {start}-{max(end - 1, 0)}/{len(content)}")
        self._finish(content[start:end])

    def _reply(self, body: dict[str, object], status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self._finish(b"" if status in (204, 308) else json.dumps(body).encode())

    def _finish(self, content: bytes) -> None:
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        print(self.command, self.path, self.headers.get("Range"), self.headers.get("Content-Range"), *arguments)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.fixture
def gs_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of an empty prefix in a Google Cloud Storage bucket."""
    _GoogleBucket.objects.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _GoogleBucket)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    yield "gs://anonymous@bucket/shared root"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["folder", "s3", "gs"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The root of an empty store of each kind."""
    if request.param == "folder":
        return str(tmp_path / "shared root")
    return str(request.getfixturevalue(f"{request.param}_root"))


@pytest.fixture
def make_bundle(tmp_path: Path) -> BundleFactory:
    """Makes a valid bundle of a few files below ``tmp_path``; ``payload`` decides its digest."""

    def make(name: str = "tiny", payload: bytes = b"weights", **changes: object) -> Path:
        folder = tmp_path / f"export-{name}-{payload.hex()[:16]}"
        contents = {
            "decoder.onnx": b"graph" + payload,
            "decoder.onnx.data": payload * 100,
            "voices/anna.safetensors": b"voice" + payload,
        }
        for member, content in contents.items():
            (folder / member).parent.mkdir(parents=True, exist_ok=True)
            (folder / member).write_bytes(content)
        tensor = TensorSpec(name="x", dtype="float32", axes=["batch", 4])
        manifest = Manifest(
            format_version=1,
            family="soprano",
            name=name,
            precision="int8",
            layout="server",
            sample_rate=24000,
            voices=["anna"],
            graphs={"decoder": GraphSpec(file="decoder.onnx", precision="int8", inputs=[tensor], outputs=[tensor])},
            settings={"hop": 480},
            files={member: hash_file(folder / member) for member in contents},
            source=Source(repo="someone/some-model", revision="abc", licence="Apache-2.0"),
            checks=[],
            tools={"onnx": "1.18"},
        )
        (folder / MANIFEST_NAME).write_bytes(manifest.model_copy(update=changes).to_json())
        return folder

    return make


def _call(url: str, method: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10).close()  # noqa: S310 - loopback
