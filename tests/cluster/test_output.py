import errno
import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import RequestError, ResumeError, SpeechmillError, StorageError, UsageError
from actors.runtime.processor import this_maker
from actors.synthesizer import SYNTHESIS_COLUMNS
from actors.transcriber import TRANSCRIPTION_COLUMNS
from cluster import output
from cluster.dataset import Dataset, Unit, plan_units, read_rows, scan, unreadable_rows
from cluster.output import (
    INDEX_NAME,
    INPUTS_NAME,
    LOCK_NAME,
    RUN_NAME,
    Output,
    audio_feature,
    choose_parts,
    compact,
    fingerprint_of,
    open_run,
    part_schema,
    read_run,
)
from cluster.storage import open_store

ARGUMENTS = {"model": "tiny@sha256:1", "options": {"seed": 7, "speed": 1.0}}


@pytest.fixture(params=["folder", "s3"])
def target(request, tmp_path, monkeypatch):
    """An empty output location on each kind of store."""
    if request.param == "folder":
        return str(tmp_path / "out")
    monkeypatch.setattr(output.lock, "_SETTLE_S", 0.0)
    return request.getfixturevalue("s3_root")


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    for name, rows in (("a", 700), ("b", 50)):
        path = tmp_path / "in" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps({"text": f"{name} {i}", "n": i, "tags": ["x"]}) + "\n" for i in range(rows)))
    return scan(tmp_path / "in")


def schema_of(dataset):
    return part_schema(
        SYNTHESIS_COLUMNS,
        dataset.schema,
        consumed={"id", "text"},
        features={"audio": audio_feature(24000)},
        input_features=dataset.features,
    )


def start(target, dataset, arguments=ARGUMENTS, mode="resume", **other):
    return open_run(target, arguments=arguments, other=other, inputs=dataset.inputs, mode=mode)


def synthesize(batch):
    """Return what an actor would, as a function of the row alone."""
    return [
        {
            "id": row.id,
            "text": row.values["text"],
            "voice": "v",
            "audio": {"bytes": random.Random(row.id).randbytes(400), "path": f"{row.id}.flac"},
            "sampling_rate": 24000,
            "duration_s": 0.5,
            "status": "ok",
            "finish_reason": "eos",
            "chunks": [{"text": row.values["text"], "start_s": 0.0, "end_s": 0.5}],
            "model": "tiny@sha256:1",
            "seed": 7,
        }
        for row in batch.rows
    ]


def write_unit(run, dataset, unit):
    schema = schema_of(dataset)
    batch = read_rows(dataset, unit, ["text"], schema.passthrough)
    return run.writer(schema).write(batch, synthesize(batch))


def write_all(run, dataset, rows_per_unit=256):
    for unit in run.missing_units(dataset.shards, rows_per_unit):
        write_unit(run, dataset, unit)


def ids_in(target):
    """Return the ids of all Parquet files of an output."""
    store = open_store(target)
    keys = [entry.key for entry in store.entries() if entry.key.endswith(".parquet")]
    ids = []
    for key in keys:
        with store.open_input(key) as file:
            ids += pq.read_table(file, columns=["id"]).column("id").to_pylist()
    return ids


def expected_ids(dataset):
    return [f"{shard.name}:{i}" for shard in dataset.shards for i in range(shard.rows)]


# --- schema ---


def test_clashing_input_columns_get_a_prefix_and_consumed_ones_do_not_pass():
    inputs = pa.schema([("text", pa.string()), ("status", pa.int8()), ("input_status", pa.string()), ("n", pa.int64())])
    schema = part_schema(SYNTHESIS_COLUMNS, inputs, consumed={"text"})
    assert schema.passthrough == {"status": "input_input_status", "input_status": "input_status", "n": "n"}
    assert schema.schema.field("input_input_status").type == pa.int8()
    assert schema.schema.names[: schema.own] == list(SYNTHESIS_COLUMNS)


def test_columns_that_differ_in_capitals_alone_clash_too():
    inputs = pa.schema([(name, pa.string()) for name in ("ID", "Text", "TEXT", "input_TEXT", "Speaker", "speaker")])
    assert part_schema(SYNTHESIS_COLUMNS, inputs, consumed={"text"}).passthrough == {
        "ID": "input_ID",
        "Text": "input_input_Text",
        "TEXT": "input_input_input_TEXT",
        "input_TEXT": "input_TEXT",
        "Speaker": "Speaker",
        "speaker": "speaker",
    }


def test_the_hugging_face_features_match_the_schema():
    inputs = pa.schema(
        [
            ("label", pa.int64()),
            ("f", pa.float32()),
            ("day", pa.date32()),
            ("fixed", pa.list_(pa.int8(), 2)),
            ("wide", pa.large_list(pa.timestamp("us", "UTC"))),
            ("deep", pa.list_(pa.struct([("x", pa.list_(pa.float64()))]))),
        ]
    )
    label = {"names": ["a", "b"], "_type": "ClassLabel"}
    schema = part_schema(SYNTHESIS_COLUMNS, inputs, features={"audio": audio_feature(24000)}, input_features={"label": label})
    features = json.loads(schema.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.schema.names
    assert features["audio"] == {"sampling_rate": 24000, "_type": "Audio"}
    assert features["chunks"] == [
        {
            "text": {"dtype": "string", "_type": "Value"},
            "start_s": {"dtype": "float64", "_type": "Value"},
            "end_s": {"dtype": "float64", "_type": "Value"},
        }
    ]
    assert features["label"] == label
    assert features["f"] == {"dtype": "float32", "_type": "Value"}
    assert features["day"] == {"dtype": "date32", "_type": "Value"}
    assert features["fixed"] == {"feature": {"dtype": "int8", "_type": "Value"}, "length": 2, "_type": "List"}
    assert features["wide"]["_type"] == "LargeList"
    assert features["wide"]["feature"]["dtype"] == "timestamp[us, tz=UTC]"
    assert features["deep"] == [{"x": [{"dtype": "float64", "_type": "Value"}]}]


def test_a_type_that_readers_lack_is_written_as_another_and_told(tmp_path, caplog):
    (tmp_path / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    lines = scan(tmp_path / "in.jsonl")
    deep = pa.int64()
    for _ in range(120):
        deep = pa.struct([("a", deep)])
    tags = pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64()))
    table = pa.table({"tags": tags, "deep": pa.nulls(2, deep)})
    features = {"tags": {"dtype": "of the input", "_type": "Value"}}
    schema = part_schema(TRANSCRIPTION_COLUMNS, table.schema, input_features=features)
    assert "column 'tags' is written as list<item: struct<key: string, value: int64>>: not every reader has map" in caplog.text
    assert "column 'deep' is written as JSON text: not every reader has struct<a: struct" in caplog.text
    described = json.loads(schema.schema.metadata[b"huggingface"])["info"]["features"]
    value = {"dtype": "int64", "_type": "Value"}
    assert described["tags"] == [{"key": {"dtype": "string", "_type": "Value"}, "value": value}]
    with start(tmp_path / "out", lines) as run:
        batch = replace(read_rows(lines, Unit(0, 0, 2), ["text"]), table=table)
        part = run.writer(schema).write(batch, [{"id": row.id, "status": "rejected"} for row in batch.rows])
        written = pq.read_table(run.store.local_path(part.key), columns=["tags", "deep"])
    assert written.to_pylist() == [{"tags": [{"key": "a", "value": 1}], "deep": None}, {"tags": None, "deep": None}]


