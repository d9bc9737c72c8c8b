"""Rows in, rows out: every kind of audio column, and what is no audio."""

import io
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from actors.audio.codec import encode
from actors.bundle import load_bundle
from actors.errors import EngineClosedError, RequestError
from actors.requests import TranscriptionResult
from actors.rows import InputRow
from actors.transcriber import Transcriber, TranscriptionConfig, _fill
from cluster.registry import EMBEDDED_ASR, embedded_folder


def read(location: str) -> Path:
    if not Path(location).is_file():
        raise RequestError(f"there is no file {location}")
    return Path(location)


CONFIG = TranscriptionConfig(read, max_audio_s=20, slots=2)


@pytest.fixture(scope="module")
def transcriber() -> Iterator[Transcriber]:
    worker = CONFIG.open(load_bundle(embedded_folder(EMBEDDED_ASR)), "cpu", 1)
    yield worker
    worker.close()


def sound(seconds: float = 2.0, rate: int = 16_000) -> bytes:
    return encode((0.1 * np.random.default_rng(0).standard_normal(int(seconds * rate))).astype(np.float32), rate, "wav")


def wav(samples: np.ndarray) -> bytes:
    """A file of float32 samples ``[samples]`` or ``[samples, channels]``, which may be beyond 1."""
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="wav", subtype="FLOAT")
    return file.getvalue()


def run(transcriber: Transcriber, *audio: Any, **more: Any) -> list[dict[str, Any]]:
    return transcriber([InputRow(f"row {i}", {"audio": value, **more}) for i, value in enumerate(audio)])


def test_bytes_paths_and_hugging_face_audio_are_the_same(
    transcriber: Transcriber, tmp_path: Path, speech: np.ndarray, said: str
) -> None:
    path = tmp_path / "a.wav"
    file = encode(speech, 16_000, "wav")
    path.write_bytes(file)
    values = [file, str(path), {"bytes": file, "path": "a.wav"}, {"bytes": None, "path": str(path)}]
    rows = run(transcriber, *values)
    assert [row["status"] for row in rows] == ["ok"] * 4
    assert [row["id"] for row in rows] == [f"row {i}" for i in range(4)]
    assert {(row["duration_s"], row["text"], len(row["segments"])) for row in rows} == {(len(speech) / 16_000, said, 1)}
    assert [row["path"] for row in rows] == [None, str(path), "a.wav", str(path)]
    (segment,) = rows[0]["segments"]
    assert (segment["speaker"], segment["text"]) == ("0", said)
    assert rows[0]["coverage"] == segment["end"] / rows[0]["duration_s"] > 0.8


@pytest.mark.parametrize("where", ["logits", "features"])
def test_a_step_that_is_not_finite_fails_its_row_and_no_other(
    transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch, speech: np.ndarray, where: str
) -> None:
    file, longer = encode(speech, 16_000, "wav"), encode(np.tile(speech, 2), 16_000, "wav")
    model = transcriber._engine.model
    choose, encode_audio = model._choose, model._encode
    (expected,) = run(transcriber, file)

    def poisoned_choice(utterances: Any, slots: slice) -> None:
        for slot, row in zip(range(slots.start, slots.stop), utterances, strict=True):
            if row and row.request.id == "row 1" and len(row.tokens) == 4:
                model._logits[slot, 7] = np.nan
        choose(utterances, slots)

    def poisoned_encoding(audio: np.ndarray) -> np.ndarray:
        features: np.ndarray = encode_audio(audio)
        features[4] = np.nan if len(audio) > 5 * model.sample_rate else features[4]
        return features

    with monkeypatch.context() as patch:
        if where == "logits":
            patch.setattr(model, "_choose", poisoned_choice)
        else:
            patch.setattr(model, "_encode", poisoned_encoding)
        first, broken, last = run(transcriber, file, longer, file)
    assert [{**row, "id": "row 0"} for row in (first, last)] == [expected, expected]
    assert (broken["status"], broken["text"], broken["finish_reason"]) == ("failed", None, None)
    assert "NaN or infinite at step 5 of chunk 1" in broken["error"]
    assert run(transcriber, file) == [expected]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "is null"),
        (7, "holds a int"),
        (" ", "is empty"),
        (b"", "holds 0 bytes"),
        (b"not audio", "not audio"),
        ("/nowhere/a.wav", "there is no file /nowhere/a.wav"),
        (sound(21), "longer than 20 s"),
        (sound(0.05), "too short"),
        (encode(np.full(1, 0.5, np.float32), 48_000, "wav"), "too short"),
    ],
)
def test_bad_audio_is_a_row_with_its_reason(transcriber: Transcriber, value: Any, reason: str) -> None:
    good, bad = run(transcriber, sound(), value)
    assert good["status"] == "ok"
    assert bad["status"] == "rejected"
    assert reason in bad["error"]


