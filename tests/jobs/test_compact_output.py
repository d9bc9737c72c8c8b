"""The command around :func:`cluster.output.compact`."""

from pathlib import Path

import pytest

from cluster.output import Output
from jobs import compact_output
from jobs.console import run_app
from tests.jobs.conftest import SENTENCES, RunJob


def run(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        run_app(compact_output.app, list(map(str, arguments)))
    return ended.value.code


def test_the_parts_become_files_with_the_same_rows_and_the_job_stays_finished(
    synthesize: RunJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("\n".join(SENTENCES))
    corpus = tmp_path / "corpus"
    job = ("--input", tmp_path / "in.txt", "--output", corpus, "--rows-per-unit", 1)
    assert synthesize(*job).code == 0
    rows = list(Output(corpus).rows(["id", "text", "audio"]))
    for _ in range(2):
        assert run(corpus, "--rows-per-file", 3) == 0
        assert capsys.readouterr().out == f"2 files in {corpus}\n"
    files = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
    assert sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.parquet")) == files
    assert list(Output(corpus).rows(["id", "text", "audio"])) == rows
    assert synthesize(*job).code == 0
    assert sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.parquet")) == files


def test_what_holds_no_finished_job_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 2
    assert "holds no finished job: run it to its end before compacting" in capsys.readouterr().err
