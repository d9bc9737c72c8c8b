"""fp16 bundles, run on the CPU: whether a GPU computes the same is for a machine that has one."""

from collections.abc import Callable

from actors import SynthesisRequest, open_model
from actors.bundle import Bundle


def test_caches_are_half_and_what_the_loop_reads_is_single(tiny_bundle: Callable[..., Bundle]) -> None:
    lm = tiny_bundle("fp16").manifest.graphs["lm"]
    dtypes = {port.name: port.dtype for port in (*lm.inputs, *lm.outputs)}
    assert dtypes["logits"] == dtypes["hidden"] == "float32"
    assert {dtype for name, dtype in dtypes.items() if name.startswith(("past_", "present_"))} == {"float16"}


def test_what_was_measured_holds_the_floor(tiny_bundle: Callable[..., Bundle]) -> None:
    manifest = tiny_bundle("fp16").manifest
    measured = {check.metric: check.value for check in manifest.checks if check.case == "fp16 against fp32"}
    assert measured["snr_db"] > 50  # 58.6 dB measured; half precision has 11 bits
    assert measured["top1_agreement"] > 0.9
    assert manifest.graphs["decoder"].precision == "fp16"


def test_the_engine_speaks_it(tiny_bundle: Callable[..., Bundle]) -> None:
    options = {"min_new_tokens": 6, "max_new_tokens": 6}
    requests = [SynthesisRequest(id=str(i), text="Half precision is enough.", options=options) for i in range(3)]
    with open_model(tiny_bundle("fp16"), threads=1, slots=2) as engine:
        results = engine.generate(requests)
    assert [len(result.audio) for result in results] == [5 * 2048] * 3
