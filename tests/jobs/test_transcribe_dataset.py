"""The whole job with the embedded ear: folders and tables, bad files, resuming, subtitles."""

import io
import json
import re
import resource
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.audio.codec import encode
from actors.errors import StorageError
from actors.subtitles import CueLimits
from actors.transcriber import TRANSCRIPTION_COLUMNS
from cluster.dataset import read_rows, scan
from cluster.output import compact, open_run, part_schema, read_run
from cluster.storage import open_store
from jobs import transcribe_dataset
from jobs.transcribe_dataset import write_files

Run = Callable[..., tuple[int, str]]


def sound(seconds: float, kind: str = "wav") -> bytes:
    samples = (0.1 * np.random.default_rng(0).standard_normal(int(seconds * 16_000))).astype(np.float32)
    return encode(samples, 16_000, kind)  # type: ignore[arg-type]


def eight_channels() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(8)
        out.setsampwidth(2)
        out.setframerate(192_000)
        out.writeframes((np.random.default_rng(0).standard_normal((96_000, 8)) * 3000).astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory, speech: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "sub").mkdir()
    files = {
        "a.flac": sound(2, "flac"),
        "sub/b.mp3": encode(speech, 16_000, "mp3"),
        "channels.wav": eight_channels(),
        "extension.wav": sound(1, "mp3"),
        "silence.wav": encode(np.zeros(16_000, np.float32), 16_000, "wav"),
        "text.mp3": b"this is not audio",
        "truncated.flac": sound(4, "flac")[:50_000],
        "zero.wav": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def rows_of(output: Path) -> dict[str, dict[str, Any]]:
    rows = [row for part in sorted(output.glob("part-*.parquet")) for row in pq.read_table(part).to_pylist()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def test_a_folder_with_bad_files(transcribe: Run, recordings: Path, tmp_path: Path, said: str) -> None:
    code, printed = transcribe("--input", recordings, "--output", tmp_path / "out", "--files", "srt", "--files", "json")
    assert code == 0, printed
    assert "8 (6 ok, 2 rejected, 0 failed)" in printed
    assert "the default model understands the embedded voice and espeak-ng, not people" in printed
    rows = rows_of(tmp_path / "out")
    assert {id_ for id_, row in rows.items() if row["status"] == "ok"} == {
        "a.flac", "sub/b.mp3", "channels.wav", "extension.wav", "silence.wav", "truncated.flac",
    }  # fmt: skip
    for id_, reason in {"text.mp3": "not audio", "zero.wav": "0 bytes"}.items():
        assert reason in rows[id_]["error"]
    assert rows["silence.wav"]["finish_reason"] == "silence"
    assert rows["truncated.flac"]["finish_reason"] == "damaged"
    assert "it is truncated: its audio breaks off at " in rows["truncated.flac"]["error"]
    assert list(rows["a.flac"]) == list(TRANSCRIPTION_COLUMNS)
    assert rows["a.flac"]["path"] == str(recordings / "a.flac")
    assert rows["sub/b.mp3"]["text"] == said
    files = tmp_path / "out" / "__transcripts"
    subtitles = (files / "srt" / "sub" / "b.mp3.srt").read_text()
    assert re.fullmatch(r"1\n00:00:00,\d00 --> 00:00:0\d,\d00\nSpeaker 0: (.{10,31})\n(.{20,42})\n+", subtitles), subtitles
    assert " ".join(subtitles.split("\n")[2:4]) == f"Speaker 0: {said}"
    arguments = ("--files", "vtt", "--max-line-chars", 0, "--max-chars-per-second", 0)
    assert transcribe("--input", recordings, "--output", tmp_path / "out", *arguments)[0] == 0  # the finished job
    assert f"<v Speaker 0>{said}\n" in (files / "vtt" / "sub" / "b.mp3.vtt").read_text()
    assert (files / "srt" / "silence.wav.srt").read_text() == ""
    assert json.loads((files / "json" / "a.flac.json").read_bytes())["duration_s"] == 2.0
    assert len(list((files / "srt").rglob("*.srt"))) == 6


def test_a_table_with_other_columns(transcribe: Run, recordings: Path, tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["x", "y", "z"],
            "audio": [{"bytes": sound(1), "path": None}, {"bytes": None, "path": "a.flac"}, None],
            "text": ["what was said", "", None],
            "context": ["Aiden", None, None],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    code, printed = transcribe("--input", tmp_path / "in.parquet", "--output", tmp_path / "out", "--audio-root", recordings)
    assert code == 0, printed
    rows = rows_of(tmp_path / "out")
    assert [(rows[id_]["status"], rows[id_]["duration_s"]) for id_ in "xyz"] == [("ok", 1.0), ("ok", 2.0), ("rejected", None)]
    assert rows["x"]["input_text"] == "what was said"
    assert "audio" not in rows["x"]


def test_what_a_row_names_is_its_own_business(transcribe: Run, recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    names = {
        "allowed": str(recordings / "silence.wav"),
        "long": f"{'x' * 400}.wav",
        "base64": "UklGRiQAAABXQVZF" * 40,
        "elsewhere": "/etc/hostname",
        "endpoint": "s3://b/x.wav?endpoint_override=http://127.0.0.1:9",
        "device": "/dev/zero",
    }
    rows = [json.dumps({"id": id_, "audio": name}) for id_, name in names.items()]
    (tmp_path / "in" / "in.jsonl").write_text("\n".join(rows))
    arguments = ("--input", tmp_path / "in" / "in.jsonl", "--audio-root", tmp_path / "in", "--output", tmp_path / "out")
    code, printed = transcribe(*arguments, "--allow-store", recordings)
    assert code == 0, printed
    found = rows_of(tmp_path / "out")
    assert found["allowed"]["status"] == "ok"
    assert all(row["status"] == "rejected" for id_, row in found.items() if id_ != "allowed")
    assert "more than a file's name may have" in found["long"]["error"]
    assert "base64" in found["base64"]["error"]
    assert found["elsewhere"]["error"].endswith("add --allow-store /etc")
    assert found["endpoint"]["error"].endswith("add --allow-store s3://b")
    code, printed = transcribe(*arguments)
    assert code == 2
    assert "allow_stores" in printed


def test_any_id_has_a_file_of_its_own_in_the_folder(transcribe: Run, recordings: Path, tmp_path: Path) -> None:
    ids = [
        "a",
        "A",
        "a.srt/b",
        "a.srt",
        "sub/a",
        "sub",
        "語" * 150,
        "é" * 200,
        "..",
        "../../a",
        "/a",
        "a\\b",
        "a\nb",
        "con",
        "-a",
    ]
    lines = [json.dumps({"id": id_, "audio": "silence.wav"}) + "\n" for id_ in ids]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    arguments = ("--input", tmp_path / "in.jsonl", "--output", tmp_path / "out", "--audio-root", recordings)
    code, printed = transcribe(*arguments, "--files", "srt", "--files", "vtt")
    assert code == 0, printed
    for name in ("srt", "vtt"):
        files = {
            path.relative_to(tmp_path / "out" / "__transcripts" / name).as_posix()
            for path in (tmp_path / "out" / "__transcripts" / name).rglob(f"*.{name}")
        }
        assert len(files) == len(ids)
        assert {f"a.{name}", f"a.srt.{name}", f"sub/a.{name}", f"sub.{name}"} <= files
    assert not list(tmp_path.rglob("*.tmp"))
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out"}


def test_resuming_does_what_is_missing_and_refuses_other_options(transcribe: Run, recordings: Path, tmp_path: Path) -> None:
    arguments = ("--input", recordings, "--output", tmp_path / "out", "--rows-per-unit", 2, "--id-column", "name")
    code, printed = transcribe(*arguments, "--fail-on", "silence", "--fail-on", "length")
    assert (code, "4 of 8 rows: silence" in printed, "rows: length" in printed) == (1, True, False)
    record = read_run(open_store(tmp_path / "out"))
    assert record is not None
    # One more name, or one less, and no output of before can be resumed.
    assert " ".join(sorted(record.arguments)) == (
        "allow_stores audio_column audio_root audio_track columns context damaged device id_column limit max_audio_s model "
        "options text_files"
    )
    assert record.arguments["id_column"] == "name"  # as it was asked for, though files have ids of their own
    parts = sorted((tmp_path / "out").glob("part-*.parquet"))
    before = {part.name: part.read_bytes() for part in parts}
    parts[1].unlink()
    (tmp_path / "out" / ".speechmill" / "index.json").unlink()
    code, printed = transcribe(*arguments)
    assert code == 0
    assert "6 of 8 rows are there already" in printed
    assert {part.name: part.read_bytes() for part in (tmp_path / "out").glob("part-*.parquet")} == before
    code, printed = transcribe(*arguments, "--max-chunk", 5)
    assert code == 2
    assert "options.max_chunk_s: (absent) -> 5.0" in printed
    code, printed = transcribe(*arguments, "--damaged", "reject")
    assert code == 2
    assert 'damaged: "accept" -> "reject"' in printed
    code, printed = transcribe(*arguments, "--audio-track", 2)
    assert code == 2
    assert "audio_track: null -> 2" in printed


def test_wrong_usage(transcribe: Run, recordings: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (("--model", "embedded"), "does not transcribe"),
        (("--max-chunk", 1e6), "hears at once"),
        (("--option", "beams=3"), "beams"),
        (("--input-kind", "table"), "no input file"),
    ):
        code, printed = transcribe("--input", recordings, "--output", tmp_path / "out", *arguments)
        assert code == 2
        assert message in printed
    assert not (tmp_path / "out").exists()


def finished_output(output: Path, ids: list[str]) -> Path:
    """Write a finished job with a transcript for each id."""
    pq.write_table(pa.table({"id": ids, "path": ids}), output.with_suffix(".parquet"))
    dataset = scan(output.with_suffix(".parquet"), "path")
    schema = part_schema(TRANSCRIPTION_COLUMNS, dataset.schema, consumed=["id", "path"])
    with open_run(output, arguments={}, other={}, inputs=dataset.inputs) as job:
        for unit in job.missing_units(dataset.shards, 3):
            batch = read_rows(dataset, unit, ["path"])
            said = [{"start": 0.0, "end": 1.0, "speaker": None, "text": f"said in {row.id}"} for row in batch.rows]
            rows = [
                {"id": row.id, "status": "ok", "text": segment["text"], "segments": [segment]}
                for row, segment in zip(batch.rows, said, strict=True)
            ]
            job.writer(schema).write(batch, rows)
        job.finish(dataset.shards, cpu_s=0.0)
    return output


def test_a_transcript_whose_name_cannot_be_is_told_and_the_others_are_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = finished_output(tmp_path / "out", ["a", "a.txt/b", "a", "\u0928" * 150, "in/../out", "c\\d", "loop/e", "good"])
    monkeypatch.setattr(
        transcribe_dataset, "file_path", lambda row_id, suffix: row_id + suffix
    )  # as if it took every id for a name
    (output / "__transcripts" / "txt").mkdir(parents=True)
    (output / "__transcripts" / "txt" / "loop").symlink_to("loop")
    assert write_files(open_store(output), ["txt"], CueLimits()) == 5
    told = [record.getMessage() for record in caplog.records]
    for row_id, reason in {
        "a": "the file of an earlier row",
        "\u0928" * 150: "File name too long",
        "in/../out": "not allowed",
        "loop/e": "txt/loop",
    }.items():
        assert any(f"row {row_id!r}" in line and reason in line for line in told), (row_id, told)
    assert any("irectory" in line or "exists" in line for line in told)  # of a.txt and a.txt/b that comes first
    assert (output / "__transcripts" / "txt" / "good.txt").read_text() == "said in good\n"
    compact(output, 4)
    told_again = write_files(open_store(output), ["srt"], CueLimits())
    assert told_again == 3  # the second a, the long name, and the one that leaves its store


def test_a_disk_that_is_full_ends_the_writing_of_transcripts(tmp_path: Path) -> None:
    output = finished_output(tmp_path / "out", ["a" * 40, "b"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(StorageError, match="free space"):
            write_files(open_store(output), ["txt"], CueLimits())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
