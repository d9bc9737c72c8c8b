"""Contestants: what is measured of them, and who failed."""

import argparse
import sys
from pathlib import Path

import pytest

from benchmarks import contest
from benchmarks.contest import Contestant, publish, speed_of, take_turns


def contestant(name: str, said: str, tmp_path: Path) -> Contestant:
    (tmp_path / f"{name}.py").write_text(said)
    return Contestant(name, sys.executable, name, tmp_path, 1, {})


@pytest.fixture
def rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setattr(contest, "ROOT", tmp_path)  # where modules are run from
    monkeypatch.setattr(contest, "BENCH", tmp_path)
    return argparse.Namespace(rounds=2, threads=2, no_page=False)


def test_speeds_of_processes_side_by_side_add_up() -> None:
    assert speed_of([{"audio_s": 10, "wall_s": 2}, {"audio_s": 9, "wall_s": 3}]) == 8


def test_all_take_turns_and_what_they_said_last_is_kept(tmp_path: Path, rounds: argparse.Namespace) -> None:
    said = """print('noise'); print('{"audio_s": 6, "wall_s": 2, "texts": ["a"]}')"""
    speeds, last = take_turns([contestant("one", said, tmp_path)], rounds)
    assert speeds == {"one": [3.0, 3.0]}
    assert last["one"]["texts"] == ["a"]


def test_a_contestant_that_fails_says_why(tmp_path: Path, rounds: argparse.Namespace) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)^one ended with 1: .*no such weights"):
        take_turns([contestant("one", "raise SystemExit('no such weights')", tmp_path)], rounds)


def test_the_page_gets_a_column_of_speeds_and_those_beside_it(
    tmp_path: Path, rounds: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "performance.md"
    page.write_text("<!-- table -->\n|  | old (avx2), 2 threads |\n| --- | --- |\n| us | 1.0 |\n<!-- /table -->\n")
    monkeypatch.setattr(contest, "SPEEDS", page)
    speeds = {"them": [1.0, 3.0, 2.0], "us": [5.0, 5.0, 9.0]}
    publish("table", speeds, ["them"], rounds, {}, how=", with timestamps", more={"errors": {"us": "1.0%"}})
    titles, _, us, them = [line.split("|")[1:-1] for line in page.read_text().splitlines()[1:-1]]
    assert [cell.strip() for cell in us] == ["us", "1.0", "5.00 (2.50)", "1.0%"]
    assert [cell.strip() for cell in them] == ["them", "", "2.00 (1.00)", ""]
    assert titles[2].rstrip().endswith("2 threads, with timestamps")
