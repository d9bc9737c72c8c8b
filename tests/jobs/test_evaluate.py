"""Error rates, also where one side has nothing."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("jiwer", reason="error rates need jiwer")

from jobs import evaluate
from jobs.console import run_app
from jobs.evaluate import Errors, measure, normalise_text, spoken_text, word_errors

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


def test_totals_and_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ROWS)
    output = tmp_path / "rows.parquet"
    code, out = run(capsys, "--input", tmp_path / "in.jsonl", "--reference", "said", "--output", output, "--json")
    assert code == 1  # a row has no hypothesis
    totals = json.loads(out)
    assert (totals["rows"], totals["without_hypothesis"]) == (3, 1)
    assert totals["words"] == {"hits": 3, "substitutions": 1, "deletions": 2, "insertions": 1}
    assert totals["wer"] == pytest.approx(4 / 6)
    assert [row["wer"] for row in pq.read_table(output).to_pylist()] == [0.25, 1.0, None]


def test_references_of_another_table_are_joined_by_id(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "heard.jsonl").write_text('{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')
    (tmp_path / "said.csv").write_text("id,said\nb,two\na,one more\n")
    arguments = ("--input", tmp_path / "heard.jsonl", "--references", tmp_path / "said.csv", "--reference", "said")
    code, out = run(capsys, *arguments)
    assert code == 0
    assert "33.33% of 3" in out


def test_a_missing_column_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ROWS)
    code, out = run(capsys, "--input", tmp_path / "in.jsonl", "--reference", "golden")
    assert code == 2
    assert "no column 'golden'" in out


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Mr. Quilter\u2019s  BOOK \u2014 \uff21", "mr quilter's book a"),
        ("'tis [laughs] rock 'n' roll's", "tis rock n roll's"),
        ("3.5 km_h", "3 5 km h"),
        ("\u4f60\u597d\uff0cworld", "\u4f60\u597d world"),
    ],
)
def test_normalised_text(text: str, normal: str) -> None:
    assert normalise_text(text) == normal


def test_numbers_are_compared_as_they_are_spoken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    row = {
        "id": "a",
        "said": "Mr. Hall paid $3.50 in 1984.",
        "text": "mister hall paid three dollars, fifty cents in nineteen eighty four",
    }
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    arguments = ("--input", tmp_path / "in.jsonl", "--reference", "said", "--json")
    assert json.loads(run(capsys, *arguments)[1])["wer"] > 1
    assert json.loads(run(capsys, *arguments, "--normalise", "spoken")[1])["wer"] == 0


@pytest.mark.parametrize("text", ["[Music] one two", "one\ttwo", "one [Unintelligible Speech]\n two."])
def test_spoken_texts_are_without_events_and_their_words_stay_apart(text: str) -> None:
    assert spoken_text(text) == normalise_text(text) == "one two"


def test_an_empty_side_is_all_missing_or_all_too_much() -> None:
    assert measure("a", "x y", "").words == Errors(deletions=2)
    assert measure("a", "", "x y").words == Errors(insertions=2)
    assert Errors().rate is None


def test_word_errors_of_all_pairs_are_counted_as_they_are_spoken() -> None:
    errors = word_errors([("Two cats.", "two cats"), ("At 3:45!", "at three forty six")])
    assert (errors.hits, errors.substitutions) == (5, 1)
