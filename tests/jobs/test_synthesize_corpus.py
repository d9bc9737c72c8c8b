"""The whole job with the embedded model, as users start it; most of it without Ray."""

import gzip
import json
import re
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors import SynthesisRequest, open_model
from actors.audio.codec import decode, encode
from actors.audio.mastering import loudness
from actors.synthesizer import SYNTHESIS_COLUMNS
from actors.verifying import VERIFIED_COLUMNS
from cluster.output import RUN_NAME
from cluster.registry import EMBEDDED, EMBEDDED_ASR, describe
from jobs.extract_audio import extract

# Lines that cannot be read, and the error.
BROKEN_LINES = {
    '{"id": "not closed", "text": "Hello': "not valid JSON",
    '{"id": "half a character", "text": "\\ud83d."}': "surrogates not allowed",
    '["Hello."]': "the line is a JSON list; expected one JSON object a line",
}

# id -> the row's other columns, its status and its error.
ODD_ROWS: dict[str, tuple[dict[str, Any], str, str]] = {
    "plain": ({"text": "Hello there."}, "ok", ""),
    "two sentences": ({"text": "Hello there. And a second sentence, which makes the text longer than one piece."}, "ok", ""),
    "digits": ({"text": "42"}, "ok", ""),
    "control characters": ({"text": "Hel\x00lo\x07 \x1b[31mthere\x7f."}, "ok", ""),
    "line breaks": ({"text": "\r\nHello\n\nthere.\u2028Again.\r"}, "ok", ""),
    "right to left": ({"text": "\u202eHello\u202c there."}, "ok", ""),
    "another script": ({"text": "Привет."}, "rejected", "6 of 6 letters are of a script that texts in 'en' are not written in"),
    "own seed": ({"text": "Hello there.", "seed": 7}, "ok", ""),
    "own voice": ({"text": "Hello there.", "voice": "default"}, "ok", ""),
    "speed 1": ({"text": "Hello there.", "speed": 1}, "ok", ""),
    "all null": ({"text": "Hello there.", "voice": None, "seed": None, "speed": None}, "ok", ""),
    "null": ({"text": None}, "rejected", "column 'text' is null"),
    "missing": ({}, "rejected", "column 'text' is null"),
    "empty": ({"text": ""}, "rejected", "the text is empty"),
    "whitespace": ({"text": " \t\r\n\u00a0\u3000"}, "rejected", "the text is empty"),
    "emoji": ({"text": "😀 🎉"}, "rejected", "the text has nothing to speak"),
    "punctuation": ({"text": "... -- !?"}, "rejected", "the text has nothing to speak"),
    "only control characters": ({"text": "\x00\x01\x02"}, "rejected", "the text has nothing to speak"),
    "a megabyte": ({"text": "word " * 200_000}, "rejected", "the text has 1000000 characters, the limit is 50000"),
    "a number": ({"text": 3.5}, "rejected", "column 'text' holds a float, not text"),
    "a list": ({"text": ["Hello"]}, "rejected", "column 'text' holds a list, not text"),
    "a truth": ({"text": True}, "rejected", "column 'text' holds a bool, not text"),
    "unknown voice": ({"text": "Hello.", "voice": "nobody"}, "rejected", "unknown voice 'nobody': this model has default"),
    "bad seed": ({"text": "Hello.", "seed": "lucky"}, "rejected", "column 'seed' holds 'lucky'"),
    "huge seed": ({"text": "Hello.", "seed": 2**70}, "rejected", "column 'seed' holds 1180591620717411303424"),
    "speed 2": ({"text": "Hello.", "speed": 2}, "rejected", "speed is 2, but this model has no speed control"),
}


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_rows(output: Path) -> list[dict[str, Any]]:
    """Return the rows of all parts in the order of the input, and check that no id is there twice."""
    rows = [row for path in sorted(output.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert [id_ for id_, count in Counter(row["id"] for row in rows).items() if count > 1] == []
    return rows


def read_by_id(output: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in read_rows(output)}


def read_parts(output: Path) -> dict[str, bytes]:
    """Return the bytes of every part by name."""
    return {path.name: path.read_bytes() for path in output.glob("part-*.parquet")}


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


@pytest.fixture(scope="module")
def odd_output(start_synthesize, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    source = write_jsonl(folder / "in.jsonl", [{"id": id_, **row} for id_, (row, _, _) in ODD_ROWS.items()])
    with source.open("a") as file:
        file.writelines(line + "\n" for line in BROKEN_LINES)
    ended = start_synthesize("--no-ray", "--input", source, "--output", folder / "out", "--rows-per-unit", 7).end()
    assert ended.code == 0, ended.err
    ok, total = sum(status == "ok" for _, status, _ in ODD_ROWS.values()), len(ODD_ROWS) + len(BROKEN_LINES)
    assert f"{total} ({ok} ok, {total - ok} rejected, 0 failed)" in ended.out
    assert "Traceback" not in ended.err
    return folder / "out"


@pytest.mark.parametrize("row_id", ODD_ROWS)
def test_an_odd_row_is_spoken_or_rejected_with_the_reason(odd_output, row_id):
    values, status, error = ODD_ROWS[row_id]
    row = read_by_id(odd_output)[row_id]
    assert row["status"] == status, row["error"]
    if status == "ok":
        samples, rate = decode(row["audio"]["bytes"])
        assert (rate, len(samples)) == (row["sampling_rate"], 1)
        assert samples.shape[1] / rate == row["duration_s"] > 0.1
        assert (row["text"], row["error"], row["voice"]) == (values["text"], None, "default")
        assert row["finish_reason"] in ("eos", "length")
        assert 0 == row["chunks"][0]["start_s"] < row["chunks"][-1]["end_s"] == row["duration_s"]
        assert row["seed"] == (values.get("seed") or 0)
    else:
        assert error in row["error"]
        assert (row["audio"], row["duration_s"], row["finish_reason"]) == (None, None, None)
    assert row["model"] == describe(EMBEDDED)[0].reference


def test_a_line_that_cannot_be_read_is_a_rejected_row(odd_output):
    rows = [row for row in read_rows(odd_output) if row["id"] not in ODD_ROWS]
    # The id where it can be told, else the place.
    assert [row["id"] for row in rows] == ["not closed", "half a character", f"in.jsonl:{len(ODD_ROWS) + 2}"]
    assert {row["status"] for row in rows} == {"rejected"}
    assert all(error in row["error"] for row, error in zip(rows, BROKEN_LINES.values(), strict=True)), rows


@pytest.mark.parametrize(("kind", "tolerance_s"), [("flac", 0), ("wav", 0), ("opus", 0.1), ("mp3", 0.1)])
def test_every_format_decodes_to_the_right_duration(synthesize, corpus, tmp_path, kind, tolerance_s):
    ended = synthesize("--input", corpus, "--output", tmp_path / "out", "--format", kind, "--limit", 2)
    assert ended.code == 0, ended.err
    for row in read_rows(tmp_path / "out"):
        samples, rate = decode(row["audio"]["bytes"])
        assert abs(samples.shape[1] / rate - row["duration_s"]) <= tolerance_s
        assert row["audio"]["path"] == f"{row['id']}.{kind}"


def test_other_columns_pass_through_and_hugging_face_knows_the_types(synthesize, tmp_path):
    table = pa.table(
        {
            "text": ["Hello.", None],
            "n": pa.array([1, 2], pa.int32()),
            "tags": [["a", "b"], []],
            "where": [{"book": "Mill", "page": 3}, None],
            "status": ["draft", "final"],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    assert synthesize("--input", tmp_path / "in.parquet", "--output", tmp_path / "out").code == 0
    (part,) = (tmp_path / "out").glob("part-*.parquet")
    output = pq.read_table(part)
    assert output.schema.names == [*SYNTHESIS_COLUMNS, "n", "tags", "where", "input_status"]
    for name in ("n", "tags", "where"):
        assert output.column(name).equals(table.column(name).cast(output.schema.field(name).type))
    assert output.column("input_status").to_pylist() == ["draft", "final"]
    assert output.column("id").to_pylist() == ["in.parquet:0", "in.parquet:1"]
    features = json.loads(output.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["audio"] == {"sampling_rate": 16000, "_type": "Audio"}
    assert features["n"] == {"dtype": "int32", "_type": "Value"}
    assert set(features) == set(output.schema.names)


def test_the_language_passes_through_and_one_that_is_none_costs_its_row(synthesize, tmp_path):
    (tmp_path / "in.csv").write_text("text,language\nHello.,de\nHello.,\nHello.,E5\n")
    assert synthesize("--input", tmp_path / "in.csv", "--output", tmp_path / "out").code == 0
    rows = read_rows(tmp_path / "out")
    assert [(row["status"], row["language"]) for row in rows] == [("ok", "de"), ("ok", ""), ("rejected", "E5")]
    assert "column 'language': 'E5' is no language code" in rows[2]["error"]


def test_the_models_own_front_end_gives_what_the_engine_does_alone(synthesize, tmp_path):
    text = "Dr. No owes £20, or so he says to everybody.\n\nNobody in the whole town would believe him."
    source = write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "text": text}])
    assert synthesize("--input", source, "--output", tmp_path / "out", "--normalise", "model").code == 0
    (row,) = read_rows(tmp_path / "out")
    with open_model("embedded", threads=1, slots=1) as engine:
        (result,) = engine.generate([SynthesisRequest("a", text=text, options={"pause_s": 0.15})])
    assert row["audio"]["bytes"] == encode(result.audio, result.sample_rate, "flac")
    assert [chunk["text"] for chunk in row["chunks"]] == [chunk.text for chunk in result.chunks]
    assert "ps twenty" in row["chunks"][0]["text"]  # as the original reads it
    assert row["spoken_text"] is None


def test_csv_without_values_in_optional_columns_means_the_defaults(synthesize, tmp_path):
    (tmp_path / "in.csv").write_text("text,voice,seed,speed\nHello.,,,\nHello.,default,7,1.0\nHello.,,x,2\n,,,\n")
    assert synthesize("--input", tmp_path / "in.csv", "--output", tmp_path / "out", "--seed", 5).code == 0
    rows = read_rows(tmp_path / "out")
    assert [(row["status"], row["seed"]) for row in rows] == [("ok", 5), ("ok", 7), ("rejected", None), ("rejected", None)]


def test_files_of_several_formats_make_one_output_with_unique_ids(synthesize, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("Hello.\nHello again.\n")
    (tmp_path / "in" / "b.txt.gz").write_bytes(gzip.compress(b"Hello.\n"))
    (tmp_path / "in" / "c.csv").write_text("sentence,name\nHello.,one\n")
    write_jsonl(tmp_path / "in" / "d.jsonl", [{"sentence": "Hello.", "name": 2}, {"sentence": "Hello."}])
    columns = ("--text-column", "sentence", "--id-column", "name")
    assert synthesize("--input", tmp_path / "in", "--output", tmp_path / "out", *columns).code == 0
    rows = read_rows(tmp_path / "out")
    assert [row["id"] for row in rows] == ["a.txt:0", "a.txt:1", "b.txt.gz:0", "one", "2", "d.jsonl:1"]
    assert {row["status"] for row in rows} == {"ok"}


def test_ids_that_rows_share_are_named(synthesize, tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", [{"id": "same", "text": "Hello."}, {"id": "same", "text": "Again."}])
    ended = synthesize("--input", source, "--output", tmp_path / "out")
    assert "id 'same': rows in.jsonl:0, in.jsonl:1" in ended.err


def test_a_row_s_audio_depends_on_nothing_but_the_row(synthesize, corpus, undisturbed, tmp_path):
    rows = [json.loads(line) for name in ("a.jsonl", "b.jsonl") for line in (corpus / name).open()]
    source = write_jsonl(tmp_path / "in.jsonl", rows[60::-3])
    ended = synthesize("--input", source, "--output", tmp_path / "out", "--slots", 3, "--rows-per-unit", 9)
    assert ended.code == 0, ended.err
    expected = read_by_id(undisturbed)
    found = read_rows(tmp_path / "out")
    assert [row["id"] for row in found] == [row["id"] for row in rows[60::-3]]
    assert all(row == expected[row["id"]] for row in found)


def test_the_seed_decides_the_audio(synthesize, tmp_path):
    seeds = [{"seed": None}, {"seed": 1}, {"seed": 2}]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "It rains cats and dogs in the old mill.", **seed} for seed in seeds])
    audio = {}
    for seed in (1, 2):
        output = tmp_path / f"out {seed}"
        assert synthesize("--input", source, "--output", output, "--seed", seed, "--option", "temperature=2").code == 0
        audio[seed] = [row["audio"]["bytes"] for row in read_rows(output)]
    assert audio[1][0] != audio[2][0]
    assert audio[1][1:] == audio[2][1:]
    assert audio[1][1] != audio[1][2]


def test_the_limit_takes_the_first_rows_of_all_files(synthesize, tmp_path):
    source = write_jsonl(tmp_path / "in" / "a.jsonl", [{"text": f"Number {i}."} for i in range(3)]).parent
    write_jsonl(source / "b.jsonl", [{"text": f"Number {i}."} for i in range(3)])
    assert synthesize("--input", source, "--output", tmp_path / "out", "--limit", 4).code == 0
    assert [row["id"] for row in read_rows(tmp_path / "out")] == ["a.jsonl:0", "a.jsonl:1", "a.jsonl:2", "b.jsonl:0"]


def test_rows_that_fail_end_the_job_with_1(synthesize, corpus, tmp_path):
    ended = synthesize("--input", corpus, "--output", tmp_path / "out", "--limit", 2, "--option", "max_new_tokens=1")
    assert (ended.code, "2 (0 ok, 0 rejected, 2 failed)" in ended.out) == (1, True)
    assert {row["error"] for row in read_rows(tmp_path / "out")} == {"the model ended before its first sound: try another seed"}


def test_audio_can_be_had_at_another_rate_and_level_without_silence(synthesize, corpus, tmp_path):
    mastering = ("--sample-rate", 22050, "--trim-silence", "--loudness", -30)
    job = ("--input", corpus, "--output", tmp_path / "out", "--limit", 2)
    assert synthesize(*job, *mastering).code == 0
    (part,) = (tmp_path / "out").glob("part-*.parquet")
    features = json.loads(pq.read_schema(part).metadata[b"huggingface"])["info"]["features"]
    assert features["audio"]["sampling_rate"] == 22050
    for row in read_rows(tmp_path / "out"):
        samples, rate = decode(row["audio"]["bytes"])
        assert (rate, row["sampling_rate"], row["error"]) == (22050, 22050, None)
        assert samples.shape[1] / rate == row["duration_s"] >= row["chunks"][-1]["end_s"]
        assert loudness(samples[0], rate) == pytest.approx(-30, abs=0.1)
    ended = synthesize(*job, "--sample-rate", 22050, "--format", "opus", "--peak", -3)
    assert ended.code == 2
    assert "mastering.loudness_lufs: -30.0 -> (absent); mastering.peak_dbfs: (absent) -> -3.0" in ended.err
    assert "opus knows no 22050 Hz: the audio has 24000 Hz" in ended.err


def test_audio_is_extracted_to_files_named_after_their_ids(synthesize, tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", [{"id": id_, "text": "Hello."} for id_ in ("日本", "../a", "LJ-1")])
    assert synthesize("--input", source, "--output", tmp_path / "out").code == 0
    extracted = extract(str(tmp_path / "out"), tmp_path / "listen", limit=9)
    assert extracted == sorted((tmp_path / "listen").iterdir())
    names = [path.name.split("~")[0] for path in extracted]
    assert names == ["0000-日本.flac", "0001-_a", "0002-LJ-1.flac"]


# --- run.json and resuming -----------------------------------------------------------------------------------------


def test_the_run_record_says_what_was_done(undisturbed):
    record = read_json(undisturbed / ".speechmill" / "run.json")
    assert (record["state"], record["sessions"], record["error"]) == ("finished", 1, None)
    assert record["counts"] == {"rows": 120, "ok": 120, "rejected": 0, "failed": 0, "parts": 31, "corrupt_shards": 0}
    assert record["finish_reasons"] == {"eos": 120}
    arguments = record["arguments"]
    assert arguments["model"] == describe(EMBEDDED)[0].reference
    assert (arguments["seed"], arguments["format"], arguments["options"]) == (
        0,
        "flac",
        {"pause_s": 0.15, "paragraph_pause_s": 0.5, "section_pause_s": 1.0},
    )
    assert arguments["columns"]["n"] == "int64"
    # One more name, or one less, and no output of before can be resumed.
    assert " ".join(sorted(arguments)) == (
        "columns device format id_column language limit markup max_text_chars model normalise options revision seed "
        "text_column text_files voice"
    )
    assert arguments["text_files"] == {
        "delimiter": None,
        "quoting": True,
        "columns": [],
        "encoding": "utf-8",
        "manifest_column": "",
        "beside_manifest": True,
    }
    assert {"python", "speechmill", "onnxruntime", "pyarrow", "ray", "numpy"} <= record["versions"].keys()
    assert record["inputs"] == {"file": ".speechmill/inputs.json", "shards": 2}
    assert [name for name, _ in read_json(undisturbed / ".speechmill" / "inputs.json")["inputs"]] == ["a.jsonl", "b.jsonl"]
    rows = read_rows(undisturbed)
    assert record["audio_s"] == pytest.approx(sum(row["duration_s"] for row in rows))
    assert record["rtf"] == pytest.approx(record["wall_s"] / record["audio_s"])
    assert record["cpu_s"] > 0
    assert {"load", "read", "prefill", "step", "finish", "write"} <= record["worker_s"].keys()
    assert record["started"] <= record["ended"]


def test_a_finished_job_run_again_does_nothing(synthesize, corpus, undisturbed):
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*.*") if path.is_file()}
    ended = synthesize("--input", corpus, "--output", undisturbed)
    assert (ended.code, "had nothing to do" in ended.out) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*.*") if path.is_file()} == before


def test_a_text_column_of_another_type_ends_the_job_before_it_starts(synthesize, tmp_path):
    pq.write_table(pa.table({"text": [b"Hello."]}), tmp_path / "in.parquet")
    ended = synthesize("--input", tmp_path / "in.parquet", "--output", tmp_path / "out")
    assert ended.code == 2
    assert "column 'text' holds no text: its type is binary" in ended.err
    assert not (tmp_path / "out").exists()


def test_other_arguments_are_refused_and_listed_and_can_overwrite(synthesize, corpus, tmp_path):
    job = ("--input", corpus, "--output", tmp_path / "out", "--limit", 2)
    assert synthesize(*job).code == 0
    before = read_parts(tmp_path / "out")
    others = ("--seed", 3, "--format", "wav", "--option", "temperature=0.5")
    ended = synthesize(*job, *others)
    assert ended.code == 2
    assert 'format: "flac" -> "wav"; options.temperature: (absent) -> 0.5; seed: 0 -> 3' in ended.err
    assert read_parts(tmp_path / "out") == before
    assert synthesize(*job, *others, "--overwrite").code == 0
    assert {row["audio"]["path"][-4:] for row in read_rows(tmp_path / "out")} == {".wav"}


@pytest.mark.parametrize(("mode", "told"), [((), 'normalise: (absent) -> "spoken"'), (("--normalise", "model"), '-> "model"')])
def test_an_output_of_before_texts_were_read_is_refused_with_what_differs(synthesize, corpus, tmp_path, mode, told):
    """Also with the model's own front end: its sound is the same, but its rows have a column more than those of before."""
    job = ("--input", corpus, "--output", tmp_path / "out", "--limit", 2, *mode)
    assert synthesize(*job).code == 0
    path = tmp_path / "out" / ".speechmill" / "run.json"
    record = read_json(path)
    for name in ("normalise", "markup", "language", "revision"):
        del record["arguments"][name]
    del record["arguments"]["columns"]["spoken_text"]
    path.write_text(json.dumps(record))
    ended = synthesize(*job)
    assert ended.code == 2
    assert (
        'equal rows have other bytes (its revision is 1, here it is 2; columns.spoken_text: (absent) -> "string"' in ended.err
    )
    assert told in ended.err


def test_other_ways_to_read_texts_are_refused_and_listed(synthesize, corpus, tmp_path):
    job = ("--input", corpus, "--output", tmp_path / "out", "--limit", 2)
    assert synthesize(*job).code == 0
    ended = synthesize(*job, "--no-markup", "--language", "de")
    assert (ended.code, 'language: null -> "de"; markup: true -> false' in ended.err) == (2, True)
    ended = synthesize(*job, "--normalise", "model")
    assert (ended.code, 'normalise: "spoken" -> "model"' in ended.err) == (2, True)


def test_a_part_that_is_gone_is_made_again(synthesize, corpus, tmp_path):
    job = ("--input", corpus, "--output", tmp_path / "out", "--limit", 6, "--rows-per-unit", 2)
    assert synthesize(*job).code == 0
    before = read_parts(tmp_path / "out")
    (tmp_path / "out" / sorted(before)[1]).unlink()
    ended = synthesize(*job)
    assert (ended.code, "4 of 6 rows are there already" in ended.err) == (0, True)
    assert read_parts(tmp_path / "out") == before


def test_a_killed_job_goes_on_and_its_output_is_that_of_an_undisturbed_one(start_synthesize, corpus, undisturbed, tmp_path):
    job = ("--no-ray", "--input", corpus, "--output", tmp_path / "out", "--rows-per-unit", 4)
    for parts in (3, 9):
        started = start_synthesize(*job)
        started.wait_for_parts(tmp_path / "out", parts)
        assert started.end(signal.SIGKILL).code == -signal.SIGKILL
        assert read_json(tmp_path / "out" / ".speechmill" / "run.json")["state"] == "running"
    left = read_parts(tmp_path / "out")
    ended = start_synthesize(*job).end()
    assert ended.code == 0, ended.err
    assert 9 <= len(left) < 31
    assert re.search(r"\d+ of 120 rows are there already", ended.err)
    assert read_parts(tmp_path / "out") == read_parts(undisturbed)
    assert read_json(tmp_path / "out" / ".speechmill" / "run.json")["sessions"] == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in undisturbed.iterdir())


@pytest.mark.parametrize(
    ("number", "mode"),
    [
        pytest.param(signal.SIGINT, ("--no-ray",), id="ctrl-c"),
        pytest.param(signal.SIGTERM, ("--workers", "1"), id="term-on-ray", marks=pytest.mark.ray),
    ],
)
def test_an_interrupted_job_says_so_and_goes_on_later(
    start_synthesize, synthesize, corpus, undisturbed, tmp_path, number, mode
):
    job = ("--input", corpus, "--output", tmp_path / "out", "--rows-per-unit", 4)
    started = start_synthesize(*mode, *job)
    started.wait_for_parts(tmp_path / "out", 2)
    ended = started.end(number)
    assert ended.code == 130, ended.err
    assert "interrupted: run the same command again to go on" in ended.err
    assert "Traceback" not in ended.err
    record = read_json(tmp_path / "out" / ".speechmill" / "run.json")
    assert (record["state"], record["error"]) == ("stopped", "KeyboardInterrupt")
    assert record["counts"].get("ok", 0) < 120
    assert synthesize(*job).code == 0
    assert read_parts(tmp_path / "out") == read_parts(undisturbed)


def test_the_counts_of_a_stopped_job_are_those_of_all_its_sessions(start_synthesize, corpus, tmp_path):
    job = ("--no-ray", "--input", corpus, "--output", tmp_path / "out", "--rows-per-unit", 4)
    for parts in (6, 12):
        started = start_synthesize(*job)
        started.wait_for_parts(tmp_path / "out", parts)
        started.end(signal.SIGINT)
    rows = read_rows(tmp_path / "out")
    record = read_json(tmp_path / "out" / ".speechmill" / "run.json")
    # A part may have been written, and the job stopped before it counted it.
    assert len(rows) - 8 <= record["counts"]["ok"] <= len(rows)


def test_a_second_job_is_kept_out_of_the_folder(start_synthesize, synthesize, corpus, tmp_path):
    job = ("--input", corpus, "--output", tmp_path / "out", "--rows-per-unit", 4)
    started = start_synthesize("--no-ray", *job)
    started.wait_for_parts(tmp_path / "out", 1)
    second = synthesize(*job)
    assert second.code == 2
    assert f"another job is writing to {tmp_path / 'out'}: process {started.process.pid} on" in second.err
    assert started.end().code == 0


# --- wrong input and wrong usage -------------------------------------------------------------------------------------


def test_corrupt_files_are_named_the_rest_is_done_and_repairing_them_completes_it(synthesize, tmp_path):
    folder = tmp_path / "in"
    write_jsonl(folder / "a.jsonl", [{"text": "Hello."}])
    pq.write_table(pa.table({"text": ["One.", "Two."]}), folder / "b.parquet")
    whole = (folder / "b.parquet").read_bytes()
    (folder / "b.parquet").write_bytes(whole[:-20])
    (folder / "c.arrow").touch()
    (folder / "d.csv").write_text("sentence\nHello.\n")
    (folder / "e.jsonl.gz").write_bytes(b"no gzip")
    ended = synthesize("--input", folder, "--output", tmp_path / "out")
    assert ended.code == 1
    for name, reason in {
        "b.parquet": "not a readable parquet file",
        "c.arrow": "the file is empty (0 bytes)",
        "d.csv": "there is no column 'text'; the columns are 'sentence'",
        "e.jsonl.gz": "not a readable jsonl file",
    }.items():
        assert re.search(f"{re.escape(str(folder / name))} was skipped: {re.escape(reason)}", ended.err)
    assert [row["id"] for row in read_rows(tmp_path / "out")] == ["a.jsonl:0"]
    index = read_json(tmp_path / "out" / ".speechmill" / "index.json")
    assert index["corrupt_shards"].keys() == {"b.parquet", "c.arrow", "d.csv", "e.jsonl.gz"}
    (folder / "b.parquet").write_bytes(whole)
    assert synthesize("--input", folder, "--output", tmp_path / "out").code == 1
    assert [row["id"] for row in read_rows(tmp_path / "out")] == ["a.jsonl:0", "b.parquet:0", "b.parquet:1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--text-column", "sentence"), "there is no column 'sentence'; the columns are 'id', 'text', 'n'"),
        (("--language", "English!"), "'English!' is no language code: name one of two or three letters"),
        (
            ("--normalise", "model", "--language", "de"),
            "--language says how texts are read, and --normalise model leaves that to",
        ),
        (
            ("--normalise", "model", "--no-markup"),
            "--no-markup says how texts are read, and --normalise model leaves that to the",
        ),
        (("--normalise", "none"), "'none' is not one of 'spoken', 'model'"),
        (("--voice", "nobody"), "embedded has no voice 'nobody': it has default"),
        (("--model", "./nothing"), "nothing"),
        (("--option", "temperature"), "--option 'temperature' is not of the form name=value"),
        (("--option", "loudness=3"), "loudness"),
        (("--option", "temperature=hot"), "temperature"),
        (("--workers", "2:1"), "--workers '2:1' is neither N nor MIN:MAX"),
        (("--workers", "many"), "--workers 'many' is neither N nor MIN:MAX"),
        (("--format", "ogg"), "'ogg' is not one of 'flac', 'wav', 'opus', 'mp3'"),
        (("--peak", "-3", "--loudness", "-16"), "a peak and a loudness cannot both be had"),
        (("--peak", "3"), "less than or equal to 0"),
        (("--sample-rate", "11"), "greater than or equal to 8000"),
        (("--seed", str(2**70)), "less than or equal to 9223372036854775807"),
        (("--limit", "0"), "Input should be greater than or equal to 1"),
        (("--frobnicate",), "No such option: --frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_ends_with_2_and_one_sentence_before_anything_is_written(synthesize, corpus, tmp_path, arguments, message):
    ended = synthesize("--input", corpus, "--output", tmp_path / "out", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_input_that_is_not_there_ends_with_2(synthesize, tmp_path):
    ended = synthesize("--input", tmp_path / "nothing", "--output", tmp_path / "out")
    assert (ended.code, "no input file at" in ended.err) == (2, True)


def test_an_output_that_holds_something_else_is_refused(synthesize, corpus, tmp_path):
    (tmp_path / "out").mkdir()
    shutil.copy(corpus / "a.jsonl", tmp_path / "out" / "data.parquet")
    ended = synthesize("--input", corpus, "--output", tmp_path / "out")
    assert (ended.code, "choose an empty output folder" in ended.err) == (2, True)


def test_the_output_may_lie_inside_the_input_folder(synthesize, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "Hello."}])
    for _ in range(2):
        assert synthesize("--input", tmp_path, "--output", tmp_path / "out").code == 0
    assert [row["id"] for row in read_rows(tmp_path / "out")] == ["in.jsonl:0"]


def test_what_is_spoken_can_be_verified(synthesize, tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "text": "It rained all night."}, {"id": "b", "text": "Привет."}])
    arguments = ("--input", source, "--output", tmp_path / "out", "--verify", "embedded-asr", "--takes", 2)
    assert synthesize(*arguments, "--dry-run").code == 0
    ended = synthesize(*arguments)
    assert ended.code == 0, ended.err
    spoken, rejected = read_rows(tmp_path / "out")
    assert spoken.keys() == set(VERIFIED_COLUMNS)
    assert spoken["heard"].lower().startswith("it rained all")
    assert (spoken["word_error_rate"], spoken["take"], rejected["take"]) == (0.0, 0, None)
    told = read_json(tmp_path / "out" / RUN_NAME)["arguments"]
    assert told["asr"] == describe(EMBEDDED_ASR)[0].reference
    assert "takes" in synthesize(*arguments[:-1], 3).err


def test_a_model_that_does_not_hear_cannot_verify(synthesize, tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "Hello."}])
    ended = synthesize("--input", source, "--output", tmp_path / "out", "--verify", EMBEDDED)
    assert ended.code == 2
    assert "does not transcribe" in ended.err