def test_a_part_that_nobody_could_open_is_not_stored(tmp_path, dataset):
    deep = pa.int64()
    for _ in range(120):
        deep = pa.struct([("a", deep)])
    own = part_schema(SYNTHESIS_COLUMNS, pa.schema([])).schema
    schema = output.PartSchema(own.append(pa.field("deep", deep)), len(own), {"deep": "deep"})
    with start(tmp_path / "out", dataset) as run:
        batch = read_rows(dataset, Unit(0, 0, 2), ["text"])
        batch = replace(batch, table=pa.table({"deep": pa.nulls(2, deep)}))
        with pytest.raises(RequestError, match=r"cannot be read again .*too deeply nested"):
            run.writer(schema).write(batch, synthesize(batch))
    assert ids_in(tmp_path / "out") == []


def test_the_transcription_schema_is_the_documented_one():
    columns = (
        "id, path, duration_s, language, text, segments, status, error, finish_reason, model, coverage, words, avg_logprob"
    )
    assert ", ".join(TRANSCRIPTION_COLUMNS) == columns
    schema = part_schema(TRANSCRIPTION_COLUMNS, pa.schema([])).schema
    assert str(schema.field("segments").type) == (
        "list<item: struct<start: double, end: double, speaker: string, text: string>>"
    )
    assert str(schema.field("words").type) == (
        "list<item: struct<start: double, end: double, text: string, probability: double>>"
    )


# --- parts ---


def test_a_part_holds_the_rows_and_the_columns_that_pass_through(target, dataset):
    with start(target, dataset) as run:
        part = write_unit(run, dataset, Unit(0, 256, 250))
        assert part.key == "part-00000-000000256.parquet"
        assert (part.status, part.duration_s) == ({"ok": 250}, 125.0)
        with run.store.open_input(part.key) as source:
            file = pq.ParquetFile(source)
            table = file.read()
            footer = json.loads(file.metadata.metadata[b"speechmill"])
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            codecs = {
                groups[0].column(i).path_in_schema: groups[0].column(i).compression for i in range(file.metadata.num_columns)
            }
            indexed = all(groups[0].column(i).has_offset_index for i in range(file.metadata.num_columns))
    assert table.schema.equals(schema_of(dataset).schema)
    assert table.column("id").to_pylist() == [f"a.jsonl:{i}" for i in range(256, 506)]
    assert table.column("n").to_pylist() == list(range(256, 506))
    assert table.column("tags").to_pylist()[0] == ["x"]
    assert table.column("audio")[0].as_py()["bytes"] == random.Random("a.jsonl:256").randbytes(400)
    assert {key: footer[key] for key in ("fingerprint", "shard", "first", "count")} == {
        "fingerprint": fingerprint_of(ARGUMENTS),
        "shard": 0,
        "first": 256,
        "count": 250,
    }
    assert [group.num_rows for group in groups] == [100, 100, 50]
    assert codecs.pop("audio.bytes") == "UNCOMPRESSED"
    assert set(codecs.values()) == {"ZSTD"}
    assert indexed


def test_a_part_without_columns_that_pass_through(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    lines = scan(tmp_path / "a.txt")
    schema = schema_of(lines)
    with start(tmp_path / "out", lines) as run:
        write_unit(run, lines, Unit(0, 0, 2))
        assert run.finish(lines.shards, cpu_s=0.0).rows == 2
    with start(tmp_path / "other", lines) as run:
        batch = unreadable_rows(lines, Unit(0, 0, 2), "broken", schema.passthrough)
        rows = [{"id": row.id, "status": "rejected", "error": row.error} for row in batch.rows]
        assert run.writer(schema).write(batch, rows).status == {"rejected": 2}


def test_a_retry_writes_the_same_bytes(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        first = run.store.read_bytes(write_unit(run, dataset, Unit(0, 0, 100)).key)
        again = run.store.read_bytes(write_unit(run, dataset, Unit(0, 0, 100)).key)
    assert first == again


def test_large_audio_makes_small_row_groups(tmp_path, dataset, monkeypatch):
    monkeypatch.setattr(output.parts, "GROUP_BYTES", 1000)
    with start(tmp_path / "out", dataset) as run:
        part = write_unit(run, dataset, Unit(0, 0, 5))  # 400 bytes each
        metadata = pq.read_metadata(run.store.local_path(part.key))
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2, 2, 1]


def test_half_characters_in_results_end_no_job(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        batch = read_rows(dataset, Unit(0, 0, 2), ["text"], schema_of(dataset).passthrough)
        batch = replace(batch, rows=[replace(batch.rows[0], id="a\udcff"), batch.rows[1]])
        rows = synthesize(replace(batch, rows=[batch.rows[1]] * 2))
        rows[0] |= {"id": "a\udcff", "chunks": [{"text": "\ud83d!", "start_s": 0.0, "end_s": 0.5}], "audio": None}
        run.writer(schema_of(dataset)).write(batch, rows)
        first, second = Output(run.store).rows(["id", "chunks", "text"])
    assert (first["id"], first["chunks"][0]["text"]) == ("a\\udcff", "\\ud83d!")
    assert second == {key: rows[1][key] for key in ("id", "chunks", "text")}


def test_audio_that_parquet_cannot_hold_is_refused(tmp_path, dataset, monkeypatch):
    monkeypatch.setattr(output.parts, "_MAX_VALUE_BYTES", 300)
    with start(tmp_path / "out", dataset) as run, pytest.raises(RequestError, match=r"'a\.jsonl:3'.*split"):
        write_unit(run, dataset, Unit(0, 3, 1))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.pop(), "needs 3 results, got 2"),
        (lambda rows: rows.append(rows[0]), "needs 3 results, got 4"),
        (lambda rows: rows.reverse(), "result of row 'a.jsonl:0' has the id 'a.jsonl:2'"),
        (lambda rows: rows[1].update(id=None), "has the id None"),
        (lambda rows: rows[1].update(status="done"), "status 'done'"),
        (lambda rows: rows[1].update(duration=1.0), "no column duration"),
    ],
)
def test_results_that_do_not_match_the_unit_are_refused(tmp_path, dataset, spoil, message):
    schema = schema_of(dataset)
    with start(tmp_path / "out", dataset) as run:
        batch = read_rows(dataset, Unit(0, 0, 3), ["text"], schema.passthrough)
        rows = synthesize(batch)
        spoil(rows)
        with pytest.raises(UsageError, match=message):
            run.writer(schema).write(batch, rows)
    assert ids_in(tmp_path / "out") == []


