"""A step of each graph of the embedded voice, on the CPU."""

import json
from typing import Any

import onnxruntime as ort
import pytest

from actors.bundle import GraphSpec, TensorSpec
from benchmarks.gpu_check import graphs
from benchmarks.gpu_check.graphs import ON_HOST, OPTIONS, Bound, Step, look
from cluster.registry import embedded_folder

pytestmark = pytest.mark.usefixtures("few_runs")


@pytest.fixture
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "RUNS", 2)


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    look("cpu", 1, {"int8": str(embedded_folder())}, rows=2, length=32)
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    return {line["graph"]: line for line in lines}


def test_nodes_bytes_and_times_of_each_graph(capsys: pytest.CaptureFixture[str]) -> None:
    lm = found(capsys)["lm"]
    assert lm["nodes"]["CPUExecutionProvider"]["GroupQueryAttention"] > 1
    # ids, lengths, the longest one; logits of 676 and hidden states of 256: caches stay where they are
    assert lm["crossing"] == 2 * 8 + 2 * 4 + 4 + 2 * 4 * (676 + 256)
    assert lm["rows"] == 2
    assert lm["gains"].keys() == {"on the device", *OPTIONS}
    assert all(gain > 0 for gain in lm["gains"].values())


def test_a_replay_of_old_inputs_is_found_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bound, "feed", lambda *_: None)
    assert found(capsys)["decoder"]["failed"] == "other inputs give wrong outputs"


def test_what_an_option_does_to_a_graph_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    opened = graphs._open

    def refuse(*arguments: Any, **named: Any) -> ort.InferenceSession:
        if arguments[3]:
            raise RuntimeError("cannot use the graph capture feature")
        return opened(*arguments, **named)

    monkeypatch.setattr(graphs, "_open", refuse)
    gains = found(capsys)["lm"]["gains"]
    assert gains["CUDA graph"] == "cannot use the graph capture feature"
    assert gains["on the device"] > 0


def test_a_step_of_a_graph_with_a_cache_is_one_token_or_one_frame_and_no_text() -> None:
    def tensor(name: str, *axes: int | str) -> TensorSpec:
        return TensorSpec(name=name, dtype="float32" if axes else "int32", axes=list(axes))

    frames, text, longest = tensor("frames", "batch", "frames", 8), tensor("text", "batch", "tokens", 4), tensor(ON_HOST)

    def shapes(*inputs: TensorSpec) -> list[tuple[int, ...]]:
        spec = GraphSpec(file="a.onnx", precision="fp32", inputs=list(inputs), outputs=[])
        return [array.shape for array in Step.make_up(spec, rows=3, length=32).inputs.values()]

    assert shapes(frames, text, longest) == [(3, 1, 8), (3, 0, 4), ()]
    assert shapes(text, longest) == [(3, 1, 4), ()]
    assert shapes(frames, text) == [(3, 16, 8), (3, 16, 4)]
