"""Jobs whose models run with OpenVINO, as users run them."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from actors.bundle import Bundle
from jobs.console import EXIT_USAGE
from tests.jobs.conftest import SENTENCES, Ended, RunJob

pytest.importorskip("openvino", reason="the second runtime needs the 'openvino' extra")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    lines = [json.dumps({"id": f"row {i}", "text": text}) + "\n" for i, text in enumerate(SENTENCES[:2])]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    return tmp_path / "in.jsonl"


@pytest.fixture
def bundle(tiny_bundle: Callable[..., Bundle]) -> Bundle:
    return tiny_bundle("fp32", openvino=True)


def rows_of(output: Path) -> list[dict[str, object]]:
    return [row for path in sorted(output.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def made_by(output: Path) -> list[str]:
    """Return what ``run.json`` says of OpenVINO."""
    record = json.loads((output / ".speechmill" / "run.json").read_bytes())
    return [maker["openvino"] for maker in record["made_by"]]


@pytest.fixture
def speak(synthesize: RunJob, bundle: Bundle, source: Path, tmp_path: Path) -> Callable[..., Ended]:
    """Speaks the rows with a backend into the folder of that name, or another."""

    def run(backend: str, *options: object, model: object = None, output: str = "") -> Ended:
        target = tmp_path / (output or backend)
        model = model or bundle.folder
        return synthesize("--model", model, "--input", source, "--output", target, "--backend", backend, *options)

    return run


def test_each_backend_speaks_and_is_named_by_what_it_made(speak: Callable[..., Ended], tmp_path: Path) -> None:
    for backend in ("onnxruntime", "openvino", "auto"):
        ended = speak(backend)
        assert ended.code == 0, ended.err
        said = "\n".join(filter(None, made_by(tmp_path / backend)))
        assert (f"OpenVINO  {said}" in ended.out) == bool(said)
    rows = {backend: rows_of(tmp_path / backend) for backend in ("onnxruntime", "openvino", "auto")}
    for spoken in rows.values():
        assert [row["status"] for row in spoken] == ["ok", "ok"]
    assert made_by(tmp_path / "onnxruntime") == [""]
    assert made_by(tmp_path / "openvino") == [f"{version('openvino')} (all graphs)"]
    (chosen,) = made_by(tmp_path / "auto")
    assert chosen in ("", *(f"{version('openvino')} ({graphs})" for graphs in ("lm", "decoder", "lm+decoder")))


def test_a_job_goes_on_with_its_backend_and_gives_the_same_bytes(speak: Callable[..., Ended], tmp_path: Path) -> None:
    assert speak("openvino", "--rows-per-unit", 1).code == 0
    _, second = sorted((tmp_path / "openvino").glob("part-*.parquet"))
    before = rows_of(tmp_path / "openvino")
    second.unlink()
    assert speak("openvino", "--rows-per-unit", 1).code == 0
    assert rows_of(tmp_path / "openvino") == before
    for backend in ("onnxruntime", "auto"):
        refused = speak(backend, "--rows-per-unit", 1, output="openvino")
        assert refused.code == EXIT_USAGE
        assert "belongs to a job with other arguments: device" in refused.err


def test_kept_rows_are_those_of_one_backend(speak: Callable[..., Ended], tmp_path: Path) -> None:
    cached = ("--cache", tmp_path / "rows")
    found = []
    for backend, output in (("openvino", "first"), ("onnxruntime", "second"), ("openvino", "third")):
        assert speak(backend, *cached, output=output).code == 0
        found.append(json.loads((tmp_path / output / ".speechmill" / "run.json").read_bytes())["cached_rows"])
    assert found == [0, 0, 2]
    assert rows_of(tmp_path / "first") == rows_of(tmp_path / "third")


def test_a_model_that_is_not_exported_for_openvino_is_a_usage_error(speak: Callable[..., Ended], tmp_path: Path) -> None:
    ended = speak("openvino", model="embedded")
    assert ended.code == EXIT_USAGE
    assert "has no graph for OpenVINO: export it again with --openvino, or use --backend onnxruntime" in ended.err
    assert not (tmp_path / "openvino").exists()


def test_openvino_and_a_gpu_are_a_usage_error(speak: Callable[..., Ended], tmp_path: Path) -> None:
    ended = speak("openvino", "--gpus-per-worker", 1)
    assert ended.code == EXIT_USAGE
    assert "--backend openvino runs on the CPU: leave --gpus-per-worker out" in ended.err
    assert not (tmp_path / "openvino").exists()


def test_a_trial_run_is_made_with_the_backend(speak: Callable[..., Ended]) -> None:
    for backend in ("openvino", "auto"):
        assert speak(backend, "--dry-run").code == 0


@pytest.mark.parametrize("backend", ["openvino", "auto"])
def test_an_ear_stays_with_onnxruntime(speak: Callable[..., Ended], tmp_path: Path, backend: str) -> None:
    ended = speak(backend, "--verify", "embedded-asr", "--takes", 1)
    assert ended.code == 0, ended.err
    assert [row["status"] for row in rows_of(tmp_path / backend)] == ["ok", "ok"]
