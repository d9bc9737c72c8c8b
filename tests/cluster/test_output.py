import errno
import json
import logging
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
from actors.processor import this_maker
from cluster import output
from cluster.dataset import Dataset, Unit, plan_units, read_rows, scan, unreadable_rows
from cluster.output import (
    SYNTHESIS_SCHEMA,
    TRANSCRIPTION_SCHEMA,
    audio_feature,
    choose_parts,
    compact,
    fingerprint_of,
    open_run,
    part_schema,
    read_run,
    summarise,
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
        SYNTHESIS_SCHEMA,
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
    schema = part_schema(SYNTHESIS_SCHEMA, inputs, consumed={"text"})
    assert schema.passthrough == {"status": "input_input_status", "input_status": "input_status", "n": "n"}
    assert schema.schema.field("input_input_status").type == pa.int8()
    assert schema.schema.names[: schema.own] == SYNTHESIS_SCHEMA.names


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
    schema = part_schema(SYNTHESIS_SCHEMA, inputs, features={"audio": audio_feature(24000)}, input_features={"label": label})
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


@pytest.mark.parametrize("kind", [pa.map_(pa.string(), pa.int64()), pa.list_(pa.map_(pa.string(), pa.string()))])
def test_a_type_that_datasets_lacks_leaves_the_metadata_out(kind, caplog):
    with caplog.at_level(logging.WARNING):
        schema = part_schema(TRANSCRIPTION_SCHEMA, pa.schema([("tags", kind)]))
    assert schema.schema.metadata is None
    assert "tags" in caplog.text


def test_the_transcription_schema_is_the_documented_one():
    columns = "id, path, duration_s, language, text, segments, status, error, finish_reason, model"
    assert ", ".join(TRANSCRIPTION_SCHEMA.names) == columns
    assert str(TRANSCRIPTION_SCHEMA.field("segments").type) == (
        "list<item: struct<start: double, end: double, speaker: string, text: string>>"
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
        assert {path.name for path in (tmp_path / "out").iterdir()} == {".speechmill.lock", "run.inputs", "run.json"}


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
    index = json.loads(store.read_bytes("index.json"))
    assert [part["key"] for part in index["parts"]] == [unit.part_name for unit in plan_units(dataset.shards, 256)]
    assert not store.exists(".speechmill.lock")
    assert summarise(target) == summary

    before = store.read_bytes("run.json")
    with start(target, dataset, workers=5) as run:
        assert run.finished
        assert run.missing_units(dataset.shards, 256) == []
        assert run.finish(dataset.shards, cpu_s=1.0) == summary
    assert store.read_bytes("run.json") == before


def test_a_job_says_what_made_each_part_and_once_that_it_was_not_one_machine(target, dataset, monkeypatch, caplog):
    first = replace(this_maker(), processor="avx512-vnni")
    second = replace(this_maker(), processor="avx2")
    units = plan_units(dataset.shards, 256)
    monkeypatch.setattr(output.parts, "this_maker", lambda: first)
    with start(target, dataset) as run:
        run.missing_units(dataset.shards, 256)
        run.add(write_unit(run, dataset, units[0]))
    store = open_store(target)
    made = [{**asdict(first), "parts": [units[0].part_name]}]
    assert [one.model_dump() for one in read_run(store).made_by] == made
    assert not [record for record in caplog.records if "made by" in record.message]

    monkeypatch.setattr(output.parts, "this_maker", lambda: second)
    with start(target, dataset) as run:
        for unit in run.missing_units(dataset.shards, 256):
            run.add(write_unit(run, dataset, unit))
        run.finish(dataset.shards, cpu_s=1.0)
    (told,) = [record.message for record in caplog.records if "made by" in record.message]
    assert f"{first}; {second}" in told
    assert "last bits" in told
    made.insert(0, {**asdict(second), "parts": [unit.part_name for unit in units[1:]]})
    assert [one.model_dump() for one in read_run(store).made_by] == made
    assert [part.maker for part in summarise(target).parts] == [first, second, second, second]


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
                run.add(write_unit(run, dataset, unit), cpu_s=2.0)
            raise RuntimeError("node lost")

    with pytest.raises(RuntimeError, match="node lost"):
        broken_job()
    record = read_run(open_store(target))
    assert (record.state, record.error, record.audio_s) == ("stopped", "RuntimeError: node lost", 150.0)
    assert record.counts == {"rows": 300, "ok": 300, "rejected": 0, "failed": 0, "parts": 3}
    assert summarise(target).rows == 300

    with start(target, dataset) as run:
        units = run.missing_units(dataset.shards, 256)  # another unit size, cut at the same rows as a fresh plan
        assert [(u.shard, u.first, u.stop) for u in units] == [(0, 300, 512), (0, 512, 700), (1, 0, 50)]
        assert sum(part.unit.count for part in run.parts(dataset.shards)) == 300
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=3.0)
    record = read_run(open_store(target))
    assert (record.state, record.error, record.sessions, record.cpu_s) == ("finished", None, 2, 5.0)
    assert sorted(ids_in(target)) == sorted(expected_ids(dataset))


def test_finishing_with_rows_missing_is_an_error(tmp_path, dataset):
    with start(tmp_path / "out", dataset) as run:
        write_unit(run, dataset, Unit(0, 0, 700))
        with pytest.raises(SpeechmillError, match="50 of 750 rows are not in the output"):
            run.finish(dataset.shards, cpu_s=0.0)
    assert not (tmp_path / "out" / "index.json").exists()
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
    index = json.loads((tmp_path / "out" / "index.json").read_text())
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


@pytest.mark.parametrize("rewritten", ["smaller", "removed"])
def test_what_happens_to_a_known_part_is_seen_at_the_next_look(target, dataset, rewritten):
    with start(target, dataset) as run:
        run.missing_units(dataset.shards, 256)
        for unit in plan_units(dataset.shards, 256):
            run.add(write_unit(run, dataset, unit))
        if rewritten == "smaller":
            write_unit(run, dataset, Unit(0, 256, 128))
        else:
            run.store.delete(Unit(0, 256, 256).part_name)
        first = 384 if rewritten == "smaller" else 256
        assert run.missing_units(dataset.shards, 256) == [Unit(0, first, 512 - first)]
        assert run.summary.rows == 750 - (512 - first)


# --- what it costs ---


def count_saves(monkeypatch):
    """Return a list that grows with the keys that are written as JSON."""
    keys = []
    plain = output.files.write_json

    def write(store, key, *rest, **named):
        keys.append(key)
        plain(store, key, *rest, **named)

    monkeypatch.setattr(output.run, "write_json", write)
    return keys


def test_progress_is_saved_now_and_then_and_the_inputs_once(tmp_path, dataset, monkeypatch):
    keys = count_saves(monkeypatch)
    clock = [1000.0]
    monkeypatch.setattr(output.run.time, "monotonic", lambda: clock[0])
    with start(tmp_path / "out", dataset) as run:
        run.missing_units(dataset.shards, 10)
        assert keys == ["run.inputs", "run.json"]
        keys.clear()
        for i in range(30):
            clock[0] += 0.5
            run.add(part_of(10 * i, 10), cpu_s=float(i))
        assert keys == ["run.json"] * 3
        record = read_run(run.store)
        assert (record.state, record.cpu_s, record.made_by) == ("running", 29.0, [])
        assert record.counts == {"rows": 300, "ok": 300, "rejected": 0, "failed": 0, "parts": 30}
    assert keys == ["run.json"] * 4
    keys.clear()
    with start(tmp_path / "out", dataset):
        assert keys == ["run.json"]


def test_the_record_does_not_grow_with_the_input(tmp_path):
    sizes = []
    for shards in (1, 100):
        inputs = [(f"shard-{i}.txt", "0" * 64) for i in range(shards)]
        with open_run(tmp_path / str(shards), arguments=ARGUMENTS, other={}, inputs=inputs) as run:
            sizes.append(len(run.store.read_bytes("run.json")))
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
            return ["HEAD out/.speechmill.lock", f"PUT out/{unit.part_name}"]

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
        owner = json.loads(run.store.read_bytes(".speechmill.lock"))
        run.store.write_bytes(".speechmill.lock", json.dumps({**owner, "session": "0" * 32}).encode())
        with pytest.raises(ResumeError, match="is over"):
            writer.write(batch, synthesize(batch))
        run.store.delete(".speechmill.lock")
        with pytest.raises(ResumeError, match="is over"):
            writer.write(batch, synthesize(batch))


# --- outputs of earlier versions ---


def inline_inputs(target, dataset):
    """Make an output look as if a version had written it that kept the inputs in run.json."""
    store = open_store(target)
    record = json.loads(store.read_bytes("run.json"))
    record["inputs"] = [[name, digest] for name, digest in dataset.inputs]
    store.write_bytes("run.json", json.dumps(record).encode())
    store.delete("run.inputs")


def test_an_output_with_the_inputs_in_its_record_goes_on(target, dataset):
    with start(target, dataset) as run:
        write_unit(run, dataset, Unit(0, 0, 256))
    inline_inputs(target, dataset)
    with pytest.raises(ResumeError, match=r"input 1: b\.jsonl -> \(nothing\)"):
        open_run(target, arguments=ARGUMENTS, other={}, inputs=dataset.inputs[:1])
    with start(target, dataset) as run:
        assert len(run.missing_units(dataset.shards, 256)) == 3
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
    assert read_run(open_store(target)).inputs == output.InputsNote(file="run.inputs", shards=2)
    inline_inputs(target, dataset)
    with start(target, dataset) as run:
        assert run.finished


def test_an_output_whose_inputs_are_gone_says_so(tmp_path, dataset):
    with start(tmp_path / "out", dataset):
        pass
    (tmp_path / "out" / "run.inputs").unlink()
    with pytest.raises(ResumeError, match=r"run\.inputs is gone"):
        start(tmp_path / "out", dataset)
    with start(tmp_path / "out", dataset, mode="overwrite") as run:
        assert not run.finished


# --- what is in the folder already ---


@pytest.mark.parametrize("name", ["train.parquet", "part-00000-000000000.parquet", "index.json"])
@pytest.mark.parametrize("mode", ["resume", "overwrite"])
def test_a_folder_with_other_data_is_refused_and_left_alone(tmp_path, dataset, name, mode):
    path = tmp_path / "out" / name
    path.parent.mkdir()
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match=f"no run.json but holds {name}"):
        start(tmp_path / "out", dataset, mode=mode)
    assert list((tmp_path / "out").iterdir()) == [path]


