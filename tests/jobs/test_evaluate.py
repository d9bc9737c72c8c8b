"""Which rows are compared, and what is said of those that are not."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("jiwer", reason="error rates need jiwer")

from actors.transcriber import TRANSCRIPTION_COLUMNS
from cluster.dataset import plan_units, read_rows, scan
from cluster.output import compact, open_run, part_schema
from jobs import evaluate
from jobs.console import run_app

ROWS = (
    '{"id": "a", "said": "Hello, World! It\\u2019s fine.", "text": "hello word it\'s fine"}\n'
    '{"id": "b", "said": "one two", "text": null}\n'
    '{"id": "c", "said": "", "text": "[Music] extra"}\n'
    '{"id": "d", "said": null, "text": "not asked"}\n'
)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        run_app(evaluate.app, list(map(str, arguments)))
    out, err = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, out + err


def table(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def heard(folder: Path, *rows: object) -> Path:
    return table(folder / "heard.jsonl", *rows)


def compare(capsys: pytest.CaptureFixture[str], folder: Path, said: list[Any], got: list[Any]) -> tuple[int, dict[str, Any]]:
    """Join two tables; return the exit code and the totals."""
    references = table(folder / "said.jsonl", *said)
    arguments = ("--input", heard(folder, *got), "--references", references, "--reference", "said", "--json")
    code, out = run(capsys, *arguments)
    return code, json.loads(out)


def test_totals_and_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ROWS)
    output = tmp_path / "rows.parquet"
    code, out = run(capsys, "--input", tmp_path / "in.jsonl", "--reference", "said", "--output", output, "--json")
    assert code == 1  # a row has no hypothesis
    totals = json.loads(out)
    assert (totals["rows"], totals["without_hypothesis"], totals["empty_references"]) == (3, 1, 1)
    assert totals["ids"] == {"without_hypothesis": ["b"], "without_reference": ["d"]}
    assert totals["words"] == {"hits": 3, "substitutions": 1, "deletions": 2, "insertions": 1}
    assert totals["wer"] == pytest.approx(4 / 6)
    written = pq.read_table(output)
    assert [row["wer"] for row in written.to_pylist()] == [0.25, 1.0, None]
    assert [row["status"] for row in written.to_pylist()] == ["ok", "missing", "ok"]
    assert json.loads(written.schema.metadata[b"speechmill_evaluation"]) == totals


def test_references_of_another_table_are_joined_by_id(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "heard.jsonl").write_text('{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')
    (tmp_path / "said.csv").write_text("id,said\nb,two\na,one more\n")
    arguments = ("--input", tmp_path / "heard.jsonl", "--references", tmp_path / "said.csv", "--reference", "said")
    code, out = run(capsys, *arguments)
    assert code == 0
    assert "33.33% of 3" in out


@pytest.mark.parametrize("references", [False, True])
def test_a_missing_column_is_wrong_usage(references: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ROWS)
    table(tmp_path / "said.txt", "hello")
    asked = ("--references", tmp_path / "said.txt", "--reference", "text") if references else ("--reference", "golden")
    code, out = run(capsys, "--input", tmp_path / "in.jsonl", *asked)
    assert code == 2
    assert f"no column {'id' if references else 'golden'!r}" in out


def test_wrong_words_in_scripts_with_marks_are_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    first = {"id": "1", "text": "\u0915\u0940", "said": "\u0915\u093e"}
    second = {"id": "2", "text": "\u0928\u093e\u092e \u0930\u0939\u093e", "said": "\u0928\u093e\u092e \u0930\u0939\u0940"}
    code, out = run(capsys, "--input", heard(tmp_path, first, second), "--reference", "said")
    assert code == 0
    assert "66.67% of 3 (2 substituted" in out
    assert "40.00% of 5 (2 substituted" in out


def test_ids_that_repeat_or_are_on_one_side_are_counted_and_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = [{"id": id_, "said": text} for id_, text in zip("aabcce", ("one", "uno", "two", "six", "six", "five"), strict=True)]
    got = [{"id": id_, "text": text} for id_, text in zip("abcdd", ("one", "two", "six", "x", "y"), strict=True)]
    got += [{"id": "b", "text": "wrong"}, {"id": "c", "text": "six"}, {"id": "[/extra]", "text": "z"}]
    code, totals = compare(capsys, tmp_path, said, got)
    assert code == 1
    assert totals["ids"] == {
        "without_hypothesis": ["e"],
        "without_reference": ["d", "[/extra]"],
        "repeated_hypotheses": ["b", "c", "d"],
        "repeated_references": ["a", "c"],
        "ambiguous": ["a", "b"],  # none of their texts is scored; those of c are equal
    }
    assert totals["words"] == {"hits": 1, "substitutions": 0, "deletions": 1, "insertions": 0}
    code, out = run(capsys, "--input", tmp_path / "heard.jsonl", "--references", tmp_path / "said.jsonl", "--reference", "said")
    assert "ambiguous            2: 'a', 'b' (not scored: the texts of the id differ)" in out
    assert "'[/extra]'" in out


def test_a_second_try_that_failed_is_no_second_hypothesis(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    got = [{"id": "a", "text": None, "status": "failed"}, {"id": "a", "text": "one", "status": "ok"}]
    code, totals = compare(capsys, tmp_path, [{"id": "a", "said": "one"}], got)
    assert (code, totals["wer"], totals["repeated_hypotheses"], totals["ambiguous"], totals["failed"]) == (0, 0.0, 1, 0, 0)


def test_rows_of_one_table_are_pairs_whatever_their_ids(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [{"id": "a", "said": "one", "text": text} for text in ("one", "two")]
    code, out = run(capsys, "--input", heard(tmp_path, *rows), "--reference", "said", "--json")
    totals = json.loads(out)
    assert (code, totals["rows"], totals["wer"]) == (0, 2, 0.5)
    assert totals["ids"] == {"repeated_hypotheses": ["a"]}


def test_nothing_that_can_be_scored_is_said_with_its_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    references = table(tmp_path / "said.jsonl", {"id": "a", "said": "one"}, {"id": "a", "said": "uno"})
    got = heard(tmp_path, {"id": "a", "text": "one"})
    code, out = run(capsys, "--input", got, "--references", references, "--reference", "said")
    assert code == 2
    assert "no row has a text in column 'said' that can be scored" in out
    assert "ambiguous: 1: 'a'" in out


def test_rows_that_a_job_rejected_are_missing_and_counted_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    statuses = ("ok", "rejected", "failed", "failed")
    got = [{"id": i, "text": "one" if not i else None, "status": status} for i, status in enumerate(statuses)]
    code, totals = compare(capsys, tmp_path, [{"id": i, "said": "one"} for i in range(5)], got)
    assert code == 1
    assert (totals["rows"], totals["without_hypothesis"], totals["rejected"], totals["failed"]) == (5, 4, 1, 2)
    assert totals["wer"] == 0.8


def test_numbers_are_texts_and_other_values_are_not(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = [{"id": "a", "said": 12}, {"id": "b", "said": 2.5}, {"id": "c", "said": "3"}, {"id": "d", "said": ["x"]}, "{broken"]
    got = [{"id": "a", "text": "12"}, {"id": "b", "text": 2.5}, {"id": "c", "text": 3.0}, {"id": "d", "text": "x"}]
    code, totals = compare(capsys, tmp_path, said, got)
    assert (code, totals["rows"], totals["wer"]) == (1, 3, 0.0)
    assert totals["ids"]["unreadable"] == ["d", "said.jsonl:4"]


def test_what_is_no_text_is_no_hypothesis_and_no_reference(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [{"id": "a", "said": "yes", "text": True}, {"id": "b", "said": True, "text": "yes"}]
    code, out = run(capsys, "--input", heard(tmp_path, *rows), "--reference", "said", "--json")
    totals = json.loads(out)
    assert (code, totals["rows"], totals["wer"]) == (1, 1, 1.0)
    assert totals["ids"] == {"without_hypothesis": ["a"], "unreadable": ["a", "b"]}


def test_damaged_rows_are_named_and_the_others_scored(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "heard.parquet"
    rows = pa.table({"id": ["a", "b"], "text": ["one", "two"], "said": ["one", "two"]})
    pq.write_table(rows, path, row_group_size=1, use_dictionary=False, compression="zstd", write_page_checksum=True)
    column = pq.ParquetFile(path).metadata.row_group(1).column(1)
    content = bytearray(path.read_bytes())
    end = column.data_page_offset + column.total_compressed_size
    content[end - 4 : end] = b"\xff" * 4
    path.write_bytes(content)
    code, out = run(capsys, "--input", path, "--reference", "said", "--json")
    totals = json.loads(out)
    assert (code, totals["rows"], totals["wer"], totals["ids"]) == (1, 1, 0.0, {"unreadable": ["b"]})


def test_numbers_are_compared_as_they_are_spoken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("whisper_normalizer", reason="English needs whisper-normalizer")
    row = {
        "id": "a",
        "said": "Mr. Hall paid $3.50 in 1984.",
        "text": "mister hall paid three dollars, fifty cents in nineteen eighty four",
    }
    arguments = ("--input", heard(tmp_path, row), "--reference", "said", "--json")
    assert json.loads(run(capsys, *arguments)[1])["wer"] > 1
    for option in (("--language", "en"), ("--normalise", "spoken")):
        totals = json.loads(run(capsys, *arguments, *option)[1])
        assert (totals["wer"], totals["language"]) == (0, "en")


def test_a_language_is_named_by_its_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("--input", heard(tmp_path, {"id": "a", "said": "I", "text": "\u0131"}), "--reference", "said")
    assert "WER    100.00%" in run(capsys, *arguments)[1]
    assert "WER    0.00%" in run(capsys, *arguments, "--language", "tr")[1]
    assert "hi, which has no rules of its own" in run(capsys, *arguments, "--language", "hi")[1]
    code, out = run(capsys, *arguments, "--language", "Turkish")
    assert code == 2
    assert "no language code" in out


def write_output(folder: Path) -> Path:
    """Write what a transcription of two rows leaves, in two parts, with the subtitles and texts of ``--files``."""
    source = table(folder / "in.jsonl", {"id": "a"}, {"id": "b"})
    dataset = scan(source, "id")
    schema = part_schema(TRANSCRIPTION_COLUMNS, dataset.schema, consumed={"id"})
    with open_run(folder / "out", arguments={}, other={}, inputs=dataset.inputs, mode="resume") as job:
        for unit in plan_units(dataset.shards, 1):
            batch = read_rows(dataset, unit, ["id"])
            rows = [{"id": row.id, "text": f"text {row.id}", "status": "ok"} for row in batch.rows]
            job.add(job.writer(schema).write(batch, rows))
        job.finish(dataset.shards, 0.0)
    (folder / "out" / "txt").mkdir()
    for name in ("a.txt", "b.txt"):
        table(folder / "out" / "txt" / name, "text a")
    table(folder / "out" / "notes.jsonl", {"id": "a", "text": "other"})
    return folder / "out"


@pytest.mark.parametrize("kind", ["parts", "compacted", "link"])
def test_of_a_jobs_output_its_rows_are_read_and_nothing_beside_them(
    kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = write_output(tmp_path)
    if kind == "compacted":
        compact(output, 10)
    if kind == "link":
        (tmp_path / "link").symlink_to(output)
        output = tmp_path / "link"
    references = table(tmp_path / "said.jsonl", {"id": "a", "said": "text a"}, {"id": "b", "said": "text c"})
    code, out = run(capsys, "--input", output, "--references", references, "--reference", "said", "--json")
    totals = json.loads(out)
    assert (code, totals["rows"], totals["wer"], totals["ids"]) == (0, 2, 0.25, {})


def test_another_programs_run_json_makes_no_output_of_ours(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    pq.write_table(pa.table({"id": ["a"], "text": ["one"], "said": ["one"]}), folder / "rows.parquet")
    assert run(capsys, "--input", folder, "--reference", "said")[0] == 0


def test_an_output_that_cannot_be_written_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    references = heard(tmp_path, {"id": "a", "text": "one", "said": "one"})
    for output in (tmp_path, references / "rows.parquet"):
        code, out = run(capsys, "--input", references, "--reference", "said", "--output", output)
        assert (code, len(out.splitlines()), "cannot be written" in out) == (2, 1, True), out
