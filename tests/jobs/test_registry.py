import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.bundle import MANIFEST_NAME, CheckResult, GraphSpec, Manifest, Source, TensorSpec, digest_of, hash_file
from cluster import registry as bundles
from jobs import registry
from jobs.console import run_app

CommandLine = Callable[..., tuple[int, str, str]]
SCRIPT = Path(__file__).parents[2] / "jobs" / "registry.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A valid bundle of one graph."""
    path = tmp_path / "export"
    path.mkdir()
    (path / "decoder.onnx").write_bytes(b"\x12\x05graph")
    tensor = TensorSpec(name="x", dtype="float32", axes=["batch"])
    manifest = Manifest(
        format_version=1,
        family="soprano",
        name="tiny",
        precision="int8",
        layout="server",
        sample_rate=24000,
        voices=[],
        graphs={"decoder": GraphSpec(file="decoder.onnx", precision="int8", inputs=[tensor], outputs=[tensor])},
        settings={},
        files={"decoder.onnx": hash_file(path / "decoder.onnx")},
        source=Source(repo="someone/some-model", revision="abc", licence="Apache-2.0"),
        checks=[CheckResult(graph="decoder", case="batch 2", metric="snr_db", value=41.25, floor=30.0)],
        tools={"onnx": "1.18"},
    )
    (path / MANIFEST_NAME).write_bytes(manifest.to_json())
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    root = str(tmp_path / "registry")
    monkeypatch.setenv("SPEECHMILL_REGISTRY", root)
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    """Runs the command line in this process; returns exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            run_app(registry.app, arguments)
        assert isinstance(caught.value.code, int)
        return caught.value.code, *capsys.readouterr()

    handler = signal.getsignal(signal.SIGTERM)
    yield call
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.usefixtures("root")
def test_publish_prints_the_pinned_name_last(run: CommandLine, folder: Path) -> None:
    digest = digest_of((folder / MANIFEST_NAME).read_bytes())
    assert run("publish", str(folder), "--tag", "v1") == (0, f"tiny@{digest}\n", "")
    assert bundles.resolve("tiny@v1").digest == digest


def test_the_registry_option_comes_before_the_environment(run: CommandLine, folder: Path, tmp_path: Path) -> None:
    assert run("publish", str(folder), "--registry", str(tmp_path / "other"))[0] == 0
    assert bundles.resolve("tiny", str(tmp_path / "other")).name == "tiny"


@pytest.mark.usefixtures("root")
def test_embedded_is_published_like_a_folder(run: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.registry.publishing.embedded_folder", lambda _name: folder)
    assert run("publish", "embedded")[0] == 0
    assert bundles.resolve("tiny").name == "tiny"


@pytest.mark.usefixtures("root")
def test_list_prints_whole_references(run: CommandLine, folder: Path) -> None:
    reference = bundles.publish(folder)
    code, out, _ = run("list")
    assert code == 0
    assert out.splitlines()[1].split() == [reference, "latest", "soprano", "int8", "0.0", "MB"]


@pytest.mark.usefixtures("root")
def test_a_bundle_of_a_family_that_this_version_does_not_know_is_published_and_listed(run: CommandLine, folder: Path) -> None:
    document = json.loads((folder / MANIFEST_NAME).read_bytes())
    (folder / MANIFEST_NAME).write_text(json.dumps({**document, "family": "kokoro"}))
    code, out, _ = run("publish", str(folder))
    assert code == 0
    assert run("list")[1].splitlines()[1].split() == [out.strip(), "latest", "kokoro", "int8", "0.0", "MB"]
    assert "kokoro" in run("show", "tiny")[1]


def test_list_marks_a_corrupt_bundle(run: CommandLine, folder: Path, root: str) -> None:
    reference = bundles.publish(folder)
    manifest = Path(root, reference.replace("@sha256:", "/"), MANIFEST_NAME)
    manifest.write_bytes(b"{}")
    code, out, _ = run("list")
    assert code == 0
    assert f"{reference}  latest  (corrupt)" in out


@pytest.mark.usefixtures("root")
def test_show_prints_the_manifest_and_its_checks(run: CommandLine, folder: Path) -> None:
    reference = bundles.publish(folder)
    code, out, _ = run("show", "tiny")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    for line in (f"bundle {reference}", "family soprano", "source someone/some-model abc", "decoder.onnx 0.0 MB"):
        assert line in lines
    assert "decoder batch 2 snr_db 41.25 >= 30" in lines


def test_rm_and_gc_say_what_goes(run: CommandLine, folder: Path, root: str) -> None:
    reference = bundles.publish(folder)
    code, _, err = run("rm", reference)
    assert code == 2
    assert "is tagged latest" in err
    assert run("rm", "tiny@latest") == (0, "", "")
    gc = ("gc", "--older-than-hours", "0")
    assert run(*gc, "--dry-run") == (0, f"{reference}  untagged  0.0 MB\nwould remove 1 bundles, 0.0 MB\n", "")
    assert run(*gc)[1].endswith("removed 1 bundles, 0.0 MB\n")
    assert run(*gc)[1] == "removed 0 bundles, 0.0 MB\n"
    assert not list(Path(root).rglob("*.onnx"))


@pytest.mark.usefixtures("root")
def test_rm_force_removes_bundle_and_tags(run: CommandLine, folder: Path) -> None:
    assert run("rm", bundles.publish(folder), "--force")[0] == 0
    assert run("list")[1].splitlines()[1:] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "tiny"], 2, "has no tiny@latest"),
        (["show", "a b"], 2, "not a model reference"),
        (["list", "--registry", "ftp://host"], 2, "unknown kind of store"),
        (["publish", "."], 1, "not a bundle"),
        (["list", "--registry", "s3://k:secret@bucket/x?endpoint_override=http://127.0.0.1:1"], 1, "cannot list s3://bucket/x"),
    ],
    ids=["not-found", "usage", "scheme", "not-a-bundle", "unreachable"],
)
@pytest.mark.usefixtures("root")
def test_an_error_is_one_line_and_an_exit_code(run: CommandLine, arguments: list[str], code: int, message: str) -> None:
    actual, out, err = run(*arguments)
    assert (actual, out) == (code, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert "secret" not in err


def test_the_script_runs_without_ray() -> None:
    code = f"import runpy, sys; sys.argv = ['x', '--help']; sys.path.insert(0, {str(SCRIPT.parent)!r})\n"
    code += f"try: runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    code += "finally: assert 'ray' not in sys.modules and 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SCRIPT.parents[1], timeout=60)
    assert done.returncode == 0, done.stderr
    assert "publish" in done.stdout
