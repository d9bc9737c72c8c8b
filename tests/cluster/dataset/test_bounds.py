"""Small files that unpack to large ones: memory stays bounded, and the row or the shard says why."""

import gzip
import json
import re
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import InputDataError
from cluster.dataset import Unit, find_duplicate_ids, plan_units, read_pieces, read_rows, scan
from cluster.dataset.units import UNIT_BYTES

MIB = 1 << 20


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch):
    """A thousandth of the real bounds, so that the files are small too."""
    monkeypatch.setattr("cluster.dataset.units.UNIT_BYTES", 128 << 10)
    for module in ("parquet", "parquet_scan", "text_formats", "units"):
        monkeypatch.setattr(f"cluster.dataset.{module}.UNIT_BYTES", 128 << 10)
    monkeypatch.setattr("cluster.dataset.text_formats._STRIDE_BYTES", 16 << 10)
    monkeypatch.setattr("cluster.dataset.lines._MAX_BLANK_LINES", 1000)
    monkeypatch.setattr("cluster.dataset.text_formats._MAX_JSON_VALUES", 1000)
    monkeypatch.setattr("cluster.dataset.parquet_bounds._HARMLESS_VALUES", 16 << 10)
    monkeypatch.setattr("cluster.dataset.parquet_bounds._HARMLESS_BYTES", 256 << 10)


def repeated(value, count):
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), value)


TEXT = "x" * (8 << 10)
BOMBS = {
    "text": {"text": repeated(pa.array([TEXT]), 300)},
    "other": {"text": ["t"] * 300, "v": repeated(pa.array([TEXT]), 300)},
    "bytes": {"text": ["t"] * 300, "v": repeated(pa.array([TEXT.encode()]), 300)},
    "record": {"text": ["t"] * 300, "v": pa.StructArray.from_arrays([repeated(pa.array([TEXT]), 300)], ["s"])},
    "list": {"text": ["t"] * 300, "v": pa.ListArray.from_arrays(list(range(301)), repeated(pa.array([TEXT]), 300))},
    "fixed": {"text": ["t"] * 300, "v": pa.array([TEXT.encode()] * 300, pa.binary(8 << 10))},
    "numbers": {"text": ["t"] * 300, "v": pa.array([np.zeros(50, np.int64)] * 300)},
}


def batches_of(dataset, names=None):
    return [
        batch for unit in plan_units(dataset.shards, 256) for batch in read_pieces(dataset, unit, names or dataset.schema.names)
    ]


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("rows_per_group", [300, 7])
def test_a_value_that_is_stored_once_for_many_rows_is_read_in_pieces(tmp_path, kind, rows_per_group):
    table = pa.table(BOMBS[kind])
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=rows_per_group)
    dataset = scan(path)
    if kind not in ("numbers",):
        assert path.stat().st_size < 128 << 10
        names = [name for name in dataset.schema.names if name != "text"] or ["text"]
        unit = plan_units(dataset.shards, 300)[0]
        with pytest.raises(InputDataError, match="read fewer"):
            read_rows(dataset, unit, (), names)
    found = batches_of(dataset)
    assert [row.id for batch in found for row in batch.rows] == [f"a.parquet:{i}" for i in range(300)]
    assert not [row.error for batch in found for row in batch.rows if row.error]
    if kind != "numbers":
        assert max(batch.unit.count for batch in found) <= 16


@pytest.mark.parametrize("count", [300, 5000])
def test_ids_that_are_stored_once_are_compared_without_copies(tmp_path, count):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["t"] * count, "id": repeated(pa.array([TEXT]), count)}), path)
    dataset = scan(path)
    tracemalloc.start()
    (sentence,) = find_duplicate_ids(dataset)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sentence.endswith(f"(8192 characters): rows {', '.join(f'a.parquet:{i}' for i in range(3))}")
    assert peak < 4 * MIB  # the texts have 40 MiB


@pytest.mark.parametrize("kind", ["jsonl", "txt", "csv"])
@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_large_rows_of_text_formats_are_few_in_a_unit(tmp_path, kind, pack):
    row = {"jsonl": json.dumps({"text": "x" * 30_000}), "txt": "x" * 30_000, "csv": "x" * 30_000}[kind]
    lines = [*(["text"] if kind == "csv" else []), *[row] * 40]
    path = tmp_path / f"a.{kind}{'.gz' if pack is gzip.compress else ''}"
    path.write_bytes(pack("\n".join(lines).encode()))
    dataset = scan(path)
    units = plan_units(dataset.shards, 256)
    assert max(unit.count for unit in units) == 2
    assert [len(row.values["text"]) for unit in units for row in read_rows(dataset, unit).rows] == [30_000] * 40


def test_a_few_large_rows_among_small_ones_are_read_in_pieces(tmp_path):
    rows = [{"text": "a"}] * 200 + [{"text": "x" * 100_000}] * 3 + [{"text": "b"}] * 300
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = scan(tmp_path)
    assert [row.values["text"] for batch in batches_of(dataset) for row in batch.rows] == [row["text"] for row in rows]
    with pytest.raises(InputDataError, match="read fewer"):
        read_rows(dataset, Unit(0, 190, 100))


