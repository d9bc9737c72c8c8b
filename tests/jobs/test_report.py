"""``speechmill report`` and ``evaluate --report`` write their pages where they are told to, and print the link."""

import json
from pathlib import Path

import pytest

pytest.importorskip("jiwer", reason="error rates need jiwer")

from actors.audio.codec import encode
from actors.transcriber import TRANSCRIPTION_COLUMNS
from jobs import evaluate, report
from jobs.console import run_app
from tests.reports.made import RATE, heard, tone, write_output


def test_a_page_with_the_recordings_of_a_transcription(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "a.flac").write_bytes(encode(tone(2.0), RATE, "flac"))
    (tmp_path / "b.flac").write_bytes(encode(tone(2.0), RATE, "flac"))
    rows = [heard("a", "The mill turns."), heard("b", "Not allowed.", path="../b.flac")]
    output = write_output(tmp_path, rows, TRANSCRIPTION_COLUMNS)
    arguments = [str(output.store), "--to", tmp_path / "page.html", "--title", "Mine", "--recordings", tmp_path / "recordings"]
    with pytest.raises(SystemExit) as caught:
        run_app(report.app, list(map(str, arguments)))
    assert caught.value.code == 0
    assert capsys.readouterr().out.strip() == (tmp_path / "page.html").as_uri()
    page = (tmp_path / "page.html").read_text()
    assert page.count("<audio") == 1  # what lies elsewhere is not read
    assert '<h1 dir="auto">Mine</h1>' in page


def test_what_is_no_output_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_app(report.app, [str(tmp_path)])
    assert caught.value.code == 2
    assert "not the output of a job" in capsys.readouterr().err


def test_an_evaluations_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"id": "<a>", "said": "the mill turns", "text": "a mill turns"}
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    arguments = ["--input", tmp_path / "in.jsonl", "--reference", "said", "--report", tmp_path / "errors.html", "--json"]
    with pytest.raises(SystemExit) as caught:
        run_app(evaluate.app, list(map(str, arguments)))
    said = capsys.readouterr()
    assert caught.value.code == 0
    assert json.loads(said.out)["words"]["substitutions"] == 1
    assert said.err.strip() == f"report  {(tmp_path / 'errors.html').as_uri()}"
    page = (tmp_path / "errors.html").read_text()
    assert "<del>the</del><ins>a</ins>" in page
    assert "&lt;a&gt;" in page
