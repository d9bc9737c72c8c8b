import gzip
import json
import os
import pickle
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from actors.errors import InputDataError, StorageError, UsageError
from cluster import spool
from cluster.dataset import (
    Dataset,
    Shard,
    Unit,
    find_duplicate_ids,
    missing_units,
    plan_units,
    read_rows,
    remove_decompressed,
    scan,
    scan_media,
    unreadable_rows,
)
from cluster.storage import open_store

TEXTS = [f"Sentence number {i}." for i in range(1000)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """Where decompressed copies are kept."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SPEECHMILL_CACHE", str(folder))
    return folder / "inputs"


def write_jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_parquet(path, table, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def all_rows(dataset: Dataset, rows_per_unit=100, columns=None):
    units = plan_units(dataset.shards, rows_per_unit)
    return [row for unit in units for row in read_rows(dataset, unit, columns).rows]


def passed_through(dataset: Dataset, rows_per_unit=100):
    names = dataset.schema.names
    units = plan_units(dataset.shards, rows_per_unit)
    return pa.concat_tables(read_rows(dataset, unit, (), names).table for unit in units)


# --- formats ---


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "txt"])
def test_text_formats_give_every_row_with_its_number(tmp_path, kind, suffix):
    separator = "\t" if kind == "tsv" else ","
    lines = {
        "jsonl": [json.dumps({"text": text, "n": i}) for i, text in enumerate(TEXTS)],
        "csv": ["n,text", *(f'{i}{separator}"{text}"' for i, text in enumerate(TEXTS))],
        "tsv": ["n\ttext", *(f'{i}{separator}"{text}"' for i, text in enumerate(TEXTS))],
        "txt": TEXTS,
    }[kind]
    data = "\n".join(lines).encode()  # without a final newline
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix]
    path = tmp_path / f"in.{kind}{suffix}"
    path.write_bytes(pack(data))

    dataset = scan(path)

    assert dataset.rows == 1000
    rows = all_rows(dataset, 300, ["text"])
    assert [row.values["text"] for row in rows] == TEXTS
    assert [row.id for row in rows] == [f"in.{kind}{suffix}:{i}" for i in range(1000)]
    middle = read_rows(dataset, Unit(0, 767, 2), ["text"])
    found = [(row.id, row.values["text"]) for row in middle.rows]
    assert found == [(f"in.{kind}{suffix}:{i}", TEXTS[i]) for i in (767, 768)]


def test_gzip_of_several_members_is_read_to_the_end(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n") + gzip.compress(b"three\n"))
    assert [row.values["text"] for row in all_rows(scan(path))] == ["one", "two", "three"]


def test_blank_txt_lines_are_rows_so_that_numbers_match_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n  \nfour\n")
    rows = all_rows(scan(path))
    assert [row.values["text"] for row in rows] == ["one", "", "  ", "four"]
    assert rows[3].id == "a.txt:3"


def test_blank_jsonl_and_csv_lines_are_not_rows(tmp_path):
    (tmp_path / "a.jsonl").write_text('\n{"text": "a"}\n\n  \n{"text": "b"}\n\n')
    (tmp_path / "b.csv").write_text("text\na\n\nb\n\n")
    assert [row.values["text"] for row in all_rows(scan(tmp_path))] == ["a", "b", "a", "b"]


def test_csv_fields_hold_newlines_quotes_and_long_texts(tmp_path):
    long = "x" * 1_000_000
    path = tmp_path / "a.csv"
    path.write_bytes(f'id,text\r\n1,"two\nlines, ""quoted"""\r\n2,{long}\r\n3,é中🎈\r\n4\r\n'.encode())
    dataset = scan(path)
    rows = all_rows(dataset, 1)
    assert [row.values["text"] for row in rows] == ['two\nlines, "quoted"', long, "é中🎈", None]
    assert [row.id for row in rows] == ["1", "2", "3", "4"]
    assert passed_through(dataset).schema == pa.schema([("id", pa.string()), ("text", pa.string())])


def test_parquet_types_pass_through_unchanged(tmp_path):
    table = pa.table(
        {
            "text": TEXTS[:5],
            "blob": pa.array([b"\0\xff", None, b"", b"a", b"b"], pa.large_binary()),
            "nested": pa.array([[{"a": 1, "b": [0.5]}], [], None, [], []]),
            "when": pa.array([datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)] * 5, pa.timestamp("ns", "UTC")),
            "tags": pa.array([[("k", 1)], [], None, [], []], pa.map_(pa.string(), pa.int64())),
            "kind": pa.array(["x", "y", "x", None, "y"]).dictionary_encode(),
            "small": pa.array([1, 2, None, 4, 5], pa.int8()),
        }
    )
    dataset = scan(write_parquet(tmp_path / "a.parquet", table))
    out = passed_through(dataset, 2)
    assert out.drop(["kind"]).equals(table.drop(["kind"]))
    assert out.column("kind").type == pa.string()
    assert out.column("kind").to_pylist() == ["x", "y", "x", None, "y"]


