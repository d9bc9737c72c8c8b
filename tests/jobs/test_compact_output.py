"""The command around :func:`cluster.output.compact`."""

from pathlib import Path

import pytest

from actors.synthesizer import SYNTHESIS_COLUMNS
from cluster.dataset import read_rows, scan
from cluster.output import Output, open_run, part_schema
from jobs import compact_output
from jobs.console import run_app


def make_corpus(folder: Path, finished: bool = True) -> Path:
    """Write a job of five rows, one a part."""
    (folder / "in.csv").write_text("id,text\n" + "".join(f"{id_},text\n" for id_ in "abcde"))
    dataset = scan(folder / "in.csv")
    schema = part_schema(SYNTHESIS_COLUMNS, dataset.schema, consumed=["id", "text"])
    with open_run(folder / "corpus", arguments={}, other={}, inputs=dataset.inputs) as job:
        for unit in job.missing_units(dataset.shards, 1):
            batch = read_rows(dataset, unit, ["text"])
            job.writer(schema).write(batch, [{"id": row.id, "status": "ok"} for row in batch.rows])
        if finished:
            job.finish(dataset.shards, cpu_s=0.0)
    return folder / "corpus"


def run(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        run_app(compact_output.app, list(map(str, arguments)))
    return ended.value.code


def test_the_parts_become_files_with_the_same_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = make_corpus(tmp_path)
    for _ in range(2):
        assert run(corpus, "--rows-per-file", 3) == 0
        assert capsys.readouterr().out == f"2 files in {corpus}\n"
    assert sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.parquet")) == [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
    ]
    assert [row["id"] for row in Output(corpus).rows(["id"])] == list("abcde")


def test_a_job_that_is_not_finished_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = make_corpus(tmp_path, finished=False)
    assert run(corpus) == 2
    assert "holds no finished job: run it to its end before compacting" in capsys.readouterr().err
    assert len(list(corpus.glob("part-*.parquet"))) == 5
