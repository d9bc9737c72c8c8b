"""Which recordings are rated, and what is said of those that are not."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

pytest.importorskip("jiwer", reason="error rates need jiwer")

from actors.audio.dnsmos import Opinion
from jobs import evaluate, opinions
from jobs.console import run_app


class Loudness:
    """Stands in for the models: the overall score is the usual sample."""

    def __init__(self, threads: int) -> None:
        assert threads >= 1

    def rate(self, audio: np.ndarray, rate: int) -> Opinion:
        assert rate == 16_000
        return Opinion(round(float(np.median(audio)), 2), 2.0, 3.0, 4.0)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinions, "Dnsmos", Loudness)


def wav(level: float, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.full(rate, level), rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def recordings(path: Path, *rows: tuple[str, Any]) -> Path:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    ids, audio = zip(*rows, strict=True)
    pq.write_table(pa.table({"id": pa.array(ids), "audio": pa.array(audio, kind)}), path)
    return path


def texts(folder: Path, *ids: str) -> Path:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": id_, "said": "one two", "text": "one two"}) + "\n" for id_ in ids))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        run_app(evaluate.app, ["--reference", "said", *map(str, arguments)])
    assert isinstance(caught.value.code, int)
    return caught.value.code, *capsys.readouterr()


@pytest.mark.usefixtures("models")
def test_each_row_has_its_opinion_and_the_totals_have_means(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    audio = recordings(
        tmp_path / "audio.parquet",
        ("b", {"bytes": wav(0.25, rate=48_000), "path": None}),
        ("other", {"bytes": b"never looked at", "path": None}),
        ("a", {"bytes": wav(0.75), "path": None}),
    )
    arguments = ("--input", texts(tmp_path, "a", "b"), "--dnsmos", audio, "--output", tmp_path / "rows.parquet")
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert "DNSMOS  0.50 (signal 2.00, background 3.00, p808 4.00; mean of 2 rows, 1 to 5)" in out
    assert "not rated" not in out
    written = pq.read_table(tmp_path / "rows.parquet")
    assert written["dnsmos"].to_pylist() == [0.75, 0.25]
    assert written["dnsmos_p808"].to_pylist() == [4.0, 4.0]
    totals = json.loads(written.schema.metadata[b"speechmill_evaluation"])
    assert totals["dnsmos"] == {
        "overall": 0.5, "signal": 2.0, "background": 3.0, "p808": 4.0, "rated": 2, "unrated": 0, "reasons": {}
    }  # fmt: skip


@pytest.mark.usefixtures("models")
def test_what_cannot_be_rated_is_counted_and_named_with_its_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = {"bytes": wav(0.5), "path": None}
    audio = recordings(
        tmp_path / "audio.parquet",
        ("good", good),
        ("twice", good),
        ("twice", good),
        ("broken", {"bytes": b"no audio", "path": None}),
        ("null", None),
        ("outside", {"bytes": None, "path": "/etc/passwd"}),
    )
    ids = ("good", "twice", "broken", "null", "outside", "missing")
    code, out, _ = run(capsys, "--input", texts(tmp_path, *ids), "--dnsmos", audio, "--json")
    assert code == 1
    totals = json.loads(out)["dnsmos"]
    assert (totals["rated"], totals["unrated"]) == (1, 5)
    reasons = totals["reasons"]
    assert reasons.keys() == {*ids} - {"good"}
    for id_, reason in {
        "twice": "several rows of the table have this id",
        "null": "column 'audio' is null",
        "outside": "--allow-store /etc",
        "missing": "no row of this id",
    }.items():
        assert reason in reasons[id_]
    code, out, _ = run(capsys, "--input", texts(tmp_path, *ids), "--dnsmos", audio)
    assert code == 1
    assert re.search(r"not rated +5: ", out)


@pytest.mark.usefixtures("models")
def test_rows_may_name_files_where_the_job_allows_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_bytes(wav(0.5))
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables" / "in.jsonl"
    row = {"id": "a", "said": "one", "text": "one", "path": str(tmp_path / "sounds" / "a.wav")}
    table.write_text(json.dumps(row) + "\n")
    arguments = ("--input", table, "--dnsmos", table, "--audio-column", "path")
    assert "--allow-store" in run(capsys, *arguments)[2]
    code, out, _ = run(capsys, *arguments, "--allow-store", tmp_path / "sounds", "--json")
    assert (code, json.loads(out)["dnsmos"]["overall"]) == (0, 0.5)


@pytest.mark.usefixtures("models")
def test_a_table_without_recordings_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = texts(tmp_path, "a")
    code, _, err = run(capsys, "--input", table, "--dnsmos", table)
    assert code == 2
    assert "there is no column 'audio'" in err
    audio = recordings(tmp_path / "audio.parquet", ("a", None))
    code, _, err = run(capsys, "--input", table, "--dnsmos", audio)
    assert code == 2
    assert "can be rated. 'a': column 'audio' is null" in err


def test_without_speechmos_the_job_says_what_to_install(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    audio = recordings(tmp_path / "audio.parquet", ("a", None))
    code, _, err = run(capsys, "--input", texts(tmp_path, "a"), "--dnsmos", audio)
    assert code == 2
    assert "pip install 'speechmill[dnsmos]'" in err