def test_parquet_features_of_hugging_face_survive_where_shards_agree(tmp_path):
    label = {"names": ["a", "b"], "_type": "ClassLabel"}
    text = {"dtype": "string", "_type": "Value"}
    for name, features in (("1", {"text": text, "label": label}), ("2", {"text": None, "label": label})):
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        table = pa.table({"text": ["x"], "label": [1]}).replace_schema_metadata(metadata)
        write_parquet(tmp_path / f"{name}.parquet", table)
    assert scan(tmp_path).features["label"] == label


@pytest.mark.parametrize("metadata", ["not json", "[]", '{"info": {}}', '{"info": {"features": 3}}'])
def test_malformed_feature_metadata_is_ignored(tmp_path, metadata):
    table = pa.table({"text": ["x"]}).replace_schema_metadata({"huggingface": metadata})
    assert scan(write_parquet(tmp_path / "a.parquet", table)).features == {}


# --- what is read ---


class Spy:
    """An opened file that calls ``on_read`` with what is read from it."""

    def __init__(self, file, on_read):
        self._file = file
        self._on_read = on_read

    def read_at(self, size, offset):
        data = self._file.read_at(size, offset)
        self._on_read(data)
        return data

    def __getattr__(self, name):
        return getattr(self._file, name)


def spy_on(dataset, monkeypatch, on_read):
    store = type(dataset.shards[0].store)
    plain = store.open_input
    monkeypatch.setattr(store, "open_input", lambda self, key: Spy(plain(self, key), on_read))


def test_a_slice_of_parquet_reads_a_fraction_of_the_file(tmp_path, monkeypatch):
    noise = random.Random(0)
    table = pa.table({"text": TEXTS, "blob": [noise.randbytes(20_000) for _ in TEXTS]})
    small_pages = {"use_dictionary": False, "data_page_size": 1 << 16, "write_batch_size": 1}
    path = write_parquet(tmp_path / "a.parquet", table, row_group_size=250, **small_pages)
    dataset = scan(path)
    sizes = []
    spy_on(dataset, monkeypatch, lambda data: sizes.append(len(data)))

    batch = read_rows(dataset, Unit(0, 500, 20), ["text"], ["blob"])
    assert batch.table.column("blob").to_pylist() == table.column("blob").to_pylist()[500:520]
    assert sum(sizes) < path.stat().st_size / 5  # a row group is a quarter of the file
    sizes.clear()
    assert [row.values["text"] for row in read_rows(dataset, Unit(0, 240, 20), ["text"]).rows] == TEXTS[240:260]
    assert sum(sizes) < path.stat().st_size / 50


@pytest.mark.parametrize("limit", ["_DECODED_BYTES", "_DECODED_ROW_BYTES", "nothing is large"])
def test_a_row_group_of_small_rows_is_decoded_once_for_all_its_units(tmp_path, monkeypatch, limit):
    for module in ("parquet", "parquet_scan"):
        monkeypatch.setattr(f"cluster.dataset.{module}.WHOLE_BYTES", 0)
    monkeypatch.setattr("cluster.dataset.parquet._TAIL_BYTES", 4000)
    if limit.startswith("_"):
        monkeypatch.setattr(f"cluster.dataset.parquet.{limit}", 1)
    texts = [f"{i:050d}" for i in range(4000)]
    path = write_parquet(tmp_path / "a.parquet", pa.table({"text": texts, "n": range(4000)}), row_group_size=2000)
    dataset = scan(path)
    sizes = []
    spy_on(dataset, monkeypatch, sizes.append)
    units = plan_units(dataset.shards, 100)
    tables = [read_rows(dataset, unit, ["text"], ["n"]).table for unit in units]
    assert pa.concat_tables(tables).column("n").to_pylist() == list(range(4000))
    assert read_rows(dataset, Unit(0, 1990, 20), ["text"]).rows[10].values["text"] == texts[2000]
    large = [data for data in sizes if len(data) > 4000]
    assert (len(large) > 10) == limit.startswith("_")


def test_a_slice_of_plain_text_is_read_from_its_place(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{i:0999d}\n" for i in range(5000)))
    dataset = scan(path)
    sizes = []
    spy_on(dataset, monkeypatch, lambda data: sizes.append(len(data)))
    assert int(read_rows(dataset, Unit(0, 4900, 1), ["text"]).rows[0].values["text"]) == 4900
    assert sum(sizes) < path.stat().st_size / 4


class CountingStream(pa.CompressedInputStream):
    """Counts the bytes that are decompressed."""

    count = 0

    def readinto(self, buffer):
        read = super().readinto(buffer)
        CountingStream.count += read
        return read


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_file_is_decompressed_once_for_all_its_units(tmp_path, monkeypatch, cache, suffix):
    lines = b"".join(b"%d\n" % i for i in range(50_000))
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes({".gz": gzip.compress, ".zst": zstandard.compress}[suffix](lines))
    dataset = scan(path)
    monkeypatch.setattr(pa, "CompressedInputStream", CountingStream)
    monkeypatch.setattr(CountingStream, "count", 0)
    units = plan_units(dataset.shards, 1000)
    random.Random(0).shuffle(units)
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda unit: read_rows(dataset, unit), units))
    found = {row.id: int(row.values["text"]) for batch in batches for row in batch.rows}
    assert found == {f"a.txt{suffix}:{i}": i for i in range(50_000)}
    assert CountingStream.count == len(lines)
    assert (cache / dataset.shards[0].digest).stat().st_size == len(lines)
    remove_decompressed(dataset)
    assert list(cache.iterdir()) == []


