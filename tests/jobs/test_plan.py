"""``--dry-run``."""

import re
from pathlib import Path

import pytest

from cluster.dataset import scan
from jobs import plan
from jobs.plan import Sample
from tests.jobs.conftest import RunJob


def test_a_dry_run_writes_nothing_and_says_what_there_is_to_do(synthesize: RunJob, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    ended = synthesize("--input", corpus, "--output", output, "--dry-run", "--price", 2)
    assert ended.code == 0, ended.err
    assert not output.exists()
    facts = {line.split("  ")[0].strip(): line for line in ended.out.splitlines()}
    assert re.search(r"shards +2$", facts["shards"].rstrip())
    assert re.search(r"rows +120", facts["rows"])
    assert re.search(r"units +8 of at most 16 rows", facts["units"])
    assert "at most 1 on 1 node" in facts["workers"]
    assert re.search(r"\d+ rows in [\d.]+ s on one worker of this machine", facts["sample"])
    assert "hours after start-up" in ended.out
    assert "at 2 a node-hour" in facts["cost"]


def test_without_a_price_there_is_no_cost(synthesize: RunJob, corpus: Path, tmp_path: Path) -> None:
    ended = synthesize("--input", corpus, "--output", tmp_path / "out", "--dry-run")
    assert ended.code == 0, ended.err
    assert "node-hour" not in ended.out


def test_an_input_without_rows_takes_no_time(synthesize: RunJob, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n")
    ended = synthesize("--input", tmp_path / "in.csv", "--output", tmp_path / "out", "--dry-run")
    assert ended.code == 0, ended.err
    assert re.search(r"expected +0 hours", ended.out)


def test_hours_follow_from_the_sample() -> None:
    assert Sample(rows=10, seconds=20.0).hours(rows=1_000_000, workers=100) == pytest.approx(2_000_000 / 100 / 3600)


@pytest.mark.parametrize("count", [1, 5, 12, 14])
def test_the_sample_is_spread_over_the_whole_input(tmp_path: Path, count: int) -> None:
    for name, rows in (("a", 3), ("b", 1), ("c", 10)):
        (tmp_path / f"{name}.txt").write_text("row\n" * rows)
    dataset = scan(tmp_path)
    units = plan._spread(dataset, count)
    starts = [0, 3, 4]
    rows = [starts[unit.shard] + unit.first for unit in units]
    assert rows == [i * 14 // count for i in range(count)]
    assert {unit.count for unit in units} == {1}
