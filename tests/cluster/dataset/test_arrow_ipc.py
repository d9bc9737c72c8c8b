"""Arrow IPC: streams as datasets.save_to_disk writes them, and files."""

import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from actors.errors import InputDataError
from cluster.dataset import Dataset, Unit, plan_units, read_rows, scan
from cluster.storage import open_store

TABLE = pa.table(
    {
        "id": [f"r{i}" for i in range(100)],
        "text": [f"Sentence {i}." for i in range(100)],
        "kind": pa.array([("x", "y", None)[i % 3] for i in range(100)]).dictionary_encode(),
        "audio": [{"bytes": bytes([i]), "path": f"{i}.wav"} for i in range(100)],
    }
)


def write_stream(path: Path, table: pa.Table, **options: Any) -> None:
    with pa.ipc.new_stream(path, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=7)


def write_file(path: Path, table: pa.Table, **options: Any) -> None:
    with pa.ipc.new_file(path, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=7)


def write_feather(path: Path, table: pa.Table) -> None:
    pyarrow.feather.write_feather(table, path, chunksize=7)


WRITERS = [write_stream, write_file, write_feather]
Write = Callable[..., None]


def read_table(dataset: Dataset, size: int) -> pa.Table:
    names = dataset.schema.names
    return pa.concat_tables(read_rows(dataset, unit, (), names).table for unit in plan_units(dataset.shards, size))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("columns", [["id", "text", "audio"], ["id", "text", "kind", "audio"]], ids=["plain", "dictionary"])
def test_rows_of_any_unit_are_what_was_written(tmp_path: Path, write: Write, columns: list[str]) -> None:
    write(tmp_path / "a.arrow", TABLE.select(columns))
    dataset = pickle.loads(pickle.dumps(scan(tmp_path)))  # noqa: S301
    assert (dataset.rows, dataset.shards[0].row_groups) == (100, (*[7] * 14, 2))
    for size in (1000, 20, 3):
        assert read_table(dataset, size).to_pylist() == TABLE.select(columns).to_pylist()
    batch = read_rows(dataset, Unit(0, 50, 3), ["text"], ["audio"])
    assert [(row.id, row.values["text"]) for row in batch.rows] == [(f"r{i}", f"Sentence {i}.") for i in (50, 51, 52)]
    assert len(read_rows(dataset, Unit(0, 50, 3), ()).rows) == 3


def test_object_stores_hold_arrow_too(tmp_path: Path, s3_root: str) -> None:
    write_stream(tmp_path / "a.arrow", TABLE)
    open_store(s3_root).write_file("a.arrow", tmp_path / "a.arrow")
    assert read_table(scan(s3_root), 30).to_pylist() == TABLE.to_pylist()


@pytest.mark.parametrize("suffix", ["arrow", "feather", "ipc"])
def test_suffixes_and_parquet_that_is_named_arrow(tmp_path: Path, suffix: str) -> None:
    pq.write_table(TABLE, tmp_path / f"a.{suffix}")
    write_file(tmp_path / f"b.{suffix}", TABLE)
    assert read_table(scan(tmp_path), 30).num_rows == 200


def test_features_of_hugging_face_are_kept_and_texts_may_be_views(tmp_path: Path) -> None:
    metadata = {"huggingface": json.dumps({"info": {"features": {"text": {"dtype": "string", "_type": "Value"}}}})}
    table = pa.table({"text": pa.array(["a", None, "longer than twelve bytes"], pa.string_view())})
    write_stream(tmp_path / "a.arrow", table.replace_schema_metadata(metadata))
    dataset = scan(tmp_path)
    assert dataset.features == {"text": {"dtype": "string", "_type": "Value"}}
    assert read_table(dataset, 2).to_pylist() == table.to_pylist()


@pytest.mark.parametrize("write", WRITERS)
def test_a_damaged_file_is_an_error(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "a.arrow"
    write(path, TABLE)
    whole = path.read_bytes()
    for content in (
        whole[: len(whole) // 2],
        whole[:5],
        b"not arrow at all",
        b"FEA1" + whole,
        whole[:300] + bytes(300) + whole[600:],
    ):
        path.write_bytes(content)
        with pytest.raises(InputDataError):
            scan(path)
    path.write_bytes(whole)
    dataset = scan(path)
    path.write_bytes(whole + b" ")
    with pytest.raises(InputDataError, match="was changed"):
        read_rows(dataset, Unit(0, 50, 3))


def test_a_file_without_its_end_is_an_error_and_one_without_rows_is_none(tmp_path: Path) -> None:
    write_file(tmp_path / "a.arrow", TABLE)
    (tmp_path / "a.arrow").write_bytes((tmp_path / "a.arrow").read_bytes()[:-6])
    with pytest.raises(InputDataError, match="its end is missing"):
        scan(tmp_path)
    write_file(tmp_path / "a.arrow", TABLE.slice(0, 0))
    assert scan(tmp_path).rows == 0


@pytest.mark.parametrize("columns", [["id", "text", "audio"], ["id", "text", "kind", "audio"]], ids=["plain", "dictionary"])
def test_no_damage_ends_the_process(tmp_path: Path, columns: list[str]) -> None:
    path = tmp_path / "a.arrow"
    write_stream(path, TABLE.select(columns))
    whole = path.read_bytes()
    errors = 0
    for seed in range(60):
        chance = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[chance.randrange(len(damaged))] = chance.choice([0, 255, chance.randrange(256)])
        path.write_bytes(damaged)
        try:
            read_table(scan(path), 30)
        except InputDataError:
            errors += 1
    assert errors > 10


def test_a_first_message_of_an_unknown_kind_does_not_end_the_process(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    write_stream(path, TABLE)
    whole = path.read_bytes()
    reasons = []
    for place in range(8, 64):
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        try:
            scan(path)
        except InputDataError as error:
            reasons.append(str(error))
    assert any("begins with no schema but with 'unknown'" in reason for reason in reasons)


def test_a_text_that_is_not_utf8_costs_its_row(tmp_path: Path) -> None:
    texts = pa.array([b"one", b"caf\xe9", b"three"]).view(pa.string())
    write_stream(tmp_path / "a.arrow", pa.table({"id": ["a", "b", "c"], "text": texts}))
    rows = read_rows(scan(tmp_path), Unit(0, 0, 3)).rows
    assert [(row.id, row.error is None) for row in rows] == [("a", True), ("b", False), ("c", True)]
