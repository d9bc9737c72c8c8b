from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from actors.bundle import GraphSpec, TensorSpec
from actors.runtime.kv_cache import KVCache
from actors.runtime.session import Device, open_session

SLOTS, HEADS, LENGTH, DIM = 4, 2, 5, 3
PAST = [TensorSpec(name=f"past_{part}", dtype="float32", axes=["batch", HEADS, "max_length", DIM]) for part in "kv"]
PRESENT = [spec.model_copy(update={"name": spec.name.replace("past", "present")}) for spec in PAST]
CPU = Device("cpu")


def counting(past: list[TensorSpec], present: list[TensorSpec]) -> GraphSpec:
    """What a manifest says of a graph that has a cache, and another input."""
    increment = TensorSpec(name="increment", dtype="float32", axes=[])
    return GraphSpec(file="counting.onnx", precision="fp32", inputs=[increment, *past], outputs=present)


class CountingGraph:
    """A graph that shows a cache, ``shown = past``, and adds to it in place, ``present = past + increment``."""

    def __init__(self, folder: Path, cache: KVCache) -> None:
        def edge(name: str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", HEADS, "max_length", DIM])

        nodes = [helper.make_node("Add", [f"past_{p}", "increment"], [f"present_{p}"]) for p in "kv"]
        nodes += [helper.make_node("Identity", [f"past_{p}"], [f"shown_{p}"]) for p in "kv"]
        increment = helper.make_tensor_value_info("increment", TensorProto.FLOAT, [])
        inputs = [increment, *(edge(spec.name) for spec in PAST)]
        outputs = [*(edge(spec.name) for spec in PRESENT), *(edge(f"shown_{p}") for p in "kv")]
        graph = helper.make_graph(nodes, "counting", inputs, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        onnx.save(model, folder / "counting.onnx")
        self.session = open_session(folder / "counting.onnx", CPU, threads=1)
        self.cache = cache

    def run(self, first: int, count: int, increment: float) -> list[np.ndarray]:
        """Add to some slots; return both caches as they were before."""
        rows = slice(first, first + count)
        shown = {f"shown_{part}": np.empty((count, HEADS, LENGTH, DIM), np.float32) for part in "kv"}
        binding = self.session.bind(self.cache.past(rows), self.cache.present(rows))
        binding.run({"increment": np.array(increment, np.float32)}, shown)
        return list(shown.values())

    def read(self) -> list[np.ndarray]:
        return self.run(0, SLOTS, 0.0)


@pytest.fixture
def cache() -> KVCache:
    return KVCache(counting(PAST, PRESENT), SLOTS, LENGTH, CPU)


@pytest.fixture
def graph(tmp_path: Path, cache: KVCache) -> CountingGraph:
    return CountingGraph(tmp_path, cache)


def test_starts_with_zeros_of_the_size_of_all_slots(graph: CountingGraph) -> None:
    for array in graph.read():
        assert array.shape == (SLOTS, HEADS, LENGTH, DIM)
        assert not array.any()


def test_present_is_written_over_past_in_the_bound_slots_only(graph: CountingGraph) -> None:
    graph.run(1, 2, 1.0)
    graph.run(2, 1, 10.0)
    for array in graph.read():
        assert [array[slot].min() for slot in range(SLOTS)] == [0, 1, 11, 0]
        assert [array[slot].max() for slot in range(SLOTS)] == [0, 1, 11, 0]


def test_a_bound_range_starts_at_its_first_slot(graph: CountingGraph) -> None:
    graph.run(2, 1, 5.0)
    for array in graph.run(2, 2, 0.0):
        assert array.shape[0] == 2
        assert array[0].min() == 5
        assert not array[1].any()


def test_move_copies_the_positions_in_use(graph: CountingGraph, cache: KVCache) -> None:
    graph.run(3, 1, 7.0)
    graph.run(0, 1, 2.0)
    cache.move(3, 0, 4)
    for array in graph.read():
        assert (array[0, :, :4] == 7).all()
        assert (array[0, :, 4:] == 2).all()
        assert (array[3] == 7).all()
        assert not array[1:3].any()


def test_a_float16_cache_takes_half_the_memory(cache: KVCache) -> None:
    half = [spec.model_copy(update={"dtype": "float16"}) for spec in (*PAST, *PRESENT)]
    small = KVCache(counting(half[:2], half[2:]), SLOTS, LENGTH, CPU)
    assert small.movable
    assert cache.movable
    small.move(1, 0, LENGTH)


def test_a_cache_on_a_gpu_does_not_move() -> None:
    assert not KVCache(counting([], []), SLOTS, LENGTH, Device("cuda")).movable


def test_past_and_present_must_pair() -> None:
    with pytest.raises(ValueError, match="zip"):
        KVCache(counting(PAST, PRESENT[:1]), SLOTS, LENGTH, CPU)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's account of memory")
def test_a_short_utterance_in_a_long_slot_takes_little_memory() -> None:
    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    length, dim, slots = 16384, 64, 8
    axes: list[int | str] = ["batch", HEADS, "max_length", dim]
    past, present = (
        [TensorSpec(name=f"{when}_{i}", dtype="float32", axes=axes) for i in range(4)] for when in ("past", "present")
    )
    before = resident_bytes()
    cache = KVCache(counting(past, present), slots, length, CPU)
    prefix = [np.ones((HEADS, 100, dim), np.float32)] * len(past)
    for slot in range(slots):
        cache.fill(slot, prefix)
    assert resident_bytes() - before < 10e6  # 1.6 MB are written; with huge pages it is 128 MB and more
    np.testing.assert_array_equal(cache.read(slots - 1, 100)[3], prefix[3])