def test_a_compressed_file_that_is_one_unit_needs_no_copy(tmp_path, cache):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"line\n" * 600))
    assert len(all_rows(scan(path), 600)) == 600
    assert not cache.exists()


def test_a_compressed_file_for_whose_copy_there_is_no_room_is_read_all_the_same(tmp_path, monkeypatch, cache):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"".join(b"%d\n" % i for i in range(5000))))
    monkeypatch.setattr(spool, "_MAX_BYTES", 100)
    assert [row.values["text"] for row in all_rows(scan(path), 700)] == [str(i) for i in range(5000)]
    assert all(file.suffix == ".lock" for file in cache.iterdir())


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_compressed_file_whose_content_changed_is_an_error(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    pack = gzip.compress if suffix else bytes
    path.write_bytes(pack(b"line\n" * 600))
    dataset = scan(path)
    path.write_bytes(pack(b"lime\n" * 599))
    with pytest.raises(InputDataError, match="was changed"):
        read_rows(dataset, Unit(0, 550, 50))


def test_only_the_asked_columns_are_returned_and_absent_ones_are_none(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "voice": "v", "other": 1}])
    (row,) = read_rows(scan(path), Unit(0, 0, 1), ["text", "voice", "seed"]).rows
    assert row.values == {"text": "a", "voice": "v", "seed": None}


def test_columns_with_a_dot_in_their_name_are_not_confused(tmp_path):
    table = pa.table({"text": ["x"], "a": [{"b": 1}], "a.b": [2]})
    dataset = scan(write_parquet(tmp_path / "a.parquet", table))
    assert passed_through(dataset).equals(table)


def test_a_dataset_travels_to_workers_by_pickle(tmp_path):
    dataset = scan(write_jsonl(tmp_path / "a.jsonl", [{"text": text} for text in TEXTS[:3]]))
    copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - what Ray does with it
    assert all_rows(copy) == all_rows(dataset)


def test_a_dataset_of_many_alike_shards_is_small(tmp_path):
    for i in range(100):
        write_parquet(tmp_path / f"{i}.parquet", pa.table({"id": [f"row {i}"], "text": ["hello"], "n": [i]}))
        write_jsonl(tmp_path / f"{i}.jsonl", [{"id": f"line {i}", "text": "hello", "n": i}])
    dataset = scan(tmp_path)
    assert len({id(shard.schema) for shard in dataset.shards}) == 1
    assert len(pickle.dumps(dataset)) < 200 * 250


# --- types of JSON columns ---


def test_json_columns_get_one_type_for_all_units(tmp_path):
    rows = [{"text": "a", "i": 1, "f": 1, "l": [], "s": {"x": 1}, "n": None}] * 300
    rows += [{"text": "b", "i": 2, "f": 0.5, "l": [1], "s": {"y": "z"}, "n": None, "late": True}]
    dataset = scan(write_jsonl(tmp_path / "a.jsonl", rows))
    assert dataset.schema == pa.schema(
        [
            ("text", pa.string()),
            ("i", pa.int64()),
            ("f", pa.float64()),
            ("l", pa.list_(pa.int64())),
            ("s", pa.struct([("x", pa.int64()), ("y", pa.string())])),
            ("n", pa.string()),
            ("late", pa.bool_()),
        ]
    )
    assert passed_through(dataset).column("s").to_pylist()[-1] == {"x": None, "y": "z"}


def test_json_values_without_a_common_type_become_json_texts(tmp_path):
    rows = [{"text": "a", "v": 1, "e": {}}, {"text": "b", "v": "é", "e": {"k": 1}}, {"text": "c", "v": None}]
    dataset = scan(write_jsonl(tmp_path / "a.jsonl", rows))
    table = passed_through(dataset, 1)
    assert table.column("v").to_pylist() == ["1", '"é"', None]
    assert table.column("e").to_pylist() == ["{}", '{"k": 1}', None]
    assert [row.values["v"] for row in all_rows(dataset)] == [1, "é", None]


@pytest.mark.parametrize("values", [[2**60 + 1, 0.5], [{"x": 2**60 + 1}, {"x": 0.5}], [[2**60 + 1], [0.5]]])
def test_integers_that_floats_would_round_become_json_texts(tmp_path, values):
    dataset = scan(write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "v": value} for value in values]))
    assert [json.loads(text) for text in passed_through(dataset).column("v").to_pylist()] == values


