"""Audio taken out of an output that was written by hand."""

from pathlib import Path

import pytest

from actors.errors import InputDataError, StorageError, UsageError
from actors.synthesizer import SYNTHESIS_COLUMNS
from cluster.dataset import read_rows, scan
from cluster.output import compact, open_run, part_schema
from jobs.extract_audio import extract

NAMES = ["a.flac", "../../b.flac", "\u0928" * 83 + ".flac", None, "e.flac"]


def make_corpus(folder: Path, status: str = "ok") -> Path:
    """Write a finished job, two rows a part; the audio of a row is its number."""
    folder.mkdir(exist_ok=True)
    (folder / "in.csv").write_text("id,text\n" + "".join(f"{id_},text\n" for id_ in "abcde"))
    dataset = scan(folder / "in.csv")
    schema = part_schema(SYNTHESIS_COLUMNS, dataset.schema, consumed=["id", "text"])
    with open_run(folder / "corpus", arguments={}, other={}, inputs=dataset.inputs) as job:
        for unit in job.missing_units(dataset.shards, 2):
            batch = read_rows(dataset, unit, ["text"])
            rows = [
                {
                    "id": row.id,
                    "status": "rejected" if i == 1 else status,
                    "audio": {"bytes": str(i).encode(), "path": NAMES[i]},
                }
                for i, row in enumerate(batch.rows, unit.first)
            ]
            job.writer(schema).write(batch, rows)
        job.finish(dataset.shards, cpu_s=0.0)
    return folder / "corpus"


@pytest.mark.parametrize("compacted", [False, True])
def test_the_first_rows_that_are_ok_become_files(tmp_path: Path, compacted: bool) -> None:
    corpus = make_corpus(tmp_path)
    if compacted:
        compact(corpus, 3)
    files = extract(str(corpus), tmp_path / "listen", 3)
    assert [path.read_bytes() for path in files] == [b"0", b"2", b"3"]
    assert sorted(tmp_path.joinpath("listen").iterdir()) == files
    assert files[0].name == "0000-a.flac"
    assert files[1].suffix == ".flac"
    assert len(extract(str(corpus), tmp_path / "listen", 100)) == 4


@pytest.mark.parametrize("below", ["", "listen", "a/b"])
def test_files_do_not_go_where_readers_would_take_them_for_rows(tmp_path: Path, below: str) -> None:
    corpus = make_corpus(tmp_path)
    (tmp_path / "link").symlink_to(corpus)
    with pytest.raises(UsageError, match="lies in the corpus"):
        extract(str(corpus), tmp_path / "link" / below, 3)


def test_what_has_no_audio_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="has no row with audio"):
        extract(str(make_corpus(tmp_path, "failed")), tmp_path / "listen", 3)
    with pytest.raises(UsageError, match="not the output of a job"):
        extract(str(tmp_path), tmp_path / "listen", 3)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path)
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match=r"cannot write .*file"):
            extract(str(corpus), folder, 3)
    (tmp_path / "listen" / "0000-a.flac").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"cannot write .*0000-a.flac"):
        extract(str(corpus), tmp_path / "listen", 3)
