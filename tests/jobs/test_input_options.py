"""The options of both jobs that say how text files are written, and what jobs say about the files they do not read."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from actors.errors import InputDataError
from cluster.dataset import TextOptions
from jobs.transcribe_dataset import InputKind, _scan
from tests.jobs.conftest import RunJob

OPTIONS = ["--delimiter", "|", "--no-quoting", "--no-header", "--columns", "id,text,note"]


def test_a_job_over_a_table_that_is_written_otherwise(synthesize: RunJob, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/metadata.csv").write_bytes('LJ1|"Hello.|a\nLJ2|Good day.|caf\xe9\n'.encode("latin-1"))
    (tmp_path / "in/README.md").touch()
    job = ["--input", tmp_path / "in", "--output", tmp_path / "out"]

    ended = synthesize(*job)
    assert ended.code != 0
    assert "looks separated by '|': say so with --delimiter" in ended.err

    ended = synthesize(*job, *OPTIONS, "--encoding", "latin-1")
    assert ended.code == 0, ended.err
    assert "not read at the input: 1 .md" in ended.err
    rows = pq.read_table(next((tmp_path / "out").glob("part-*.parquet"))).to_pylist()
    assert [(row["id"], row["text"], row["note"], row["status"]) for row in rows] == [
        ("LJ1", '"Hello.', "a", "ok"),
        ("LJ2", "Good day.", "café", "ok"),
    ]

    ended = synthesize(*job, *OPTIONS, "--encoding", "cp1252")  # another way of reading is another job
    assert ended.code == 2
    assert "text_files" in ended.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--encoding", "utf-99"], "--encoding 'utf-99' is not known"),
        (["--delimiter", "||"], "--delimiter '||' is not one character"),
        (["--no-header"], "give them with --columns"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(
    synthesize: RunJob, tmp_path: Path, options: list[str], reason: str
) -> None:
    ended = synthesize("--input", tmp_path, "--output", tmp_path / "out", *options)
    assert (ended.code, reason in ended.err) == (2, True), ended.err


def test_recordings_go_before_tables_and_manifests_are_known(tmp_path: Path) -> None:
    def find(kind: InputKind = InputKind.AUTO) -> list[str]:
        options = TextOptions.parse(manifest_column="audio")
        return _scan([str(tmp_path)], kind, "audio", "id", str(tmp_path / "out"), options).schema.names

    (tmp_path / "manifest.json").write_text('{"audio_filepath": "a.wav", "duration": 1.0, "text": "a"}\n')
    assert find() == ["audio", "audio_filepath", "duration", "text"]
    (tmp_path / "_a.amr").touch()
    assert find() == ["path"]
    assert find(InputKind.TABLE) == ["audio", "audio_filepath", "duration", "text"]
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputDataError, match=r"Skipped there: 1 hidden"):
        find(InputKind.TABLE)
