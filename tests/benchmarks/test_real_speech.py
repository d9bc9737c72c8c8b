"""What benchmarks hear of real recordings, and what `make real` makes of it."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from actors.errors import InputDataError
from benchmarks.real import FP32, GATE, INT8, PEER, RECORDINGS, failures, table
from benchmarks.real_speech import RATE, REFERENCES, Files, long_files, recordings, short_files

SECONDS = (3.0, 41.0)
TEXTS = ("It's 20 miles.", "Call me Ishmael.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    lines = []
    for i, (seconds, text) in enumerate(zip(SECONDS, TEXTS, strict=True)):
        soundfile.write(tmp_path / f"{i}.flac", 0.1 * random.standard_normal(round(seconds * RATE)), RATE)
        lines.append(json.dumps({"path": f"{i}.flac", "text": text}))
    (tmp_path / REFERENCES).write_text("\n".join(lines) + "\n")
    return tmp_path


def test_recordings_come_with_their_words(folder: Path) -> None:
    real = recordings(folder)
    assert [len(samples) / RATE for samples in real.audio] == list(SECONDS)
    assert real.references == [(1, text) for text in TEXTS]


def test_without_recordings_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match=r"no recordings.*references\.jsonl.*SPEECHMILL_REAL_SPEECH"):
        recordings(tmp_path)


def test_long_files_are_long_recordings_and_all_of_them_joined(folder: Path) -> None:
    made = long_files(recordings(folder), repeats=2)
    assert [text for _, text in made.references] == [TEXTS[1], " ".join([*TEXTS, *TEXTS])]
    assert len(made.audio[0]) == SECONDS[1] * RATE
    assert made.seconds == pytest.approx(SECONDS[1] + 2 * sum(SECONDS) + 4 * 0.7)


def test_short_files_are_all_of_the_recordings(folder: Path) -> None:
    made = short_files(recordings(folder), repeats=2, longest_s=15)
    assert max(map(len, made.audio)) <= 15 * RATE
    assert made.seconds == pytest.approx(2 * sum(SECONDS))
    assert sum(count for count, _ in made.references) == len(made.audio)


def test_pieces_of_a_recording_are_compared_whole_and_normalised() -> None:
    files = Files([np.zeros(1, np.float32)] * 3, [(2, "It's twenty miles."), (1, "Call me Ishmael.")])
    assert files.errors(["it is", "20 miles", "call me"]).edits == 1
    assert files.errors(["it is", "20 miles", "Call me, Ishmael!"]).edits == 0


def test_an_archive_keeps_the_order(tmp_path: Path) -> None:
    files = Files([np.full(i, i, np.float32) for i in range(1, 13)], [(12, "")])
    with np.load(files.write(tmp_path / "new" / "files.npz")) as archive:
        assert [len(archive[name]) for name in archive.files] == list(range(1, 13))


def rates(fp32: float, int8: float, gate_int8: float, *peers: float) -> dict[str, dict[str, float]]:
    ours = {FP32: {GATE: 0.1, RECORDINGS: fp32}, INT8: {GATE: gate_int8, RECORDINGS: int8}}
    return ours | {f"{PEER}, {i}": {GATE: 0.0, RECORDINGS: peer} for i, peer in enumerate(peers)}


def test_bars_hold_within_their_allowance() -> None:
    assert failures(rates(0.040, 0.0449, 0.104, 0.0375, 0.05)) == []
    assert failures(rates(0.9, 0.9, 0.1)) == []  # nobody to compare with


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (rates(0.040, 0.046, 0.1, 0.04), "Speechmill int8 has 4.6% word errors on recordings"),
        (rates(0.040, 0.040, 0.121, 0.04), "Speechmill int8 has 12.1% word errors on the embedded voice"),
        (rates(0.041, 0.041, 0.1, 0.05, 0.037), "faster-whisper float32, 1 3.7%: more than 0.3 points apart"),
    ],
    ids=["int8", "int8 on the gate", "the better peer"],
)
def test_a_bar_that_fails_is_named(measured: dict[str, dict[str, float]], said: str) -> None:
    (failed,) = failures(measured)
    assert said in failed


def test_the_table_has_all_that_was_heard() -> None:
    made = table(rates(0.04, 0.041, 0.1, 0.039) | {"nobody": {}})
    assert "| Speechmill int8 | 10.0% | 4.1% |" in made
    assert "| nobody |  |  |" in made