def test_integers_beyond_64_bits_become_json_texts(tmp_path):
    dataset = scan(write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "v": 2**70}, {"text": "b", "v": 1}]))
    assert passed_through(dataset).column("v").to_pylist() == [str(2**70), "1"]


def test_objects_with_ever_new_keys_become_json_texts(tmp_path):
    rows = [{"text": "a", "v": {f"key{i}": i}} for i in range(300)]
    dataset = scan(write_jsonl(tmp_path / "a.jsonl", rows))
    assert passed_through(dataset).column("v").to_pylist()[7] == '{"key7": 7}'


def test_shards_with_other_columns_and_types_are_unified(tmp_path):
    write_parquet(tmp_path / "1.parquet", pa.table({"text": ["a"], "n": [2**60 + 1], "x": [b"\1"]}))
    write_parquet(tmp_path / "2.parquet", pa.table({"text": pa.array(["b"], pa.large_string()), "n": [0.5], "x": [3]}))
    write_jsonl(tmp_path / "3.jsonl", [{"text": "c", "new": [1]}])
    table = passed_through(scan(tmp_path))
    assert table.to_pylist() == [
        {"text": "a", "n": str(2**60 + 1), "x": '"AQ=="', "new": None},
        {"text": "b", "n": "0.5", "x": "3", "new": None},
        {"text": "c", "n": None, "x": None, "new": [1]},
    ]


# --- ids ---


def test_the_id_column_names_rows_and_gaps_are_filled(tmp_path):
    table = pa.table({"text": ["a", "b", "c"], "id": pa.array([1.0, None, float("nan")])})
    dataset = scan(write_parquet(tmp_path / "a.parquet", table))
    assert [row.id for row in all_rows(dataset)] == ["1", "a.parquet:1", "a.parquet:2"]


def test_an_empty_csv_id_counts_as_none_and_binary_ids_are_hex(tmp_path):
    (tmp_path / "a.csv").write_text("id,text\n,a\n7,b\n")
    assert [row.id for row in all_rows(scan(tmp_path / "a.csv"))] == ["a.csv:0", "7"]
    path = write_parquet(tmp_path / "b.parquet", pa.table({"text": ["a"], "id": [b"\x01\xff"]}))
    assert [row.id for row in all_rows(scan(path))] == ["01ff"]


def test_whole_numbers_are_the_same_ids_in_columns_of_integers_and_of_floats(tmp_path):
    of_integers = write_parquet(tmp_path / "a.parquet", pa.table({"id": [7, 2**60], "text": ["a", "b"]}))
    floats = [7.0, None, 0.5, -0.0, 1e300]
    of_floats = write_parquet(tmp_path / "b.parquet", pa.table({"id": floats, "text": ["a", "b", "c", "d", "e"]}))
    assert [row.id for row in all_rows(scan(of_integers))] == ["7", str(2**60)]
    assert [row.id for row in all_rows(scan(of_floats))] == ["7", "b.parquet:1", "0.5", "0", "1e+300"]


def test_the_id_column_can_have_another_name(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "id": 1, "key": "k"}])
    assert [row.id for row in all_rows(scan(path, id_column="key"))] == ["k"]


def test_same_named_files_have_different_ids(tmp_path):
    for folder in ("a", "b/c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.txt").write_text("hello\n")
    expected = ["a/x.txt:0", "b/c/x.txt:0"]
    assert [row.id for row in all_rows(scan(tmp_path))] == expected
    assert [row.id for row in all_rows(scan([tmp_path / "a/x.txt", tmp_path / "b/c/x.txt"]))] == expected
    assert [row.id for row in all_rows(scan(str(tmp_path / "**/x.txt")))] == expected