def test_overwrite_deletes_what_the_job_wrote_and_nothing_else(target, dataset):
    with start(target, dataset) as run:
        write_all(run, dataset)
        run.finish(dataset.shards, cpu_s=0.0)
    store = open_store(target)
    for key in ("README.md", "data/train-00000-of-00009.parquet", "notes/part-00000-000000000.parquet"):
        store.write_bytes(key, b"mine")
    with start(target, dataset, {"model": "other"}, mode="overwrite") as run:
        assert not run.finished
        assert {entry.key for entry in store.entries()} - {".speechmill.lock"} == {
            "README.md",
            "data/train-00000-of-00009.parquet",
            "notes/part-00000-000000000.parquet",
            "run.inputs",
            "run.json",
        }
        assert len(run.missing_units(dataset.shards, 256)) == 4


@pytest.mark.parametrize("content", ["", "{}", '{"state": "running"}', "[1]", "\xff"])
def test_a_run_record_that_cannot_be_understood_is_refused(tmp_path, dataset, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(ResumeError, match=r"run\.json is not a file that this version writes"):
        start(tmp_path / "out", dataset)


def test_summarise_refuses_a_folder_that_is_no_output(tmp_path):
    with pytest.raises(UsageError, match="not the output of a job"):
        summarise(tmp_path)


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
    path = tmp_path / "out" / ".speechmill.lock"

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
    assert not (tmp_path / "out" / ".speechmill.lock").exists()


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
    assert open_store(target).exists(".speechmill.lock")
    with start(target, dataset) as run:
        assert len(run.missing_units(dataset.shards, 256)) == 4


def foreign_lease(store):
    store.write_bytes(".speechmill.lock", json.dumps({"session": "x", "host": "elsewhere", "pid": 1}).encode())


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
        store.write_bytes(".speechmill.lock", store.read_bytes(".speechmill.lock").replace(b'"since"', b'"other"'))
        wait_for(lambda: b'"since"' in store.read_bytes(".speechmill.lock"))
        foreign_lease(store)
        wait_for(lambda: not run._lock.held)
        for call in (
            lambda: run.missing_units(dataset.shards, 256),
            lambda: run.add(part_of(0, 10)),
            lambda: run.finish(dataset.shards, cpu_s=0.0),
        ):
            with pytest.raises(ResumeError, match="took the output over"):
                call()
    assert b"elsewhere" in store.read_bytes(".speechmill.lock")
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
    assert summarise(target) == summary
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
        plain(store, key, *rest)

    monkeypatch.setattr(output.compaction, "_write_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compact(target, 300)
    with start(target, dataset) as run:
        assert run.finished
    monkeypatch.undo()
    assert len(compact(target, 200)) == 4
    assert ids_in(target) == expected_ids(dataset)


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