def test_a_writer_travels_to_workers_by_pickle(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        writer = pickle.loads(pickle.dumps(run.writer(schema_of(dataset))))  # noqa: S301 - what Ray does with it
        batch = read_rows(dataset, Unit(1, 0, 2), ["text"], writer.schema.passthrough)
        assert writer.write(batch, synthesize(batch)).unit == Unit(1, 0, 2)


def test_a_disk_that_cannot_take_the_part_is_a_storage_error_and_leaves_nothing(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        try:
            with pytest.raises(StorageError, match="free space"):
                write_unit(run, dataset, Unit(0, 0, 200))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert {entry.key for entry in run.store.entries()} == {LOCK_NAME, INPUTS_NAME, RUN_NAME}


@pytest.mark.parametrize("blocked", ["a-file", "a-file/below"])
def test_an_output_that_is_no_folder_is_a_storage_error(tmp_path, dataset, blocked):
    (tmp_path / "a-file").write_text("")
    with pytest.raises(StorageError, match="a-file"):
        start(tmp_path / blocked, dataset)


# --- resume ---


def test_a_job_from_start_to_end(target, dataset):
    with start(target, dataset, workers=3) as run:
        assert not run.finished
        assert run.missing_units(dataset.shards, 256) == plan_units(dataset.shards, 256)
        write_all(run, dataset)
        summary = run.finish(dataset.shards, cpu_s=12.5)
    assert (summary.rows, summary.status) == (750, {"ok": 750, "rejected": 0, "failed": 0})
    assert ids_in(target) == expected_ids(dataset)

    store = open_store(target)
    record = read_run(store)
    assert (record.state, record.sessions, record.cpu_s, record.audio_s) == ("finished", 1, 12.5, 375.0)
    assert record.rtf == pytest.approx(record.wall_s / 375.0)
    assert record.counts == {"rows": 750, "ok": 750, "rejected": 0, "failed": 0, "parts": 4, "corrupt_shards": 0}
    assert (record.arguments, record.other) == (ARGUMENTS, {"workers": 3})
    assert {"python", "pyarrow"} <= record.versions.keys()
    index = json.loads(store.read_bytes(INDEX_NAME))
    assert [part["key"] for part in index["parts"]] == [unit.part_name for unit in plan_units(dataset.shards, 256)]
    assert not store.exists(LOCK_NAME)
    assert Output(target).summary == summary

    before = store.read_bytes(RUN_NAME)
    with start(target, dataset, workers=5) as run:
        assert run.finished
        assert run.missing_units(dataset.shards, 256) == []
        assert run.finish(dataset.shards, cpu_s=1.0) == summary
    assert store.read_bytes(RUN_NAME) == before


def test_a_job_says_what_made_each_part_and_once_that_it_was_not_one_machine(target, dataset, monkeypatch, caplog):
    first = replace(this_maker(), processor="avx512-vnni")
    second = replace(this_maker(), processor="avx2")
    units = plan_units(dataset.shards, 256)
    monkeypatch.setattr(output.parts, "maker_on", lambda _: first)
    with start(target, dataset) as run:
        run.missing_units(dataset.shards, 256)
        run.add(write_unit(run, dataset, units[0]))
    store = open_store(target)
    made = [{**asdict(first), "parts": [units[0].part_name]}]
    assert [one.model_dump() for one in read_run(store).made_by] == made
    assert not [record for record in caplog.records if "made by" in record.message]

    monkeypatch.setattr(output.parts, "maker_on", lambda _: second)
    with start(target, dataset) as run:
        for unit in run.missing_units(dataset.shards, 256):
            run.add(write_unit(run, dataset, unit))
        run.finish(dataset.shards, cpu_s=1.0)
    (told,) = [record.message for record in caplog.records if "made by" in record.message]
    assert f"{first}; {second}" in told
    assert "last bits" in told
    made.insert(0, {**asdict(second), "parts": [unit.part_name for unit in units[1:]]})
    assert [one.model_dump() for one in read_run(store).made_by] == made
    assert [part.maker for part in Output(target).summary.parts] == [first, second, second, second]


def test_a_part_of_which_nothing_was_computed_or_that_an_earlier_version_wrote_has_no_maker(target, dataset, monkeypatch):
    def failed(batch):
        return [{"id": row.id, "status": "failed", "error": "the worker process died 2 times on it"} for row in batch.rows]

    with start(target, dataset) as run:
        schema = schema_of(dataset)
        unit, other, *_ = plan_units(dataset.shards, 256)
        batch = read_rows(dataset, unit, ["text"], schema.passthrough)
        assert run.writer(schema).write(batch, failed(batch)).maker is None
        with monkeypatch.context() as patch:
            patch.setattr(output.parts, "asdict", lambda value: {"another": "form"} if value == this_maker() else asdict(value))
            write_unit(run, dataset, other)
        parts = run.parts(dataset.shards)
        assert [(part.unit, part.maker) for part in parts] == [(unit, None), (other, None)]


def test_a_stopped_job_goes_on_where_it_was(target, dataset):
    def broken_job():
        with start(target, dataset) as run:
            for unit in run.missing_units(dataset.shards, 100)[:3]:
                run.add(write_unit(run, dataset, unit), cpu_s=2.0, worker_s={"step": 4.0})
            raise RuntimeError("node lost")

    with pytest.raises(RuntimeError, match="node lost"):
        broken_job()
    record = read_run(open_store(target))
    assert (record.state, record.error, record.audio_s) == ("stopped", "RuntimeError: node lost", 150.0)
    assert record.counts == {"rows": 300, "ok": 300, "rejected": 0, "failed": 0, "parts": 3}
    assert Output(target).summary.rows == 300

    with start(target, dataset) as run:
        units = run.missing_units(dataset.shards, 256)  # another unit size, cut at the same rows as a fresh plan
        assert [(u.shard, u.first, u.stop) for u in units] == [(0, 300, 512), (0, 512, 700), (1, 0, 50)]
        assert sum(part.unit.count for part in run.parts(dataset.shards)) == 300
        for unit in units:
            run.add(write_unit(run, dataset, unit), worker_s={"step": 1.0, "finish": 2.0})
        run.finish(dataset.shards, cpu_s=3.0)
    record = read_run(open_store(target))
    assert (record.state, record.error, record.sessions, record.cpu_s) == ("finished", None, 2, 5.0)
    assert record.worker_s == {"step": 5.0, "finish": 2.0}
    assert sorted(ids_in(target)) == sorted(expected_ids(dataset))


def test_finishing_with_rows_missing_is_an_error(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        write_unit(run, dataset, Unit(0, 0, 700))
        with pytest.raises(SpeechmillError, match="50 of 750 rows are not in the output"):
            run.finish(dataset.shards, cpu_s=0.0)
    assert not (tmp_path / "out" / INDEX_NAME).exists()
    assert read_run(open_store(tmp_path / "out")).state == "stopped"


def test_other_arguments_are_refused_and_each_difference_is_listed(tmp_path, dataset):
    with start(tmp_path / "out", dataset):
        pass
    other = {"model": "tiny@sha256:2", "options": {"seed": 7, "speed": 1.5, "cfg": 2.0}}
    with pytest.raises(ResumeError) as caught:
        start(tmp_path / "out", dataset, other)
    for difference in (
        'model: "tiny@sha256:1" -> "tiny@sha256:2"',
        "options.speed: 1.0 -> 1.5",
        "options.cfg: (absent) -> 2.0",
    ):
        assert difference in str(caught.value)
    assert "seed" not in str(caught.value)
    with start(tmp_path / "out", dataset, ARGUMENTS | {"options": dict(reversed(ARGUMENTS["options"].items()))}):
        pass  # the order of arguments is no difference, and the refusal left no lock


@pytest.mark.parametrize("value", [None, True, 1.0, "1", [1]])
def test_whatever_changes_the_fingerprint_is_a_difference(tmp_path, dataset, value):
    with start(tmp_path / "out", dataset, {"n": 1}) as run:
        write_unit(run, dataset, Unit(0, 0, 10))
    for other in ({"n": value}, {"n": 1, "more": None}, {}):
        with pytest.raises(ResumeError, match="other arguments: "):
            start(tmp_path / "out", dataset, other)
    assert len(ids_in(tmp_path / "out")) == 10


def test_a_changed_input_is_refused(tmp_path, dataset):
    with start(tmp_path / "out", dataset):
        pass
    source = tmp_path / "in" / "a.jsonl"
    source.write_text(source.read_text().replace("a 5", "a five"))
    with pytest.raises(ResumeError, match=r"input a\.jsonl: its content changed"):
        start(tmp_path / "out", scan(tmp_path / "in"))
    source.rename(tmp_path / "in" / "0.jsonl")
    with pytest.raises(ResumeError, match=r"input 0: a\.jsonl -> 0\.jsonl"):
        start(tmp_path / "out", scan(tmp_path / "in"))
    (tmp_path / "in" / "b.jsonl").unlink()
    with pytest.raises(ResumeError, match=r"input 1: b\.jsonl -> \(nothing\)"):
        start(tmp_path / "out", scan(tmp_path / "in"))


@pytest.mark.usefixtures("dataset")
def test_a_repaired_shard_and_a_new_one_are_done_by_running_again(tmp_path):
    broken = tmp_path / "in" / "c.jsonl"
    broken.write_text("oops\n")
    first = scan(tmp_path / "in")
    with start(tmp_path / "out", first) as run:
        write_all(run, first)
        run.finish(first.shards, cpu_s=0.0)
    index = json.loads((tmp_path / "out" / INDEX_NAME).read_text())
    assert "not valid JSON" in index["corrupt_shards"]["c.jsonl"]
    with start(tmp_path / "out", first) as run:
        assert run.finished

    broken.write_text('{"text": "repaired"}\n')
    (tmp_path / "in" / "d.jsonl").write_text('{"text": "new"}\n')
    second = scan(tmp_path / "in")
    with start(tmp_path / "out", second) as run:
        assert run.missing_units(second.shards, 256) == [Unit(2, 0, 1), Unit(3, 0, 1)]
        write_all(run, second)
        assert run.finish(second.shards, cpu_s=0.0).rows == 752


def test_a_finished_job_whose_part_was_removed_does_it_again(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
    (tmp_path / "out" / "part-00000-000000256.parquet").unlink()
    with start(tmp_path / "out", dataset) as run:
        assert not run.finished
        assert run.missing_units(dataset.shards, 256) == [Unit(0, 256, 256)]


@pytest.mark.parametrize("kept", [0, 1, -50, -1])
def test_a_finished_job_with_a_truncated_part_does_it_again(target, dataset, kept):
    finished_job(target, dataset, 256)
    store = open_store(target)
    whole = store.read_bytes("part-00000-000000256.parquet")
    store.write_bytes("part-00000-000000256.parquet", whole[:kept])
    with start(target, dataset) as run:
        assert not run.finished
        assert run.missing_units(dataset.shards, 256) == [Unit(0, 256, 256)]
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
    assert store.read_bytes("part-00000-000000256.parquet") == whole


def test_a_damaged_compacted_file_is_told_and_nothing_is_done(tmp_path, dataset):
    target = tmp_path / "out"
    finished_job(target, dataset)
    (name,) = compact(target, 1000)
    (target / name).write_bytes((target / name).read_bytes()[:-1])
    with pytest.raises(ResumeError, match=r"data/train-00000-of-00001\.parquet is gone or has another size"):
        start(target, dataset)
    with start(target, dataset, mode="overwrite"):
        assert not (target / name).exists()


def test_finish_reasons_are_counted_everywhere(target, dataset):
    reasons = ["eos", "length", None, "silence"]
    schema = schema_of(dataset)
    with start(target, dataset) as run:
        for unit in run.missing_units(dataset.shards, 256):
            batch = read_rows(dataset, unit, ["text"], schema.passthrough)
            rows = [{**row, "finish_reason": reasons[i % 4]} for i, row in enumerate(synthesize(batch))]
            run.add(run.writer(schema).write(batch, rows))
        summary = run.finish(dataset.shards, cpu_s=0.0)
    expected = {"eos": 188, "length": 188, "silence": 187}
    assert summary.finish_reasons == read_run(open_store(target)).finish_reasons == expected
    assert (summary.count("length"), summary.count("ok"), summary.count("loop")) == (188, 750, 0)
    with start(target, dataset) as run:
        assert run.summary.finish_reasons == expected
    open_store(target).delete(INDEX_NAME)
    assert Output(target).summary.finish_reasons == expected  # from the footers
    assert Output(target).summary.finish_reasons == expected


def test_ids_that_rows_share_are_in_the_record_and_stay_there(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        run.note_duplicate_ids(["id 'a': rows x:0, x:1"])
    with start(tmp_path / "out", dataset) as run:
        assert run.duplicate_ids == ["id 'a': rows x:0, x:1"]
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
    assert read_run(open_store(tmp_path / "out")).duplicate_ids == ["id 'a': rows x:0, x:1"]


def test_files_that_are_no_whole_parts_of_this_job_are_done_again(target, dataset, caplog):
    with start(target, dataset) as run:
        keys = [write_unit(run, dataset, unit).key for unit in plan_units(dataset.shards, 100)[:4]]
        run.store.write_bytes(keys[1], run.store.read_bytes(keys[1])[:-50])
        run.store.write_bytes("part-00000-000000050.parquet", run.store.read_bytes(keys[3]))  # another unit's name
        run.store.write_bytes("other.parquet", b"not ours")
        stranger = output.PartWriter(run.store, schema_of(dataset), "another job", run.session)
        batch = read_rows(dataset, Unit(0, 200, 100), ["text"], stranger.schema.passthrough)
        stranger.write(batch, synthesize(batch))
        missing = run.missing_units(dataset.shards, 100)
        assert [(u.shard, u.first) for u in missing][:3] == [(0, 100), (0, 200), (0, 400)]
        assert "deleting part-00000-000000050" in caplog.text
        assert not run.store.exists("part-00000-000000050.parquet")
        assert run.store.exists("other.parquet")


def test_temporaries_of_killed_writers_are_cleaned(tmp_path, dataset):
    with start(tmp_path / "out", dataset):
        pass
    left = tmp_path / "out" / f".part-00000-000000000.parquet.{'0' * 32}.tmp"
    left.write_bytes(b"half")
    with start(tmp_path / "out", dataset):
        assert not left.exists()


# --- overlaps: a row is in the output once, whoever wrote when ---


def part_of(first, count, shard=0):
    return output.Part(Unit(shard, first, count), Unit(shard, first, count).part_name, 1, {"ok": count}, 0.0)


def test_overlapping_parts_are_never_chosen_together(dataset):
    chance = random.Random(3)
    for _ in range(300):
        parts = {}
        for _ in range(chance.randrange(1, 12)):
            first = chance.randrange(700)
            part = part_of(first, chance.randrange(1, 720 - first))
            parts[part.key] = part
        chosen, others = choose_parts(parts.values(), dataset.shards)
        rows = [row for part in chosen for row in range(part.unit.first, part.unit.stop)]
        assert len(rows) == len(set(rows))
        assert len(chosen) + len(others) == len(parts)
        assert all(row < 700 for row in rows)
        covered = set(rows)
        for part in others:  # nothing is dropped without need
            unit = part.unit
            assert unit.stop > 700 or covered.intersection(range(unit.first, unit.stop))


def test_of_overlapping_parts_the_larger_is_chosen(dataset):
    small, large = part_of(0, 100), part_of(50, 200)
    assert choose_parts([small, large], dataset.shards) == ([large], [small])


def test_parts_of_unknown_shards_are_not_chosen(dataset):
    assert choose_parts([part_of(0, 10, shard=2)], dataset.shards)[0] == []


@pytest.mark.parametrize("late", [Unit(0, 0, 256), Unit(0, 0, 128), Unit(0, 100, 200), Unit(0, 128, 128)])
def test_a_worker_given_up_for_dead_that_finishes_late_does_no_harm(target, dataset, late):
    with start(target, dataset) as run:
        for unit in plan_units(dataset.shards, 256):
            write_unit(run, dataset, unit)
        for half in Unit(0, 0, 256).split():
            write_unit(run, dataset, half)
        write_unit(run, dataset, late)
        while run.missing_units(dataset.shards, 256):
            write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
    assert sorted(ids_in(target)) == sorted(expected_ids(dataset))


def test_a_worker_of_a_dead_run_cannot_write_into_its_successor(target, dataset):
    schema = schema_of(dataset)
    batch = read_rows(dataset, Unit(0, 0, 10), ["text"], schema.passthrough)
    with start(target, dataset) as run:
        zombie = run.writer(schema)
    with pytest.raises(ResumeError, match="is over"):
        zombie.write(batch, synthesize(batch))
    with start(target, dataset) as run, pytest.raises(ResumeError, match="is over"):
        zombie.write(batch, synthesize(batch))
    assert ids_in(target) == []


def test_a_known_part_that_was_written_anew_is_seen_at_the_next_look(target, dataset):
    with start(target, dataset) as run:
        run.missing_units(dataset.shards, 256)
        for unit in plan_units(dataset.shards, 256):
            run.add(write_unit(run, dataset, unit))
        write_unit(run, dataset, Unit(0, 256, 128))
        assert run.missing_units(dataset.shards, 256) == [Unit(0, 384, 128)]
        assert run.summary.rows == 750 - 128


@pytest.mark.parametrize(("content", "what"), [(None, "is gone"), (b"", "was changed"), (b"no part", "was changed")])
def test_a_part_that_this_run_has_written_and_that_is_none_any_more_is_an_error(tmp_path, dataset, content, what):
    with start(tmp_path / "out", dataset) as run:
        run.missing_units(dataset.shards, 256)
        part = write_unit(run, dataset, Unit(0, 256, 256))
        run.add(part)
        if content is None:
            run.store.delete(part.key)
        else:
            run.store.write_bytes(part.key, content)
        with pytest.raises(SpeechmillError, match=f"part-00000-000000256.parquet was written by this run and {what}"):
            run.missing_units(dataset.shards, 256)
    with start(tmp_path / "out", dataset) as run:
        assert len(run.missing_units(dataset.shards, 256)) == 4


def test_a_part_that_a_listing_lacks_and_that_is_there_counts(tmp_path, dataset, monkeypatch):
    with start(tmp_path / "out", dataset) as run:
        run.missing_units(dataset.shards, 256)
        run.add(write_unit(run, dataset, Unit(1, 0, 50)))
        monkeypatch.setattr(type(run.store), "entries", lambda *_: [])  # NFS may show a folder as it was a minute ago
        assert [unit.shard for unit in run.missing_units(dataset.shards, 256)] == [0, 0, 0]


# --- what it costs ---


def count_saves(monkeypatch):
    """Return a list that grows with the keys that are written as JSON."""
    keys = []
    plain = output.files.write_json

    def write(store, key, *rest, **named):
        keys.append(key)
        plain(store, key, *rest, **named)

    for module in (output.start, output.run):
        monkeypatch.setattr(module, "write_json", write)
    return keys


def test_progress_is_saved_now_and_then_and_the_inputs_once(tmp_path, dataset, monkeypatch):
    keys = count_saves(monkeypatch)
    clock = [1000.0]
    monkeypatch.setattr(output.run.time, "monotonic", lambda: clock[0])
    with start(tmp_path / "out", dataset) as run:
        run.missing_units(dataset.shards, 10)
        assert keys == [INPUTS_NAME, RUN_NAME]
        keys.clear()
        for i in range(30):
            clock[0] += 0.5
            run.add(part_of(10 * i, 10), cpu_s=float(i))
        assert keys == [RUN_NAME] * 3
        record = read_run(run.store)
        assert (record.state, record.cpu_s, record.made_by) == ("running", 29.0, [])
        assert record.counts == {"rows": 300, "ok": 300, "rejected": 0, "failed": 0, "parts": 30}
    assert keys == [RUN_NAME] * 4
    keys.clear()
    with start(tmp_path / "out", dataset):
        assert keys == [RUN_NAME]


def test_the_record_does_not_grow_with_the_input(tmp_path):
    sizes = []
    for shards in (1, 100):
        inputs = [(f"shard-{i}.txt", "0" * 64) for i in range(shards)]
        with open_run(tmp_path / str(shards), arguments=ARGUMENTS, other={}, inputs=inputs) as run:
            sizes.append(len(run.store.read_bytes(RUN_NAME)))
    assert sizes[1] - sizes[0] < 10


def on_s3(folder, dataset_folder):
    """Copy a folder of inputs to S3 and scan it there."""
    store = open_store(folder)
    for path in sorted(dataset_folder.iterdir()):
        store.write_bytes(path.name, path.read_bytes())
    return scan(folder)


@pytest.mark.usefixtures("dataset")
def test_a_part_on_an_object_store_takes_three_requests(s3_root, s3_requests, tmp_path, monkeypatch):
    monkeypatch.setattr(output.lock, "_SETTLE_S", 0.0)
    monkeypatch.setattr(output.parts, "_SESSION_TRUST_S", 0.0)
    pq.write_table(pa.table({"text": ["x"] * 700}), tmp_path / "in" / "c.parquet", row_group_size=100)
    inputs = on_s3(f"{s3_root}/in", tmp_path / "in")
    schema = schema_of(inputs)
    with start(f"{s3_root}/out", inputs) as run:
        writer = run.writer(schema)

        def work(unit):
            s3_requests.clear()
            batch = read_rows(inputs, unit, ["text"], schema.passthrough)
            writer.write(batch, synthesize(batch))
            return [request.replace("/bucket/shared%20root/", "") for request in s3_requests]

        def out(unit):
            return [f"HEAD out/{LOCK_NAME}", f"PUT out/{unit.part_name}"]

        for shard in inputs.shards:
            first, *others = plan_units([shard], 100)
            assert work(first)[:2] == [f"HEAD in/{shard.name}", f"GET in/{shard.name}"]
            again = [] if shard.format == "parquet" else [f"GET in/{shard.name}"]  # a small Parquet file is read as a whole
            for unit in others:
                assert work(unit) == again + out(unit)


def test_footers_of_parts_that_are_known_are_not_read_again(s3_root, s3_requests, dataset, monkeypatch):
    monkeypatch.setattr(output.lock, "_SETTLE_S", 0.0)

    def footers():
        found = [request for request in s3_requests if "/part-" in request]
        s3_requests.clear()
        return found

    with start(s3_root, dataset) as run:
        for unit in run.missing_units(dataset.shards, 100)[:5]:
            run.add(write_unit(run, dataset, unit))
        footers()
        assert len(run.missing_units(dataset.shards, 100)) == 3
        assert footers() == []
    with start(s3_root, dataset) as run:
        units = run.missing_units(dataset.shards, 100)
        assert sorted(footers()) == [f"GET /bucket/shared%20root/{u.part_name}" for u in plan_units(dataset.shards, 100)[:5]]
        for unit in units:
            run.add(write_unit(run, dataset, unit))
        footers()
        assert run.missing_units(dataset.shards, 100) == []
        run.finish(dataset.shards, cpu_s=0.0)
        assert footers() == []
    with start(s3_root, dataset) as run:
        assert run.summary.rows == 750
        assert footers() == []


def test_a_writer_sees_that_the_lock_has_another_owner_though_it_has_seen_it_before(root, dataset, monkeypatch):
    target = root
    monkeypatch.setattr(output.lock, "_SETTLE_S", 0.0)
    monkeypatch.setattr(output.parts, "_SESSION_TRUST_S", 0.0)
    schema = schema_of(dataset)
    batch = read_rows(dataset, Unit(0, 0, 10), ["text"], schema.passthrough)
    with start(target, dataset) as run:
        writer = run.writer(schema)
        writer.write(batch, synthesize(batch))
        owner = json.loads(run.store.read_bytes(LOCK_NAME))
        run.store.write_bytes(LOCK_NAME, json.dumps({**owner, "session": "0" * 32}).encode())
        with pytest.raises(ResumeError, match="is over"):
            writer.write(batch, synthesize(batch))
        run.store.delete(LOCK_NAME)
        with pytest.raises(ResumeError, match="is over"):
            writer.write(batch, synthesize(batch))


# --- outputs of earlier versions ---


def make_earlier(folder):
    """Make a finished, compacted output look as if a version had written it that kept its records beside the parts."""
    records = folder / output.RECORDS_FOLDER
    index = json.loads((folder / INDEX_NAME).read_bytes())
    index["compacted"] = [file["key"] for file in index["compacted"]]
    (folder / "index.json").write_text(json.dumps(index))
    (folder / INPUTS_NAME).rename(folder / "run.inputs")
    (folder / RUN_NAME).rename(folder / "run.json")
    (folder / INDEX_NAME).unlink()
    records.rmdir()


@pytest.mark.parametrize("compacted", [False, True])
def test_an_output_of_an_earlier_version_is_refused_or_overwritten(tmp_path, dataset, compacted):
    target = tmp_path / "out"
    finished_job(target, dataset)
    if compacted:
        compact(target, 300)
    make_earlier(target)
    (target / "data").mkdir(exist_ok=True)
    (target / "data" / "train-00000-of-00009.parquet").write_bytes(b"mine")
    before = sorted(target.rglob("*"))
    with pytest.raises(ResumeError, match=r"earlier version .* choose another output folder, or overwrite"):
        start(target, dataset)
    with pytest.raises(ResumeError, match=r"earlier version .* name them instead of the folder"):
        Output(target)
    assert sorted(target.rglob("*")) == before
    with start(target, dataset, mode="overwrite") as run:
        assert {entry.key for entry in run.store.entries()} == {
            LOCK_NAME, RUN_NAME, INPUTS_NAME, "data/train-00000-of-00009.parquet",
        }  # fmt: skip


def test_a_run_json_of_another_program_is_no_record(tmp_path, dataset):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text('{"format_version": 1, "fingerprint": "x"}')
    with start(tmp_path / "out", dataset, mode="overwrite"):
        assert (tmp_path / "out" / "run.json").exists()


def test_an_output_whose_inputs_are_gone_says_so(tmp_path, dataset):
    with start(tmp_path / "out", dataset):
        pass
    (tmp_path / "out" / INPUTS_NAME).unlink()
    with pytest.raises(ResumeError, match=r"inputs\.json is gone"):
        start(tmp_path / "out", dataset)
    with start(tmp_path / "out", dataset, mode="overwrite") as run:
        assert not run.finished


# --- what is in the folder already ---


@pytest.mark.parametrize("name", ["train.parquet", "part-00000-000000000.parquet", INDEX_NAME])
@pytest.mark.parametrize("mode", ["resume", "overwrite"])
def test_a_folder_with_other_data_is_refused_and_left_alone(tmp_path, dataset, name, mode):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match=f"no {RUN_NAME} but holds {name}"):
        start(tmp_path / "out", dataset, mode=mode)
    assert [file for file in (tmp_path / "out").rglob("*") if file != path.parent] == [path]


def test_overwrite_deletes_what_the_job_wrote_and_nothing_else(target, dataset):
    with start(target, dataset) as run:
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
    store = open_store(target)
    for key in ("README.md", "data/train-00000-of-00009.parquet", "notes/part-00000-000000000.parquet"):
        store.write_bytes(key, b"mine")
    with start(target, dataset, {"model": "other"}, mode="overwrite") as run:
        assert not run.finished
        assert {entry.key for entry in store.entries()} - {LOCK_NAME} == {
            "README.md",
            "data/train-00000-of-00009.parquet",
            "notes/part-00000-000000000.parquet",
            INPUTS_NAME,
            RUN_NAME,
        }
        assert len(run.missing_units(dataset.shards, 256)) == 4


@pytest.mark.parametrize("content", ["", "{}", '{"state": "running"}', "[1]", "\xff"])
def test_a_run_record_that_cannot_be_understood_is_refused(tmp_path, dataset, content):
    (tmp_path / "out" / RUN_NAME).parent.mkdir(parents=True)
    (tmp_path / "out" / RUN_NAME).write_text(content, encoding="latin-1")
    with pytest.raises(ResumeError, match=r"run\.json is not a file that this version writes"):
        start(tmp_path / "out", dataset)


def test_a_reader_refuses_a_folder_that_is_no_output(tmp_path):
    with pytest.raises(UsageError, match="not the output of a job"):
        Output(tmp_path)


# --- lock ---


def test_a_second_job_is_refused_while_the_first_one_runs(target, dataset):
    with start(target, dataset):
        for mode in ("resume", "overwrite"):
            with pytest.raises(ResumeError, match=f"another job is writing to .*process {os.getpid()} on"):
                start(target, dataset, mode=mode)
    with start(target, dataset):
        pass


def test_a_lock_file_that_its_owner_removes_meanwhile_is_no_lock(tmp_path, dataset, monkeypatch):
    plain = output.lock.fcntl.flock
    path = tmp_path / "out" / LOCK_NAME

    def flock(file, operation):
        plain(file, operation)
        monkeypatch.setattr(output.lock.fcntl, "flock", plain)
        path.unlink()  # the former owner, between our open and our lock

    monkeypatch.setattr(output.lock.fcntl, "flock", flock)
    with start(tmp_path / "out", dataset):
        assert path.exists()
        with pytest.raises(ResumeError, match="another job"):
            start(tmp_path / "out", dataset)


def test_a_folder_without_flock_gets_a_lease(tmp_path, dataset, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(output.lock.fcntl, "flock", unsupported)
    monkeypatch.setattr(output.lock, "_SETTLE_S", 0.0)
    with start(tmp_path / "out", dataset), pytest.raises(ResumeError, match="seen 0 s ago"):
        start(tmp_path / "out", dataset)
    assert not (tmp_path / "out" / LOCK_NAME).exists()


def test_a_lock_that_cannot_be_removed_is_let_go_and_told_of(tmp_path, dataset, monkeypatch):
    run = start(tmp_path / "out", dataset)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", Mock(side_effect=OSError(errno.EIO, "the disk is gone")))
        with pytest.raises(StorageError, match=r"cannot unlock .*out.*: .*gone"):
            run.__exit__(None, None, None)
    with start(tmp_path / "out", dataset, mode="resume"):
        pass  # the kernel's lock went with the descriptor


def test_a_killed_job_does_not_block_the_next_one(target, dataset, tmp_path):
    script = tmp_path / "victim.py"
    script.write_text(
        textwrap.dedent(f"""
            import sys, time
            from cluster import output
            output.lock._SETTLE_S = 0.0
            run = output.open_run({target!r}, arguments={ARGUMENTS!r}, other={{}}, inputs={dataset.inputs!r})
            print("running", flush=True)
            time.sleep(60)
        """)
    )
    root = Path(output.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment, text=True) as victim:
        try:
            assert victim.stdout.readline() == "running\n"
            with pytest.raises(ResumeError, match=f"process {victim.pid} on"):
                start(target, dataset)
        finally:
            victim.send_signal(signal.SIGKILL)
    assert open_store(target).exists(LOCK_NAME)
    with start(target, dataset) as run:
        assert len(run.missing_units(dataset.shards, 256)) == 4


def foreign_lease(store):
    store.write_bytes(LOCK_NAME, json.dumps({"session": "x", "host": "elsewhere", "pid": 1}).encode())


def test_a_lease_of_another_machine_expires(s3_root, dataset, monkeypatch):
    monkeypatch.setattr(output.lock, "_SETTLE_S", 0.0)
    target = s3_root
    foreign_lease(open_store(target))
    with pytest.raises(ResumeError, match=r"process 1 on elsewhere.*if it is dead, try again in \d+ s"):
        start(target, dataset)
    time.sleep(1.1)  # the store's clock counts whole seconds
    monkeypatch.setattr(output.lock, "_LEASE_S", 1.0)
    with start(target, dataset):
        pass


def test_a_lease_is_renewed_and_its_loss_is_noticed(s3_root, dataset, monkeypatch):
    monkeypatch.setattr(output.lock, "_SETTLE_S", 0.0)
    monkeypatch.setattr(output.lock, "_LEASE_S", 0.2)
    target = s3_root
    store = open_store(target)
    with start(target, dataset) as run:
        store.write_bytes(LOCK_NAME, store.read_bytes(LOCK_NAME).replace(b'"since"', b'"other"'))
        wait_for(lambda: b'"since"' in store.read_bytes(LOCK_NAME))
        foreign_lease(store)
        wait_for(lambda: not run._lock.held)
        for call in (
            lambda: run.missing_units(dataset.shards, 256),
            lambda: run.add(part_of(0, 10)),
            lambda: run.finish(dataset.shards, cpu_s=0.0),
        ):
            with pytest.raises(ResumeError, match="took the output over"):
                call()
    assert b"elsewhere" in store.read_bytes(LOCK_NAME)
    assert read_run(store).state == "running"  # its new owner's to change


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_of_two_jobs_that_start_at_once_the_last_writer_gets_the_lease(s3_root, dataset, monkeypatch):
    target = s3_root
    store = open_store(target)
    monkeypatch.setattr(output.lock.time, "sleep", lambda _: foreign_lease(store))  # the rival, while this job waits
    with pytest.raises(ResumeError, match="same moment"):
        start(target, dataset)


# --- compaction ---


def finished_job(target, dataset, rows_per_unit=64):
    with start(target, dataset) as run:
        write_all(run, dataset, rows_per_unit)
        return run.finish(dataset.shards, cpu_s=0.0)


def test_compaction_joins_the_parts_in_order_and_keeps_the_job_finished(target, dataset):
    summary = finished_job(target, dataset)
    names = compact(target, 300)
    assert names == [f"data/train-0000{i}-of-00003.parquet" for i in range(3)]
    assert ids_in(target) == expected_ids(dataset)
    store = open_store(target)
    with store.open_input(names[0]) as file:
        metadata = pq.read_metadata(file)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [100, 100, 100]
    assert b"huggingface" in metadata.metadata
    assert json.loads(metadata.metadata[b"speechmill"]) == {"fingerprint": fingerprint_of(ARGUMENTS)}
    assert not [entry.key for entry in store.entries() if entry.key.startswith("part-")]
    assert Output(target).summary == summary
    assert compact(target, 300) == names
    with start(target, dataset) as run:
        assert run.finished


def test_an_interrupted_compaction_is_repeated(tmp_path, dataset, monkeypatch):
    target = tmp_path / "out"
    finished_job(target, dataset)
    plain = output.compaction._write_rows

    def interrupted(store, key, *rest):
        if "00001-of" in key:
            raise KeyboardInterrupt
        return plain(store, key, *rest)

    monkeypatch.setattr(output.compaction, "_write_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compact(target, 300)
    with start(target, dataset) as run:
        assert run.finished
    assert ids_in(target) == expected_ids(dataset)
    monkeypatch.undo()
    assert len(compact(target, 200)) == 4
    assert ids_in(target) == expected_ids(dataset)


def test_parts_that_a_compaction_was_about_to_delete_go_when_the_job_is_run_again(tmp_path, dataset):
    finished_job(tmp_path / "out", dataset)
    left = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("part-*")}
    compact(tmp_path / "out", 300)
    for name, content in list(left.items())[:3]:
        (tmp_path / "out" / name).write_bytes(content)
    with start(tmp_path / "out", dataset) as run:
        assert run.finished
    assert ids_in(tmp_path / "out") == expected_ids(dataset)


def test_a_part_that_came_after_the_end_goes_when_the_job_is_run_again(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
        write_unit(run, dataset, Unit(0, 100, 50))  # by a worker that was given up for dead
    with start(tmp_path / "out", dataset) as run:
        assert run.missing_units(dataset.shards, 256) == []
        run.finish(dataset.shards, cpu_s=0.0)
    assert ids_in(tmp_path / "out") == expected_ids(dataset)


def test_leftovers_of_an_interrupted_compaction_go_when_the_job_goes_on(tmp_path, dataset, monkeypatch):
    target = tmp_path / "out"
    finished_job(target, dataset)
    monkeypatch.setattr(output.compaction.Store, "delete", lambda *_: pytest.fail("no part may be deleted yet"))
    plain = output.files.write_json
    monkeypatch.setattr(output.compaction, "write_json", lambda *args: None if args[2].compacted else plain(*args))
    with pytest.raises(pytest.fail.Exception):
        compact(target, 300)
    monkeypatch.undo()
    (tmp_path / "in" / "c.jsonl").write_text('{"text": "new"}\n')
    with start(target, scan(tmp_path / "in")):
        assert not list((target / "data").iterdir())


def test_compaction_failing_to_write_leaves_the_parts(tmp_path, dataset):
    target = tmp_path / "out"
    finished_job(target, dataset)
    (target / "data").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="data"):
        compact(target, 300)
    assert ids_in(target) == expected_ids(dataset)


def test_compaction_refuses_unfinished_jobs_foreign_files_and_running_ones(tmp_path, dataset):
    target = tmp_path / "out"
    with start(target, dataset), pytest.raises(ResumeError, match="another job"):
        compact(target, 300)
    with pytest.raises(UsageError, match="no finished job"):
        compact(target, 300)
    with pytest.raises(UsageError, match="at least 1 row"):
        compact(target, 0)
    finished_job(target, dataset)
    (target / "data").mkdir()
    (target / "data" / "train-00000-of-00003.parquet").write_bytes(b"precious")
    with pytest.raises(UsageError, match="not a file of this job"):
        compact(target, 300)
    assert (target / "data" / "train-00000-of-00003.parquet").read_bytes() == b"precious"


def test_a_compacted_job_takes_no_further_input(tmp_path, dataset):
    target = tmp_path / "out"
    finished_job(target, dataset)
    compact(target, 1000)
    (tmp_path / "in" / "c.jsonl").write_text('{"text": "new"}\n')
    with pytest.raises(ResumeError, match="changed after the output was compacted"):
        start(target, scan(tmp_path / "in"))
    with start(target, scan(tmp_path / "in"), mode="overwrite") as run:
        assert not list((target / "data").iterdir())
        assert len(run.missing_units(dataset.shards, 256)) == 4


def test_an_input_without_rows_makes_a_finished_empty_output(tmp_path):
    (tmp_path / "empty.csv").write_text("text\n")
    nothing = scan(tmp_path / "empty.csv")
    assert finished_job(tmp_path / "out", nothing).rows == 0
    assert compact(tmp_path / "out", 10) == []
    with start(tmp_path / "out", nothing) as run:
        assert run.finished


# --- reading ---


def test_the_rows_of_an_output_are_those_of_its_parts_and_then_of_the_compacted_files(target, dataset):
    finished_job(target, dataset, 256)
    store = open_store(target)
    store.write_bytes("mine.parquet", b"not the job's")
    expected = expected_ids(dataset)
    parts = [unit.part_name for unit in plan_units(dataset.shards, 256)]
    for files in (lambda: parts, lambda: compact(target, 300)):
        expected_files = files()
        read = Output(target)
        assert read.files == expected_files
        assert read.summary.rows == 750
        assert [row["id"] for row in read.rows(["id"])] == expected
        assert list(read.rows(["n", "status"], status="ok"))[49] == {"n": 49, "status": "ok"}
        assert next(read.tables()).column_names == schema_of(dataset).schema.names
        assert next(read.tables(["text", "id"])).column_names == ["text", "id"]
        assert list(read.rows(["id"], status=["failed", "rejected"])) == []
    with pytest.raises(UsageError, match="there is no column lyrics"):
        next(read.rows(["lyrics"]))


def test_an_output_whose_job_runs_is_read_without_the_parts_that_overlap(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        for unit in (Unit(0, 0, 100), Unit(0, 50, 200), Unit(1, 0, 50)):
            write_unit(run, dataset, unit)
        assert output.is_output(tmp_path / "out")
        assert [row["n"] for row in Output(run.store).rows(["n"])] == [*range(50, 250), *range(50)]


def test_a_folder_that_is_no_output_has_no_rows(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"")
    for place in (tmp_path, tmp_path / "a.parquet", tmp_path / "nothing", tmp_path / "*.parquet"):
        assert not output.is_output(place)
        with pytest.raises(UsageError, match="not the output of a job"):
            Output(place)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "gone"])
def test_a_damaged_part_is_found_by_who_reads_it(tmp_path, dataset, damage):
    target = tmp_path / "out"
    finished_job(target, dataset)
    part = target / "part-00000-000000064.parquet"
    data = bytearray(part.read_bytes())
    place = data.index(random.Random("a.jsonl:64").randbytes(400))
    data[place] ^= 1
    if damage == "gone":
        part.unlink()
    else:
        part.write_bytes(data if damage == "flipped" else data[:-9])
    with pytest.raises(StorageError, match="part-00000-000000064"):
        list(Output(target).tables())
    with pytest.raises(StorageError, match="part-00000-000000064"):
        compact(target, 300)


# --- renewing ---


def test_renewing_goes_on_with_the_same_job_and_starts_another_anew(target, dataset, tmp_path):
    with start(target, dataset, mode="renew") as run:
        unit = run.missing_units(dataset.shards, 256)[0]
        write_unit(run, dataset, unit)
    with start(target, dataset, mode="renew") as run:
        assert [part.unit for part in run.parts(dataset.shards)] == [unit]
        write_all(run, dataset)
        run.finish(dataset.shards, 0.0)
    with start(target, dataset, mode="renew") as run:
        assert run.finished
    with start(target, dataset, {"model": "other"}, mode="renew") as run:
        assert not run.parts(dataset.shards)
        write_all(run, dataset)
        run.finish(dataset.shards, 0.0)
    (tmp_path / "in" / "b.jsonl").write_text('{"text": "edited", "n": 1, "tags": []}\n')
    edited = scan(tmp_path / "in")
    with pytest.raises(ResumeError, match="its content changed"):
        start(target, edited, {"model": "other"})
    with start(target, edited, {"model": "other"}, mode="renew") as run:
        assert not run.parts(edited.shards)
        write_all(run, edited)
        run.finish(edited.shards, 0.0)
    assert sorted(ids_in(target)) == sorted(expected_ids(edited))


def test_renewing_does_not_take_an_output_from_a_job_that_runs(target, dataset):
    with start(target, dataset) as run:
        write_unit(run, dataset, run.missing_units(dataset.shards, 256)[0])
        with pytest.raises(ResumeError, match="another job is writing"):
            start(target, dataset, {"model": "other"}, mode="renew")
        assert len(run.parts(dataset.shards)) == 1


def test_rows_of_a_cache_are_counted_over_all_sessions(target, dataset):
    units = plan_units(dataset.shards, 400)
    with start(target, dataset) as run:
        run.add(write_unit(run, dataset, units[0]), cached_rows=30)
    with start(target, dataset) as run:
        for count, unit in enumerate(run.missing_units(dataset.shards, 400), 1):
            run.add(write_unit(run, dataset, unit), cached_rows=5 * count)
        run.finish(dataset.shards, 0.0)
    assert read_run(open_store(target)).cached_rows == 30 + 5 * 2