def test_repeated_ids_are_found(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", [{"text": "x", "id": i} for i in range(500)])
    write_jsonl(tmp_path / "b.jsonl", [{"text": "x", "id": "3"}, {"text": "x"}])
    (message,) = find_duplicate_ids(scan(tmp_path))
    assert message == "id '3': rows a.jsonl:3, b.jsonl:0"
    assert find_duplicate_ids(scan(tmp_path / "a.jsonl")) == []
    assert find_duplicate_ids(scan(write_jsonl(tmp_path / "c.jsonl", [{"text": "same"}] * 2))) == []


@pytest.mark.parametrize("rows_per_group", [3, 100_000])
@pytest.mark.parametrize("whole", [0, 1 << 20])
def test_ids_are_compared_as_texts_and_across_formats(tmp_path, monkeypatch, rows_per_group, whole):
    for module in ("parquet", "parquet_scan"):
        monkeypatch.setattr(f"cluster.dataset.{module}.WHOLE_BYTES", whole)
    ids = pa.array([1, 2, None, 3, 3, None])
    write_parquet(tmp_path / "a.parquet", pa.table({"text": ["x"] * 6, "id": ids}), row_group_size=rows_per_group)
    write_parquet(tmp_path / "b.parquet", pa.table({"text": ["x"] * 3, "id": ["2", "", ""]}))
    write_parquet(tmp_path / "c.parquet", pa.table({"text": ["x"] * 2, "id": [float("nan"), 3.0]}))
    (tmp_path / "d.csv").write_text("id,text\n3.0,x\n,x\n")
    (tmp_path / "e.txt").write_text("no ids\nno ids\n")
    found = find_duplicate_ids(scan(tmp_path))
    assert sorted(found) == [
        "id '2': rows a.parquet:1, b.parquet:0",
        "id '3': rows a.parquet:3, a.parquet:4, c.parquet:1",
    ]
    assert len(find_duplicate_ids(scan(tmp_path), limit=1)) == 1


def test_repeated_ids_are_looked_for_in_the_rows_of_a_job_alone(tmp_path):
    write_parquet(tmp_path / "a.parquet", pa.table({"text": ["x"] * 3, "id": ["a", "b", "a"]}))
    write_parquet(tmp_path / "b.parquet", pa.table({"text": ["x"], "id": ["a"]}))
    dataset = scan(tmp_path)
    assert len(find_duplicate_ids(dataset)) == 1
    cut = tuple(replace(shard, rows=2 - 2 * shard.index) for shard in dataset.shards)
    assert find_duplicate_ids(replace(dataset, shards=cut)) == []
    assert find_duplicate_ids(replace(dataset, shards=cut, id_hashes={})) == []


def test_the_search_for_repeated_ids_can_be_stopped(tmp_path):
    dataset = scan(write_jsonl(tmp_path / "a.jsonl", [{"text": "x", "id": 1}] * 2))
    stop = threading.Event()
    assert len(find_duplicate_ids(dataset, stop=stop)) == 1
    stop.set()
    assert find_duplicate_ids(dataset, stop=stop) == []


# --- finding files ---


def test_folders_are_searched_recursively_and_sorted(tmp_path):
    for name in ("b.txt", "a/z.TXT", "a/notes.md", "_temporary/x.txt", ".hidden.txt", "a/.git/y.txt", "c.jsonl.bak"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("line\n")
    assert [shard.name for shard in scan(tmp_path).shards] == ["a/z.TXT", "b.txt"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("[ab].txt", ["a.txt", "b.txt"]),
        ("?.jsonl", []),
        ("d?/**/*.txt", ["d1/c.txt", "d1/deep/e.txt", "d2/c.txt"]),
        ("d[2]", ["d2/c.txt"]),
        ("**/e.txt", ["d1/deep/e.txt"]),
    ],
)
def test_globs(tmp_path, pattern, names):
    for name in ("a.txt", "b.txt", "d1/c.txt", "d2/c.txt", "d1/deep/e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("line\n")
    if names:
        found = scan(f"{tmp_path}/{pattern}").shards
        assert [shard.uri for shard in found] == [f"{tmp_path}/{name}" for name in names]
    else:
        with pytest.raises(InputDataError, match="no input file"):
            scan(f"{tmp_path}/{pattern}")


def test_relative_paths_and_folders_with_brackets(tmp_path, monkeypatch):
    folder = tmp_path / "set [1]"
    folder.mkdir()
    (folder / "a.txt").write_text("x\n")
    monkeypatch.chdir(folder)
    for location in (".", "../set [1]/", "a.txt", folder, str(folder) + "/"):
        assert [row.id for row in all_rows(scan(location))] == ["a.txt:0"]


def test_a_file_given_twice_is_read_once_and_the_output_folder_is_left_out(tmp_path):
    for name in ("a.txt", "b.txt", "out/part.txt", "output.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("line\n")
    dataset = scan([tmp_path / "b.txt", tmp_path], exclude=[tmp_path / "out"])
    assert [shard.name for shard in dataset.shards] == ["b.txt", "a.txt", "output.txt"]


@pytest.mark.parametrize("inputs", ["missing.txt", "nowhere/*.txt", [], "empty-folder"])
def test_no_input_is_an_error_that_says_what_was_expected(tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(InputDataError, match=r"no input file.*\.jsonl"):
        scan(inputs)


def test_a_file_with_an_unknown_suffix_is_named(tmp_path):
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(InputDataError, match=r"a\.docx: unknown suffix; expected .*\.csv"):
        scan(tmp_path / "a.docx")


# --- bad input ---


def broken_shards(folder):
    good = write_parquet(folder / "good.parquet", pa.table({"text": TEXTS[:10]}))
    (folder / "truncated.parquet").write_bytes(good.read_bytes()[:-40])
    (folder / "junk.parquet").write_bytes(b"PAR1" + bytes(100) + b"\x05\0\0\0PAR1")
    (folder / "zero.parquet").write_bytes(b"")
    (folder / "cut.txt.gz").write_bytes(gzip.compress(b"hello\n" * 100)[:-6])
    (folder / "not.txt.zst").write_bytes(b"not zstandard at all")
    (folder / "latin.txt").write_bytes(b"caf\xe9\n")
    (folder / "utf16.txt").write_bytes("hello\n".encode("utf-16"))
    (folder / "array.jsonl").write_text('[{"text": "a"}]\n')
    (folder / "pretty.jsonl").write_text('{\n"text": "a"\n}\n')
    (folder / "twice.csv").write_text("text,text\na,b\n")
    (folder / "column.csv").write_text("id,sentence\n1,a\n")
    (folder / "header.csv").write_bytes(b"te\xffxt\na\n")
    return good


def test_corrupt_shards_are_named_and_the_rest_goes_on(tmp_path):
    broken_shards(tmp_path)
    dataset = scan(tmp_path)
    reasons = {shard.name: shard.error for shard in dataset.corrupt}
    expected = {
        "truncated.parquet": "not a readable parquet file",
        "junk.parquet": "not a readable parquet file",
        "zero.parquet": "empty",
        "cut.txt.gz": "Truncated",
        "not.txt.zst": "not a readable txt file",
        "latin.txt": "none of its 1 rows.*not valid UTF-8",
        "utf16.txt": "UTF-16",
        "array.jsonl": "JSON list; expected one JSON object a line",
        "pretty.jsonl": "not valid JSON",
        "twice.csv": "'text' appears more than once",
        "column.csv": "no column 'text'; the columns are 'id', 'sentence'",
        "header.csv": "the header is not valid UTF-8",
    }
    assert reasons.keys() == expected.keys()
    for name, reason in expected.items():
        assert re.search(reason, reasons[name]), name
    assert [row.values["text"] for row in all_rows(dataset)] == TEXTS[:10]
    assert all(digest is None for name, digest in dataset.inputs if name != "good.parquet")


def test_only_corrupt_shards_is_an_error(tmp_path):
    broken_shards(tmp_path).unlink()
    with pytest.raises(InputDataError, match="none of the 12 input files can be used"):
        scan(tmp_path)


def test_a_missing_text_column_lists_the_columns(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"sentence": "a", "id": 1}])
    with pytest.raises(InputDataError, match="no column 'text'; the columns are 'sentence', 'id'"):
        scan(path)
    assert scan(path, "sentence").rows == 1


def test_one_malformed_jsonl_line_is_one_row_with_a_reason(tmp_path):
    lines = [b'{"text": "a", "id": "x"}', b'{"text": "b"', b"3", b'{"text": "\xff"}', b'{"text": "\\ud800"}']
    lines += [b'{"text": %s1%s}' % (b"[" * 100_000, b"]" * 100_000), b'{"text": "z"}']
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    rows = all_rows(scan(path), 3)
    assert [row.values["text"] for row in rows] == ["a", None, None, None, None, None, "z"]
    reasons = [None, "not valid JSON", "a JSON int", "not valid UTF-8", "not valid UTF-8", "not valid JSON", None]
    for row, reason in zip(rows, reasons, strict=True):
        assert (reason is None and row.error is None) or reason in row.error
    assert rows[1].id == "a.jsonl:1"


def test_one_malformed_csv_row_is_one_row_with_a_reason(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,good\n2,too,many\n3,"quo"ted\n4,\xff\n5,good\n')
    rows = all_rows(scan(path))
    assert [row.values["text"] for row in rows] == ["good", None, None, None, "good"]
    assert [bool(row.error) for row in rows] == [False, True, True, True, False]
    assert "3 fields, but there are 2 columns" in rows[1].error


def test_bad_utf8_in_one_txt_line_is_one_row_with_a_reason(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"good\ncaf\xe9\n")
    good, bad = all_rows(scan(tmp_path))
    assert good.error is None
    assert "UTF-8" in bad.error
    assert bad.values["text"] is None


def test_nul_and_control_characters_pass(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text\na\0b\x07\n")
    (tmp_path / "b.txt").write_bytes(b"a\0b\x07\n")
    assert [row.values["text"] for row in all_rows(scan(tmp_path))] == ["a\0b\x07"] * 2


def test_a_line_without_end_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "a.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(65):
            file.write(bytes(1 << 20))
    with pytest.raises(InputDataError, match="longer than 64 MiB"):
        scan(path)


def test_shards_without_rows_are_fine(tmp_path):
    write_parquet(tmp_path / "a.parquet", pa.table({"text": pa.array([], pa.string())}))
    (tmp_path / "b.csv").write_text("text\n")
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b""))
    dataset = scan(tmp_path)
    assert (dataset.rows, dataset.corrupt, plan_units(dataset.shards, 10)) == (0, [], [])


def corrupt_second_group(path):
    """Overwrite a page of the text column's second row group."""
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + 60] = b"\xff" * 60
    path.write_bytes(data)


def test_a_corrupt_page_fails_its_rows_and_no_others(tmp_path):
    table = pa.table({"text": TEXTS[:100], "id": [f"id{i}" for i in range(100)], "n": list(range(100))})
    path = write_parquet(tmp_path / "a.parquet", table, row_group_size=50)
    corrupt_second_group(path)
    dataset = scan(path)
    assert len(read_rows(dataset, Unit(0, 0, 50), ["text"]).rows) == 50
    with pytest.raises(InputDataError, match=r"a\.parquet, rows 60 to 61: not a readable parquet file"):
        read_rows(dataset, Unit(0, 60, 2), ["text"])
    batch = unreadable_rows(dataset, Unit(0, 60, 2), "broken", ["n"])
    assert [(row.id, row.error, row.values["text"]) for row in batch.rows] == [
        ("id60", "broken", None),
        ("id61", "broken", None),
    ]
    assert batch.table.to_pylist() == [{"n": None}] * 2


def test_rows_before_a_corrupt_page_are_read(tmp_path):
    small_pages = {"use_dictionary": False, "data_page_size": 1 << 10, "write_batch_size": 10, "compression": "none"}
    path = write_parquet(tmp_path / "a.parquet", pa.table({"text": TEXTS}), **small_pages)
    dataset = scan(path)
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    stop = column.data_page_offset + column.total_compressed_size
    data[stop - 2000 : stop] = b"\xff" * 2000
    path.write_bytes(data)
    assert [row.values["text"] for row in read_rows(dataset, Unit(0, 200, 20)).rows] == TEXTS[200:220]
    with pytest.raises(InputDataError, match="not a readable parquet file"):
        read_rows(dataset, Unit(0, 980, 20))


def test_unreadable_rows_without_readable_ids_are_named_by_number(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", pa.table({"id": TEXTS[:100], "text": TEXTS[:100]}), row_group_size=50)
    corrupt_second_group(path)
    assert unreadable_rows(scan(path), Unit(0, 60, 1), "broken").rows[0].id == "a.parquet:60"


def test_a_file_that_shrank_after_the_scan_is_an_error(tmp_path):
    for path in (tmp_path / "a.txt", tmp_path / "a.txt.gz"):
        lines = b"line\n" * 600
        path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
        dataset = scan(path)
        path.write_bytes(gzip.compress(b"line\n") if path.suffix == ".gz" else b"line\n")
        with pytest.raises(InputDataError, match="changed"):
            read_rows(dataset, Unit(0, 550, 10))
    path = write_parquet(tmp_path / "b.parquet", pa.table({"text": TEXTS}), row_group_size=100)
    dataset = scan(path)
    write_parquet(path, pa.table({"text": TEXTS[:900]}), row_group_size=100)
    with pytest.raises(InputDataError, match="changed"):
        read_rows(dataset, Unit(0, 50, 10))


def test_a_file_that_vanished_after_the_scan_is_a_storage_error(tmp_path):
    for path in (write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}]), tmp_path / "b.parquet"):
        if path.suffix == ".parquet":
            write_parquet(path, pa.table({"text": ["a"]}))
        dataset = scan(path)
        path.unlink()
        with pytest.raises(StorageError, match=path.name):
            read_rows(dataset, Unit(0, 0, 1))


