"""The whole job with a Whisper: its flags, its columns, and what a model without them says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from actors.audio.codec import encode
from actors.bundle import Bundle

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def recordings(tmp_path: Path, whisper_recordings: list[np.ndarray]) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for i, audio in enumerate(whisper_recordings):
        (folder / f"{i}.wav").write_bytes(encode(audio, 16_000, "wav"))
    (folder / "silence.wav").write_bytes(encode(np.zeros(16_000, np.float32), 16_000, "wav"))
    return folder


def rows_of(output: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for part in sorted(output.glob("*.parquet")) for row in pq.read_table(part).to_pylist()}


def test_language_words_and_probabilities_are_columns(
    transcribe: Run, recordings: Path, whisper_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    model = whisper_bundle("fp32").folder
    # The detector hears no speech in what the fixture was made of; random weights are never sure.
    flags = ("--option", "vad=false", "--option", "temperatures=0", "--option", "logprob_threshold=-99")
    code, said = transcribe(
        "--input", recordings, "--output", tmp_path / "out", "--model", model, "--language", "de", "--word-times",
        "--files", "json", *flags,
    )  # fmt: skip
    assert code == 0, said
    rows = rows_of(tmp_path / "out")
    heard = [row for row in rows.values() if row["words"]]
    assert heard
    for row in heard:
        assert (row["status"], row["language"]) == ("ok", "de")
        assert row["avg_logprob"] < 0
        starts = [word["start"] for word in row["words"]]
        assert starts == sorted(starts)
        assert all(0 <= word["start"] <= word["end"] <= row["duration_s"] for word in row["words"])
        assert all(0 < word["probability"] <= 1 for word in row["words"])
        file = json.loads((tmp_path / "out" / "__transcripts" / "json" / f"{row['id']}.json").read_text())
        assert file["words"] == row["words"]
    assert rows["silence.wav"]["finish_reason"] == "silence"
    assert rows["silence.wav"]["avg_logprob"] is None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--language", "xx"], "language 'xx' is none of this model's"),
        (["--option", "temperatures=3"], "temperatures"),
        (["--max-chunk", "60"], "max_chunk_s 60.0 is more than"),
    ],
)
def test_what_the_model_cannot_do_is_said_before_the_job(
    transcribe: Run, recordings: Path, whisper_bundle: Callable[..., Bundle], tmp_path: Path, flags: list[str], said: str
) -> None:
    model = whisper_bundle("fp32").folder
    code, printed = transcribe("--input", recordings, "--output", tmp_path / "out", "--model", model, *flags)
    assert code == 2
    assert said in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", [["--language", "en"], ["--translate"], ["--word-times"]])
def test_a_model_that_knows_no_languages_refuses_them(
    transcribe: Run, recordings: Path, tmp_path: Path, flags: list[str]
) -> None:
    code, said = transcribe("--input", recordings, "--output", tmp_path / "out", *flags)
    assert code == 2
    assert "vibevoice-asr options:" in said
