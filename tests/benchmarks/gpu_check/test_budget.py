"""Parts run in processes of their own, in the time that there is."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.gpu_check import budget
from benchmarks.gpu_check.budget import Budget, Part, run_all


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Part]:
    """Returns a part of the check that does what is said."""
    package = tmp_path / "benchmarks" / "gpu_check"
    package.mkdir(parents=True)
    monkeypatch.setattr(budget, "ROOT", tmp_path)

    def write(name: str, said: str) -> Part:
        (package / f"{name}.py").write_text(said)
        return Part(name, name, {"answer": 42}, {"TOLD": "yes"})

    return write


def test_what_a_part_leaves_over_is_the_next_ones() -> None:
    minutes = Budget(100.0)
    assert minutes.share([1, 1, 2]) == pytest.approx(25, abs=1)
    minutes.started -= 60  # the first took 60 s
    assert minutes.share([1, 3]) == pytest.approx(10, abs=1)
    minutes.started -= 60
    assert minutes.share([1]) == 0


def test_a_part_is_told_its_task_and_tells_in_lines_of_json(part: Callable[[str, str], Part]) -> None:
    said = "import json, os, sys; print('noise'); print(json.dumps(json.loads(sys.argv[1]) | {'told': os.environ['TOLD']}))"
    assert part("well", said).run(30) == ([{"answer": 42, "told": "yes"}], "")


def test_what_was_found_before_the_time_was_over_is_kept(part: Callable[[str, str], Part]) -> None:
    said = """import time; print('{"found": 1}', flush=True); print('{"fou', end='', flush=True); time.sleep(60)"""
    started = time.monotonic()
    assert part("slow", said).run(2) == ([{"found": 1}], "left out: its 2 s were over")
    assert time.monotonic() - started < 30


def test_a_part_that_ends_badly_says_why_and_takes_no_other_with_it(
    part: Callable[[str, str], Part], capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = part("bad", "raise SystemExit('no such memory')"), part("good", """print('{"found": 1}')""")
    results = run_all([bad, good], Budget(60.0))
    assert results == {"bad": ([], "ended with 1: no such memory"), "good": ([{"found": 1}], "")}
    assert "bad: 0 lines" in capsys.readouterr().out