def test_a_store_that_fails_while_reading_is_not_taken_for_corrupt_content(tmp_path, monkeypatch):
    path = write_parquet(tmp_path / "a.parquet", pa.table({"text": TEXTS}))
    dataset = scan(path)

    def fail(_):
        raise OSError("AWS Error NETWORK_CONNECTION")

    spy_on(dataset, monkeypatch, fail)
    with pytest.raises(StorageError, match=r"NETWORK_CONNECTION"):
        read_rows(dataset, Unit(0, 0, 1))
    with pytest.raises(StorageError, match=r"NETWORK_CONNECTION"):
        scan(path)


# --- identity ---


@pytest.mark.parametrize("kind", ["txt", "parquet"])
def test_inputs_name_the_content(tmp_path, kind):
    def identity(texts):
        path = tmp_path / f"a.{kind}"
        if kind == "txt":
            path.write_text("\n".join(texts))
        else:
            write_parquet(path, pa.table({"text": texts}))
        return scan(path).inputs

    first = identity(["one", "two"])
    assert identity(["one", "two"]) == first
    assert identity(["one", "owt"]) != first
    assert first[0][0] == f"a.{kind}"


# --- units ---


def shard_of(rows, groups=(), index=0):
    return Shard(index, "x", open_store("."), "x", 1, "parquet", rows=rows, row_groups=groups)


