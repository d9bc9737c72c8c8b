"""Over the embedded voice's language model. What its numbers are is for the families' tests to say."""

import numpy as np
import pytest

from actors.bundle import Bundle, load_bundle
from actors.errors import BundleError
from actors.runtime.graphs import Graphs
from actors.runtime.session import Device
from actors.runtime.step_graph import StepGraph
from cluster.registry import embedded_folder

ROWS, LENGTH = 4, 16
SIZES = {"logits": 676, "hidden": 256}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(embedded_folder())


def open_lm(bundle: Bundle) -> StepGraph:
    return StepGraph(Graphs(bundle, Device("cpu"), 1), "lm", ROWS, LENGTH, SIZES, input_ids=None)


def feeds(*rows: list[int]) -> dict[str, np.ndarray]:
    return {"input_ids": np.array(rows, np.int64)}


def test_only_the_rows_that_run_change(bundle: Bundle) -> None:
    lm = open_lm(bundle)
    for array in lm.outputs.values():
        array[:] = 7
    lm.run(1, feeds([5], [6]), np.array([1, 1]))
    for name, size in SIZES.items():
        assert lm.outputs[name].shape == (ROWS, size)
        assert [bool((row == 7).all()) for row in lm.outputs[name]] == [True, False, False, True]
    assert [any(part.any() for part in lm.cache.read(row, LENGTH)) for row in range(ROWS)] == [False, True, True, False]


def test_a_row_goes_on_from_its_own_length_among_others(bundle: Bundle) -> None:
    """Also where the same rows ran before, and others in between."""
    ids = [5, 6, 7, 8]
    alone, among = open_lm(bundle), open_lm(bundle)
    alone.run(0, feeds(ids[:2]), np.array([2]))
    among.run(2, feeds(ids[:2]), np.array([2]))
    for length in (3, 4):
        alone.run(0, feeds(ids[length - 1 : length]), np.array([length]))
        among.run(1, feeds([9], ids[length - 1 : length], [9]), np.array([length - 2, length, 1]))
        among.run(0, feeds([9]), np.array([1]))
        for name in SIZES:
            assert among.outputs[name][2].tobytes() == alone.outputs[name][0].tobytes()


def test_outputs_can_be_written_elsewhere(bundle: Bundle) -> None:
    lm = StepGraph(Graphs(bundle, Device("cpu"), 1), "lm", ROWS, LENGTH, {"logits": SIZES["logits"]})
    whole = open_lm(bundle)
    for token in (5, 6):
        hidden = np.empty((1, SIZES["hidden"]), np.float32)
        lm.run(0, feeds([token]), np.array([1]), {"hidden": hidden})
        whole.run(0, feeds([token]), np.array([1]))
        assert hidden.tobytes() == whole.outputs["hidden"][:1].tobytes()


def test_a_graph_without_what_is_needed_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="has 'hidden' of size 256, this model needs one of size 255"):
        StepGraph(Graphs(bundle, Device("cpu"), 1), "lm", ROWS, LENGTH, SIZES | {"hidden": 255})
    with pytest.raises(BundleError, match="has no 'seqlens_k'"):
        StepGraph(Graphs(bundle, Device("cpu"), 1), "decoder", ROWS, LENGTH, {})
