"""Jobs whose models run with OpenVINO, as users run them."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from actors.bundle import Bundle
from tests.jobs.conftest import SENTENCES, RunJob

openvino = pytest.importorskip("openvino", reason="the second runtime needs the 'openvino' extra")


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
    return [maker["maker"]["openvino"] for maker in record["made_by"]]


def test_a_job_speaks_with_either_runtime(synthesize: RunJob, bundle: Bundle, source: Path, tmp_path: Path) -> None:
    rows = {}
    for backend in ("onnxruntime", "openvino", "auto"):
        ended = synthesize("--model", bundle.folder, "--input", source, "--output", tmp_path / backend, "--backend", backend)
        print(ended.err[-3000:])
        assert ended.code == 0, ended.err
        rows[backend] = rows_of(tmp_path / backend)
        print([(r["status"], r["error"], r["duration_s"], r["finish_reason"]) for r in rows[backend]])
        print((tmp_path/backend/".speechmill"/"run.json").read_text()[-1500:])
    assert 0