def test_units_have_at_most_the_asked_rows_and_cover_each_row_once():
    shards = [shard_of(1000), shard_of(0, index=1), shard_of(5, index=2)]
    units = plan_units(shards, 256)
    assert units == [Unit(0, 0, 256), Unit(0, 256, 256), Unit(0, 512, 256), Unit(0, 768, 232), Unit(2, 0, 5)]


def test_units_join_small_row_groups_and_cut_large_ones():
    assert [u.count for u in plan_units([shard_of(500, (100,) * 5)], 256)] == [200, 200, 100]
    assert [u.count for u in plan_units([shard_of(1100, (600, 500))], 256)] == [256, 256, 88, 256, 244]
    assert [u.count for u in plan_units([shard_of(300, (300,))], 300)] == [300]
    assert [u.count for u in plan_units([shard_of(410, (400, 10))], 256)] == [256, 154]


def test_a_unit_of_no_rows_is_a_usage_error():
    with pytest.raises(UsageError, match="at least 1 row"):
        plan_units([shard_of(5)], 0)


def test_units_split_down_to_one_row_and_are_json():
    unit = Unit(3, 10, 5)
    assert unit.split() == (Unit(3, 10, 2), Unit(3, 12, 3))
    assert Unit(**json.loads(json.dumps(asdict(unit)))) == unit
    assert unit.part_name == "part-00003-000000010.parquet"
    with pytest.raises(ValueError, match="single row"):
        replace(unit, count=1).split()


