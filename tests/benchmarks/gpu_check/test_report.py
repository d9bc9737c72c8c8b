"""What the tables say, and whether the check holds."""

from typing import Any

import pytest

from benchmarks.gpu_check.report import holds, write

FACTS = {"name": "GPU A", "driver": "1.2"}
SAME = {"family": "soprano", "precision": "fp16", "rows": 3, "mixed": 0.002, "alone": 0.001, "agreed": 1.0, "same_bytes": False}
NODES = {"CUDAExecutionProvider": {"MatMul": 9, "MemcpyToHost": 2}, "CPUExecutionProvider": {"GroupQueryAttention": 3}}
RESULTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "parity": ([{**SAME, "holds": True}], ""),
    "soprano fp16": (
        [
            {
                "slots": 4,
                "audio_s": 30.0,
                "wall_s": 2.0,
                "prefill": 0.1,
                "step": 0.8,
                "finish": 0.1,
                "memory": 3 * 2**20,
                "grown": 0,
            }
        ],
        "left out: its 45 s were over",
    ),
    "graphs of soprano": (
        [
            {
                "graph": "lm",
                "precision": "fp16",
                "rows": 64,
                "nodes": NODES,
                "crossing": 2048,
                "milliseconds": 1.5,
                "gains": {"on the device": 1.25, "CUDA graph": "has copies"},
            },
            {"graph": "decoder", "precision": "fp16", "rows": 1, "failed": "no kernel"},
        ],
        "",
    ),
}


def test_the_tables_have_all_that_was_found() -> None:
    text = write(FACTS, RESULTS, dry=False)
    for row in (
        "# The check on GPU A",
        "Every family computes what it should.",
        "| soprano | fp16 | 3 | 2.0e-03 | 1.0e-03 | 100% | no | holds |",
        "| soprano fp16 | 4 | 15.0 | 10% | 80% | 10% | 3 | 0 |",
        "| soprano fp16, lm | 64 | 12 | 3 GroupQueryAttention | 2 | 2 | 1.50 | x 1.25 | no |",
        "- soprano fp16, lm, CUDA graph: has copies",
        "- soprano fp16, decoder did not run: no kernel",
        "- soprano fp16: left out: its 45 s were over",
    ):
        assert f"\n{row}\n" in f"\n{text}"


def test_a_dry_run_says_that_it_is_about_no_gpu() -> None:
    assert "Nothing here is about a GPU" in write(FACTS, RESULTS, dry=True)


@pytest.mark.parametrize(
    ("parity", "held"),
    [
        (([{**SAME, "holds": True}], ""), True),
        (([{**SAME, "holds": True}, {**SAME, "holds": False}], ""), False),
        (([{**SAME, "holds": True}], "left out: its 60 s were over"), False),
        (([], ""), False),
    ],
)
def test_it_holds_if_every_comparison_was_made_and_held(parity: tuple[list[dict[str, Any]], str], held: bool) -> None:
    assert holds({**RESULTS, "parity": parity}) is held


def test_nothing_compared_does_not_hold() -> None:
    assert not holds({"soprano fp16": RESULTS["soprano fp16"]})


def test_what_does_not_run_is_in_the_table() -> None:
    failed = {"family": "whisper", "precision": "fp32", "rows": 3, "failed": "no | kernel", "holds": False}
    text = write(FACTS, {"parity": ([failed], "")}, dry=False)
    assert "**Not every family computes what it should.**" in text
    assert "| whisper | fp32 | 3 |  |  |  |  | **does not run**: no \\| kernel |" in text