def test_repeated_ids_of_large_rows_are_found_one_row_at_a_time(tmp_path):
    with (tmp_path / "a.jsonl").open("w") as file:
        for i in range(2000):
            file.write(json.dumps({"id": i % 1999, "text": "x" * 20_000}) + "\n")
    dataset = scan(tmp_path)
    tracemalloc.start()
    assert find_duplicate_ids(dataset) == ["id '0': rows a.jsonl:0, a.jsonl:1999"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MIB  # the rows have 40 MB


def test_an_id_that_all_rows_share_is_one_sentence(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "x", "text": "a"}\n' * 1000)
    assert find_duplicate_ids(scan(tmp_path)) == ["id 'x': rows a.jsonl:0, a.jsonl:1, a.jsonl:2"]


@pytest.mark.parametrize("kind", ["jsonl", "txt", "csv"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_file_of_nothing_but_line_ends_is_no_table(tmp_path, kind, end):
    path = tmp_path / f"a.{kind}.gz"
    path.write_bytes(gzip.compress(b"text" + end + end * 1001))
    with pytest.raises(InputDataError, match="more than 1,000 blank lines"):
        scan(path)


@pytest.mark.parametrize("item", ["{}", "[]", "1", '{"a": 1}'])
def test_a_line_of_very_many_json_values_is_a_row_with_a_reason(tmp_path, item):
    lines = [f'{{"id": "x", "text": "a", "v": [{", ".join([item] * 2000)}]}}', '{"id": "y", "text": "b", "v": []}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    bad, good = (row for batch in batches_of(scan(tmp_path)) for row in batch.rows)
    assert (bad.id, good.id, good.error) == ("x", "y", None)
    assert "more than 1,000 JSON values" in bad.error


# --- footers that lie ---


def varint(number):
    """A number as Thrift's compact protocol writes it."""
    left, data = number * 2 if number >= 0 else -number * 2 - 1, []
    while left > 127:
        data.append(left & 127 | 128)
        left >>= 7
    return bytes([*data, left])


def lying(path, rows, *, everywhere):
    """Write a file whose footer says that it has another number of rows: as a whole, or everywhere."""
    pq.write_table(pa.table({"text": ["a"] * 70_003}), path)
    data = path.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - length : -8]
    told = re.sub(re.escape(varint(70_003)), lambda _: varint(rows), footer, count=0 if everywhere else 1)
    assert told != footer
    path.write_bytes(data[: -8 - length] + told + len(told).to_bytes(4, "little") + b"PAR1")
    return path


@pytest.mark.parametrize("rows", [10**12, -5, 2**62, 70_004, 0])
@pytest.mark.parametrize("everywhere", [True, False])
def test_a_footer_whose_rows_cannot_be_is_damaged(tmp_path, rows, everywhere):
    path = lying(tmp_path / "a.parquet", rows, everywhere=everywhere)
    if everywhere and rows in (70_004, 0):  # nothing in the footer contradicts it
        dataset = scan(path)
        assert dataset.rows == rows
        return
    with pytest.raises(InputDataError, match=r"a\.parquet: (its footer is damaged|not a readable parquet file)"):
        scan(path)


def test_no_byte_of_a_footer_ends_the_process(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["one", None], "n": [1, 2]}), path)
    whole = path.read_bytes()
    reasons = []
    for place in range(len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"), len(whole) - 8):
        path.write_bytes(whole[:place] + b"\0" + whole[place + 1 :])
        try:
            scan(path)
        except InputDataError as error:
            reasons.append(str(error))
    assert any("histogram size mismatch" in reason for reason in reasons)


def test_a_chunk_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x" * 8192] * 1000}), path, use_dictionary=False, compression="zstd")
    with pytest.raises(InputDataError, match="column 'text' unpacks to 7 MiB from"):
        scan(path)


def test_a_chunk_of_very_many_values_in_a_few_bytes_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["t"] * 300, "v": pa.array([np.zeros(5000, np.int64)] * 300)}), path)
    with pytest.raises(InputDataError, match=r"column 'v\.list\.element' has 1500000 values in"):
        scan(path)


def test_many_chunks_that_unpack_to_a_thousand_times_their_size_are_refused_together(tmp_path):
    path = tmp_path / "a.parquet"
    columns = {f"c{i}": ["x" * 8192] * 25 for i in range(10)}
    pq.write_table(pa.table({"text": ["t"] * 25, **columns}), path, use_dictionary=False, compression="zstd")
    with pytest.raises(InputDataError, match="a row group unpacks to 1 MiB from"):
        scan(path)


def test_rows_with_ever_new_columns_are_no_table(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": "a", f"k{i}": i}) + "\n" for i in range(10_001)))
    with pytest.raises(InputDataError, match="more than 10,000 columns"):
        scan(tmp_path)
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "a.csv").write_text("text," + ",".join(f"c{i}" for i in range(10_000)) + "\n")
    with pytest.raises(InputDataError, match="10,001 columns"):
        scan(tmp_path)


def test_the_real_bound_is_what_a_worker_can_hold_several_times():
    assert UNIT_BYTES == 128 * MIB