def test_missing_units_are_the_gaps_cut_where_a_plan_would_cut():
    shard = shard_of(1000)
    covered = {0: [Unit(0, 600, 20), Unit(0, 0, 100)]}
    units = missing_units([shard], covered, 256)
    assert [(u.first, u.stop) for u in units] == [(100, 256), (256, 512), (512, 600), (620, 768), (768, 1000)]
    assert missing_units([shard], {0: plan_units([shard], 128)}, 256) == []


def test_missing_and_covered_rows_add_up_for_any_cover():
    chance = random.Random(1)
    for _ in range(200):
        rows = chance.randrange(1, 60)
        edges = sorted(chance.sample(range(rows + 1), min(rows + 1, chance.randrange(2, 9))))
        covered = [Unit(0, a, b - a) for a, b in zip(edges[::2], edges[1::2], strict=False)]
        missing = missing_units([shard_of(rows)], {0: covered}, chance.randrange(1, 20))
        assert all(unit.count > 0 for unit in missing)
        seen = sorted(row for unit in [*covered, *missing] for row in range(unit.first, unit.stop))
        assert seen == list(range(rows))


def test_a_hundred_thousand_rows_are_scanned_without_holding_them(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"Sentence {i}.\n" for i in range(100_000)))
    dataset = scan(path)
    assert dataset.rows == 100_000
    assert len(pickle.dumps(dataset)) < 10_000
    assert [row.values["text"] for row in read_rows(dataset, Unit(0, 99_999, 1)).rows] == ["Sentence 99999."]


# --- media ---


def test_media_files_are_rows_named_by_their_path(tmp_path):
    for name in ("b.wav", "sub/a.MP3", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    dataset = scan_media(tmp_path)
    rows = all_rows(dataset, 1)
    assert [row.id for row in rows] == ["b.wav", "sub/a.MP3"]
    assert [Path(row.values["path"]).read_bytes() for row in rows] == [b"b.wav", b"sub/a.MP3"]
    assert passed_through(dataset).column("path").to_pylist()[0] == os.fspath(tmp_path / "b.wav")


def test_media_files_of_several_folders_keep_apart(tmp_path):
    for name in ("x/a.wav", "y/a.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    dataset = scan_media([tmp_path / "x", tmp_path / "y" / "a.wav"])
    assert [row.id for row in all_rows(dataset)] == ["x/a.wav", "y/a.wav"]
    with pytest.raises(InputDataError, match=r"\.wav"):
        scan_media(tmp_path / "nothing")


# --- object stores ---


def test_object_stores_are_scanned_and_read_like_folders(s3_root, s3_environment, tmp_path):
    base, query = s3_root, f"?endpoint_override={s3_environment}&region=us-east-1"
    store = open_store(f"{base}/corpus{query}")
    table = pa.table({"text": TEXTS, "n": list(range(1000))})
    store.write_file("a/x.parquet", write_parquet(tmp_path / "x.parquet", table, row_group_size=100))
    store.write_bytes("b/y.jsonl.gz", gzip.compress(b'{"text": "y", "n": 0.5}\n' * 300))
    store.write_bytes("b/z.txt", b"one\ntwo\n")
    store.write_bytes("bad.parquet", b"nope")

    dataset = pickle.loads(pickle.dumps(scan(f"{base}/corpus{query}")))  # noqa: S301
    assert [shard.name for shard in dataset.corrupt] == ["bad.parquet"]
    rows = all_rows(dataset, 128)
    assert [row.values["text"] for row in rows] == [*TEXTS, *["y"] * 300, "one", "two"]
    assert (rows[0].id, rows[-1].id) == ("a/x.parquet:0", "b/z.txt:1")
    assert "endpoint" not in repr(dataset.shards[0].uri)

    assert scan(f"{base}/corpus/b/*.txt{query}").rows == 2
    assert scan(f"{base}/corpus/b/z.txt{query}").inputs[0][0] == "z.txt"
    with pytest.raises(InputDataError, match="no input file at s3://bucket/shared root/corpus/none"):
        scan(f"{base}/corpus/none{query}")
