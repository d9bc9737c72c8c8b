"""Rows in, rows out: every kind of audio column, and what is no audio."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.audio import encode
from actors.bundle import load_bundle
from actors.errors import RequestError
from actors.transcriber import Transcriber, TranscriptionConfig
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


def run(transcriber: Transcriber, *audio: Any, **more: Any) -> list[dict[str, Any]]:
    return transcriber([(f"row {i}", {"audio": value, **more}, None) for i, value in enumerate(audio)])


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


def test_a_list_of_hotwords_is_a_context_and_anything_else_a_reason(transcriber: Transcriber) -> None:
    assert run(transcriber, sound(), context=["Aiden", "Saeed"])[0]["status"] == "ok"
    assert "neither text nor a list" in run(transcriber, sound(), context=3)[0]["error"]


def test_an_unreadable_row_keeps_its_reason(transcriber: Transcriber) -> None:
    (row,) = transcriber([("a", {}, "line 3 is not JSON")])
    assert (row["status"], row["error"]) == ("rejected", "line 3 is not JSON")


def test_the_configuration_travels() -> None:
    assert pickle.loads(pickle.dumps(CONFIG)) == CONFIG  # noqa: S301 - our own