def test_silence_is_an_empty_transcript(transcriber: Transcriber) -> None:
    (row,) = run(transcriber, encode(np.zeros(9_000, np.float32), 24_000, "wav"))
    assert (row["status"], row["text"], row["segments"], row["finish_reason"]) == ("ok", "", [], "silence")


def test_a_damaged_recording_is_heard_and_says_what_is_missing(transcriber: Transcriber, speech: np.ndarray, said: str) -> None:
    padded = np.concatenate([np.zeros(16_000, np.float32), speech, np.zeros(16_000, np.float32)])
    whole = encode(padded, 16_000, "flac")
    (row,) = run(transcriber, whole[:-8_000])
    assert (row["status"], row["finish_reason"]) == ("ok", "damaged")
    assert said.split()[0] in row["text"]
    assert row["error"].startswith("damaged: it is truncated: its audio breaks off at ")
    assert f"the file declares {len(padded) / 16_000:.2f} s" in row["error"]


def test_damaged_silence_is_damaged(transcriber: Transcriber) -> None:
    (row,) = run(transcriber, encode(np.zeros(80_000, np.float32), 16_000, "wav")[:-80_000])
    assert (row["status"], row["text"], row["finish_reason"]) == ("ok", "", "damaged")
    assert "breaks off at 2.50 s, the file declares 5.00 s" in row["error"]


def test_what_else_is_wrong_with_a_damaged_row_stays_said() -> None:
    output: dict[str, Any] = {"error": "damaged: 1.00 s at 2.00 s could not be decoded"}
    _fill(output, TranscriptionResult("a", "", (), 3.0, 9, "length", 0.5, ()))
    assert output["finish_reason"] == "damaged"
    assert output["error"] == "damaged: 1.00 s at 2.00 s could not be decoded; the answer ended by length"


def test_damaged_recordings_are_rejected_by_option(transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriber, "_config", replace(CONFIG, damaged="reject"))
    (row,) = run(transcriber, sound()[:-9_000])
    assert row["status"] == "rejected"
    assert "is damaged: it is truncated" in row["error"]


def test_a_recording_too_short_for_speech_is_rejected(transcriber: Transcriber) -> None:
    one, short, enough = run(transcriber, sound(1 / 16_000), sound(0.09), sound(0.11))
    assert one["status"] == short["status"] == "rejected" != enough["status"]
    assert "too short" in one["error"]


@pytest.mark.parametrize(
    "samples",
    [np.full(48_000, 0.2), 1e-4 * np.random.default_rng(0).standard_normal(48_000), np.eye(1, 48_000, 9_000)[0]],
    ids=["offset", "hiss", "click"],
)
def test_where_nobody_speaks_the_transcript_is_empty(transcriber: Transcriber, samples: np.ndarray) -> None:
    (row,) = run(transcriber, encode(samples.astype(np.float32), 24_000, "wav"))
    assert (row["status"], row["text"], row["segments"], row["finish_reason"]) == ("ok", "", [], "silence")
    assert (row["duration_s"], row["coverage"]) == (2.0, 0.0)


def test_what_spoils_a_recording_does_not_spoil_what_is_heard(transcriber: Transcriber, speech: np.ndarray, said: str) -> None:
    quiet = 0.05 * speech
    clicked, burst = quiet.copy(), quiet.copy()
    clicked[[9_000, 30_000]] = 1, -1
    burst[20_000:20_200] = np.random.default_rng(0).choice([-1, 1], 200)
    channels = np.stack([speech, -speech], 1)
    spoilt = [clicked, speech + 0.4, 20 * speech, channels, np.stack([speech, np.full_like(speech, 0.5)], 1)]
    rows = run(transcriber, *(wav(samples) for samples in spoilt), wav(burst))
    assert [row["text"] for row in rows[:-1]] == [said] * len(spoilt)
    assert rows[-1]["text"][-20:] == said[-20:]


def test_a_list_of_hotwords_is_a_context_and_anything_else_a_reason(transcriber: Transcriber) -> None:
    assert run(transcriber, sound(), context=["Aiden", "Saeed"])[0]["status"] == "ok"
    assert "neither text nor a list" in run(transcriber, sound(), context=3)[0]["error"]


def test_an_unreadable_row_keeps_its_reason(transcriber: Transcriber) -> None:
    (row,) = transcriber([InputRow("a", {}, "line 3 is not JSON")])
    assert (row["status"], row["error"]) == ("rejected", "line 3 is not JSON")


def test_the_configuration_travels() -> None:
    assert pickle.loads(pickle.dumps(CONFIG)) == CONFIG  # noqa: S301 - our own


def test_an_engine_that_was_closed_fails_no_row() -> None:
    worker = CONFIG.open(load_bundle(embedded_folder(EMBEDDED_ASR)), "cpu", 1)
    worker.close()
    with pytest.raises(EngineClosedError):
        run(worker, sound())
