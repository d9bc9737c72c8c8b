"""Stores to test against: a folder, and S3 by its real protocol through a moto server on loopback."""

import logging
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace

import pytest
from moto.server import ThreadedMotoServer

from actors.bundle import MANIFEST_NAME, GraphSpec, Manifest, Source, TensorSpec, hash_file
from cluster.storage import clouds, patience
from tests.cluster.faulty_proxy import FaultyProxy
from tests.cluster.machine import write_cpu

_COLOUR = re.compile(r"\x1b\[\d+m")

BundleFactory = Callable[..., Path]


class _RequestLog(logging.Handler):
    """Collects the request lines that the S3 server logs, as ``GET /bucket/key``."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        for part in record.getMessage().split('"')[1:2]:
            self.lines.append(_COLOUR.sub("", part).rpartition(" HTTP/")[0])


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


@pytest.fixture
def s3_proxy(s3_root: str, s3_environment: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """A proxy that can misbehave between this process and the bucket of ``s3_root``."""
    assert s3_root
    monkeypatch.setattr(patience, "_contacts", {})
    with FaultyProxy(s3_environment) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


@pytest.fixture(scope="session")
def google_endpoint() -> Iterator[str]:
    """The endpoint of a stand-in for Google Cloud Storage."""
    script = Path(__file__).with_name("google_storage_server.py")
    with subprocess.Popen([sys.executable, script], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


@pytest.fixture
def gs_root(google_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of an empty prefix in a Google Cloud Storage bucket."""
    _call(f"{google_endpoint}/reset", "POST")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", google_endpoint)
    return "gs://anonymous@bucket/shared root"


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
            "decoder.onnx": bytes([0x12, len(payload)]) + payload,  # ModelProto.producer_name
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


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch, s3_proxy: FaultyProxy) -> list[float]:
    """The pauses that a store has made. None takes time, and in the second one the faults of ``s3_proxy`` end."""
    made: list[float] = []

    def sleep(seconds: float) -> None:
        made.append(seconds)
        if len(made) == 2:
            s3_proxy.recover()

    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    monkeypatch.setattr(clouds, "_ATTEMPTS", 1)
    return made


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """Two packages of two cores with two threads each, numbered as Linux does: siblings are far apart."""
    root = tmp_path / "cpu"
    for cpu in range(8):
        core = cpu % 4
        write_cpu(root, cpu, siblings=f"{core},{core + 4}", package=core % 2, node=core % 2)
    return root
