"""Encodings, compressions and kinds of JSON, and manifests of other tools."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors.errors import InputDataError
from actors.rows import InputRow
from cluster.dataset import Dataset, TextOptions, plan_units, read_rows, remove_decompressed, scan

LINES = [f"Zeile {i}: Straße, café, 中文 🎈" for i in range(600)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies of recoded files are kept."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SPEECHMILL_CACHE", str(folder))
    return folder / "inputs"


def read_all(dataset: Dataset, size: int = 250) -> list[InputRow]:
    return [row for unit in plan_units(dataset.shards, size) for row in read_rows(dataset, unit).rows]


def texts_of(dataset: Dataset, size: int = 250) -> list[Any]:
    return [row.values["text"] for row in read_all(dataset, size)]


# --- encodings ---


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "utf-7"])
@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl", "json"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_encodings_hold_for_every_text_format_and_every_unit(
    tmp_path: Path, encoding: str, kind: str, pack: Callable[[bytes], bytes], cache: Path
) -> None:
    content = {
        "txt": "\n".join(LINES),
        "csv": "id,text\n" + "".join(f'{i},"{line}"\n' for i, line in enumerate(LINES)),
        "jsonl": "".join(json.dumps({"text": line}, ensure_ascii=False) + "\n" for line in LINES),
        "json": json.dumps([{"text": line} for line in LINES], ensure_ascii=False, indent=1),
    }[kind]
    path = tmp_path / (f"a.{kind}" if pack is bytes else f"a.{kind}.gz")
    path.write_bytes(pack(content.encode(encoding)))
    dataset = scan(path, options=TextOptions.parse(encoding=encoding))
    assert texts_of(dataset) == LINES
    assert texts_of(dataset, 97) == LINES
    remove_decompressed(dataset)
    assert not cache.exists() or list(cache.iterdir()) == []


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "big5", "koi8-r", "iso2022_jp", "cp037", "hz"])
def test_each_encoding_reads_its_own_characters(tmp_path: Path, encoding: str) -> None:
    samples = {"shift_jis": "表示|ソ", "big5": "功能,許", "koi8-r": "Привет", "iso2022_jp": "日本語", "hz": "中文"}
    line = samples.get(encoding, "Café, crème")
    (tmp_path / "a.csv").write_bytes(f'text\n"{line}"\n"{line} 2"\n'.encode(encoding))
    assert texts_of(scan(tmp_path, options=TextOptions.parse(encoding=encoding))) == [line, f"{line} 2"]


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [("utf-8", b"caf\xe9"), ("ascii", b"caf\xe9"), ("shift_jis", b"\x81\x20"), ("utf-16-le", b"\x00\xd8a\x00")],
)
@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl"])
def test_bytes_that_are_no_characters_are_their_rows(tmp_path: Path, encoding: str, bad: bytes, kind: str) -> None:
    before, after = ('{"text": "', '"}') if kind == "jsonl" else ("", "")
    texts = ["one".encode(encoding), bad, "three".encode(encoding)]
    lines = [before.encode(encoding) + text + after.encode(encoding) for text in texts]
    header = ["text".encode(encoding)] if kind == "csv" else []
    (tmp_path / f"a.{kind}").write_bytes("\n".encode(encoding).join(header + lines))
    rows = read_all(scan(tmp_path, options=TextOptions.parse(encoding=encoding)))
    assert [row.values["text"] for row in rows] == ["one", None, "three"]
    assert f"not valid {'UTF-8' if encoding == 'utf-8' else encoding}" in str(rows[1].error)


def test_a_bad_row_of_an_unnamed_encoding_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ncaf\xe9\n")
    assert "--encoding" in str(read_all(scan(tmp_path))[1].error)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,text\n1,a\n".encode("utf-16"), "byte-order mark says UTF-16.*--encoding utf-16"),
        ("id,text\n1,a\n".encode("utf-32"), "byte-order mark says UTF-32.*--encoding utf-32"),
        ("id,text\n1,a\n".encode("utf-16-le"), "zero.*--encoding utf-16-le"),
        ("id,text\n1,a\n".encode("utf-16-be"), "zero.*--encoding utf-16-be"),
    ],
)
def test_an_encoding_that_shows_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputDataError, match=reason):
        scan(tmp_path)


def test_the_byte_order_mark_of_utf8_goes_before_the_named_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\ncafé\n".encode("utf-8-sig"))
    (tmp_path / "b.csv").write_bytes("text\ncafé\n".encode("latin-1"))
    assert texts_of(scan(tmp_path, options=TextOptions.parse(encoding="latin-1"))) == ["café", "café"]


def test_one_file_in_two_encodings_has_two_copies(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("one\n".encode("utf-16-le") * 600)
    little, big = (scan(tmp_path, options=TextOptions.parse(encoding=name)) for name in ("utf-16-le", "utf-16-be"))
    assert texts_of(little)[599] == "one"
    assert len(texts_of(big, 1)) == 1  # as characters of the other order, none is a line end
    assert texts_of(little)[599] == "one"


def test_lines_that_end_with_a_carriage_return_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\r".join(b"line %d" % i for i in range(600)))
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "b"}\r{"text": "c"}\r')
    assert texts_of(scan(tmp_path))[599:] == ["line 599", "b", "c"]


# --- compressions ---


def pack_lz4(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".bz2", bz2.compress), (".xz", lzma.compress), (".lz4", pack_lz4)], ids=["bz2", "xz", "lz4"]
)
def test_other_compressions(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"a.txt{suffix}"
    halves = [("\n".join(part) + "\n").encode() for part in (LINES[:300], LINES[300:])]
    path.write_bytes(b"".join(map(pack, halves)))  # of two members, as parallel packers write them
    assert texts_of(scan(path)) == LINES
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputDataError, match="not a readable txt file"):
        scan(path)


def test_xz_may_have_zeros_between_and_takes_only_so_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt.xz"
    path.write_bytes(lzma.compress(b"one\n") + bytes(8) + lzma.compress(b"two\n") + bytes(4))
    assert texts_of(scan(path)) == ["one", "two"]
    monkeypatch.setattr("cluster.dataset.stored._XZ_MEMORY", 1 << 20)  # what packed it takes 8 MiB
    with pytest.raises(InputDataError, match="Memory usage limit exceeded"):
        scan(path)


# --- JSON ---


@pytest.mark.parametrize(
    "content",
    [
        '{"text": "a", "n": 1}\n{"text": "b", "n": 2.50}\n',
        '[{"text": "a", "n": 1}, {"text": "b", "n": 2.50}]',
        '\n [\n {"text": "a", "n": 1},\n {"text": "b",\n "n": 2.50}\n]\n',
        '{\n "text": "a",\n "n": 1\n}\n{\n "text": "b", "n": 2.50}',
        '[{"text": "a", "n": 1}]\n[{"text": "b", "n": 2.50}]\n',
        '\ufeff[{"text": "a", "n": 1},{"text": "b", "n": 2.50}]',
        '[{"text": "a", "n": 1},\r{"text": "b", "n": 2.50}]\r',
    ],
)
def test_json_files_hold_a_row_a_line_or_an_array_or_objects(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_bytes(content.encode())
    dataset = scan(tmp_path)
    assert [row.values for row in read_all(dataset, 1)] == [{"text": "a", "n": 1}, {"text": "b", "n": 2.5}]
    assert read_all(dataset)[1].id == "a.json:1"


def test_one_json_object_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n  "text": "a",\n  "nested": {"x": [1, 2]}\n}\n')
    assert [row.values for row in read_all(scan(tmp_path))] == [{"text": "a", "nested": {"x": [1, 2]}}]


@pytest.mark.parametrize("damaged", ['{"id": "x", "text": bad}', '{"id": "x", "text": "cut', '{"id": "x", "text": "cut",'])
def test_a_damaged_line_of_a_json_file_is_one_row(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "a.json").write_text(f'{damaged}\n{{"id": "y", "text": "b"}}\n[1]\n')
    rows = read_all(scan(tmp_path))
    assert [(row.id, row.values["text"], row.error is None) for row in rows] == [
        ("x", None, False),
        ("y", "b", True),
        ("a.json:2", None, False),
    ]


@pytest.mark.parametrize("content", ['[{"text": "a"}, {"text": "b"}', '[{"text": "a"}, {"te', '[{"text": "a"} x]', "[{]"])
def test_a_damaged_json_array_is_an_error_of_its_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputDataError, match="not valid JSON"):
        scan(tmp_path)


def test_a_long_json_array_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.dataset.recoding.READ_BYTES", 7)
    (tmp_path / "a.json").write_text(json.dumps([{"text": line, "n": 12345} for line in LINES[:100]], indent=3))
    assert texts_of(scan(tmp_path), 30) == LINES[:100]


def test_ids_of_damaged_lines_are_kept(tmp_path: Path) -> None:
    lines = [
        '{"id": "x", "text": "cut',
        '{"id": 7, "n": 1.5, "text": nope}',
        '{"n": {"id": "inner"}, "text": nope}',
        '{"text": "z", "id": null}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert [row.id for row in read_all(scan(tmp_path))] == ["x", "7", "a.jsonl:2", "a.jsonl:3"]


# --- manifests ---


def scan_manifest(path: Path) -> Dataset:
    return scan(path, "audio", options=TextOptions.parse(manifest_column="audio"))


def test_nemo_manifests_name_recordings_beside_them(tmp_path: Path) -> None:
    rows = [
        {"audio_filepath": "clips/a.wav", "duration": 1.0, "text": "a"},
        {"audio_filepath": "/data/b.wav", "duration": 1.0, "text": "b"},
        {"audio_filepath": "s3://bucket/c.wav", "duration": 1.0},
        {"audio_filepath": "clips/a.wav", "duration": 1.5, "offset": 3.25},
        {"audio_filepath": None},
    ]
    (tmp_path / "manifest.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = scan_manifest(tmp_path)
    found = read_all(dataset, 1)
    assert [row.values["audio"] for row in found] == [f"{tmp_path}/clips/a.wav", "/data/b.wav", "s3://bucket/c.wav", None, None]
    assert "a segment of a recording (it starts at 3.25 s and lasts 1.5 s)" in str(found[3].error)
    assert "no audio_filepath" in str(found[4].error)
    assert dataset.schema.field("audio").type == pa.string()
    options = TextOptions.parse(manifest_column="audio", beside_manifest=False)  # --audio-root says where they begin
    assert read_all(scan(tmp_path, "audio", options=options))[0].values["audio"] == "clips/a.wav"


def test_a_nemo_row_that_begins_at_zero_is_a_segment_where_others_are(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"audio_filepath": "a.wav", "offset": 0.0, "duration": 1.0}, {"audio_filepath": "b.wav"}]
    (tmp_path / "manifest.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [row.error for row in read_all(scan_manifest(tmp_path))] == [None, None]
    rows.append({"audio_filepath": "a.wav", "offset": 1.0, "duration": 1.0})
    (tmp_path / "manifest.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [row.error is None for row in read_all(scan_manifest(tmp_path))] == [False, True, False]


SOURCE = {"type": "file", "channels": [0], "source": "a.wav"}
RECORDING = {"id": "r", "sources": [SOURCE], "sampling_rate": 8000, "duration": 4.0}
CUT = {"id": "c", "start": 0, "duration": 4.0, "channel": 0, "recording": RECORDING, "supervisions": [], "type": "MonoCut"}


@pytest.mark.parametrize(
    ("row", "audio", "reason"),
    [
        (RECORDING, "a.wav", None),
        (CUT, "a.wav", None),
        ({**CUT, "start": 1.0, "duration": 3.0}, None, "a segment of a recording"),
        ({**CUT, "duration": 3.0}, None, "a segment of a recording"),
        ({**CUT, "recording": None}, None, "names no single recording"),
        ({"id": "m", "tracks": [{"cut": CUT}], "type": "MixedCut"}, None, "MixedCut names no single recording"),
        ({"id": "s", "recording_id": "r", "start": 0, "duration": 1, "text": "x"}, None, "supervision names no single"),
        ({**RECORDING, "sources": [SOURCE, SOURCE]}, None, "one source"),
        (
            {**RECORDING, "sources": [{**SOURCE, "type": "command", "source": "rm a.wav"}]},
            None,
            "type 'command' cannot be read",
        ),
        (
            {**CUT, "recording": {**RECORDING, "sources": [{**SOURCE, "channels": [0, 1]}]}},
            None,
            "channel 0 of a recording with 2",
        ),
    ],
)
def test_lhotse_manifests(tmp_path: Path, row: dict[str, Any], audio: str | None, reason: str | None) -> None:
    lines = "".join(json.dumps({**part, "id": id_}) + "\n" for part, id_ in ((RECORDING, "first"), (row, "second")))
    path = tmp_path / "recordings.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode()))
    found = read_all(scan_manifest(path))
    assert [found[0].values["audio"], found[1].values["audio"], found[1].id] == ["a.wav", audio, "second"]
    assert (reason is None and found[1].error is None) or str(reason) in str(found[1].error)


def test_other_tables_name_the_column_that_looks_like_audio(tmp_path: Path) -> None:
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.wav", "transcription": "a"}\n')
    with pytest.raises(
        InputDataError, match=r"no column 'audio'.*'file_name' looks like it: say so with --audio-column file_name"
    ):
        scan_manifest(tmp_path)
    with pytest.raises(InputDataError, match="--text-column transcription"):
        scan(tmp_path)
