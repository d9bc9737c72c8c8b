"""Rows of strangers' tables: one value that cannot be read costs one row, and nothing is changed."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.errors import InputDataError
from cluster.dataset import Unit, find_duplicate_ids, plan_units, read_rows, scan

DEEP = 110


def write(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def read(location, rows=100, **options):
    """All rows of an input, and its passed-through columns."""
    dataset = scan(location, **options)
    units = plan_units(dataset.shards, rows)
    batches = [read_rows(dataset, unit, ["text"], dataset.schema.names) for unit in units]
    return [row for batch in batches for row in batch.rows], pa.concat_tables(batch.table for batch in batches)


def nested(depth, item=1):
    return f"{'[' * depth}{item}{']' * depth}"


def not_utf8(*values):
    return pa.array(values, pa.binary()).view(pa.string())


def test_unsigned_integers_keep_their_value_beside_signed_ones(tmp_path):
    write(
        tmp_path / "1.parquet",
        text=["a"],
        n=pa.array([2**64 - 1], pa.uint64()),
        s=pa.array([{"x": [2**64 - 1]}], pa.struct([("x", pa.list_(pa.uint64()))])),
    )
    write(tmp_path / "2.parquet", text=["b"], n=pa.array([-1]), s=pa.array([{"x": [-1]}]))
    _, table = read(tmp_path)
    assert table.column("n").to_pylist() == [2**64 - 1, -1]
    assert table.column("s").to_pylist() == [{"x": [2**64 - 1]}, {"x": [-1]}]


def test_years_beyond_nanoseconds_keep_their_value_beside_them(tmp_path):
    write(tmp_path / "1.parquet", text=["a"], at=pa.array([253402300799999999], pa.timestamp("us")))
    write(tmp_path / "2.parquet", text=["b"], at=pa.array([1], pa.timestamp("ns")))
    _, table = read(tmp_path)
    assert table.column("at").to_pylist() == ['"9999-12-31T23:59:59.999999"', '"1970-01-01T00:00:00.000000001"']


@pytest.mark.parametrize("name", ["a.b", "list", "record", "map"])
def test_int96_timestamps_are_found_wherever_they_are(tmp_path, name):
    at = pa.array([1, 253402300799999999], pa.timestamp("us"))
    column = {
        "a.b": at,
        "list": pa.ListArray.from_arrays([0, 2], at),
        "record": pa.StructArray.from_arrays([at], ["x"]),
        "map": pa.MapArray.from_arrays([0, 2], pa.array(["k", "l"]), at),
    }[name]
    table = pa.table({"text": ["a"] * len(column), "a": [1] * len(column), name: column})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert read(tmp_path)[1].column(name).combine_chunks().equals(column)


def test_int96_timestamps_beyond_nanoseconds_keep_their_value(tmp_path):
    far = pa.table({"text": ["a"], "at": pa.array([253402300799999999], pa.timestamp("us"))})
    near = pa.table({"text": ["b"], "at": pa.array([1], pa.timestamp("ns"))})
    for name, table in (("far", far), ("near", near)):
        pq.write_table(table, tmp_path / f"{name}.parquet", use_deprecated_int96_timestamps=True)
    assert read(tmp_path / "far.parquet")[1].column("at").cast(pa.int64()).to_pylist() == [253402300799999999]
    assert read(tmp_path / "near.parquet")[1].column("at").cast(pa.int64()).to_pylist() == [1]
    assert read(tmp_path)[1].column("at").to_pylist() == ['"9999-12-31T23:59:59.999999"', '"1970-01-01T00:00:00.000000001"']


@pytest.mark.parametrize(
    "kind", [pa.null(), pa.list_(pa.null()), pa.struct([("y", pa.null())]), pa.map_(pa.string(), pa.null())]
)
def test_what_is_null_everywhere_can_be_written_again(tmp_path, kind):
    write(
        tmp_path / "a.parquet",
        text=["a", "b"],
        meta=pa.array([{"x": None, "l": "en"}, None], pa.struct([("x", kind), ("l", pa.string())])),
    )
    rows, table = read(tmp_path)
    assert [row.error for row in rows] == [None, None]
    assert "null" not in str(table.schema.field("meta").type)
    write(tmp_path / "again.parquet", meta=table.column("meta"))
    assert pq.read_table(tmp_path / "again.parquet").to_pylist() == [{"meta": {"x": None, "l": "en"}}, {"meta": None}]


@pytest.mark.parametrize("depth", [21, 60, DEEP, 480])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_deep_json_values_are_json_texts(tmp_path, depth, pair):
    value = nested(depth) if pair == "[]" else '{"a": ' * depth + "1" + "}" * depth
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a", "v": {value}}}\n{{"text": "b"}}\n')
    rows, table = read(tmp_path)
    assert [row.error for row in rows] == [None, None]
    assert table.column("v").to_pylist() == [value, None]


@pytest.mark.parametrize("depth", [520, 990, 5000])
def test_json_that_is_deeper_than_python_can_read_is_a_row_with_a_reason(tmp_path, depth):
    (tmp_path / "a.jsonl").write_text(f'{{"id": "x", "text": "a", "v": {nested(depth)}}}\n{{"id": "y", "text": "b", "v": 1}}\n')
    rows, table = read(tmp_path)
    assert "nested in more than 500 levels" in rows[0].error
    assert (rows[0].id, rows[1].error, table.column("v").to_pylist()) == ("x", None, [None, 1])


def test_deep_parquet_columns_are_json_texts(tmp_path):
    kind = pa.int64()
    for _ in range(30):
        kind = pa.struct([("a", kind)])
    value = json.loads('{"a": ' * 30 + "1" + "}" * 30)
    write(tmp_path / "a.parquet", text=["a"], v=pa.array([value], kind))
    assert json.loads(read(tmp_path)[1].column("v").to_pylist()[0]) == value


@pytest.mark.parametrize("column", ["text", "id", "other"])
def test_a_text_that_is_not_utf8_costs_its_row_alone(tmp_path, column):
    columns = {name: pa.array(["a", "b", "c"]) for name in ("text", "id", "other")}
    write(tmp_path / "a.parquet", **{**columns, column: not_utf8(b"a", b"\xff", b"c")})
    dataset = scan(tmp_path)
    assert dataset.corrupt == []
    assert find_duplicate_ids(dataset) == []
    rows, table = read(tmp_path)
    assert [row.error is None for row in rows] == [True, False, True]
    assert f"column '{column}'" in rows[1].error
    assert [row.id for row in rows] == ["a", "a.parquet:1" if column == "id" else "b", "c"]
    assert table.column(column).to_pylist() == ["a", None, "c"]
    assert [name for name in ("text", "id", "other") if table.column(name).to_pylist()[1] == "b"] == sorted(
        {"text", "id", "other"} - {column}, key=("text", "id", "other").index
    )


TEXTS = not_utf8(b"x", b"\xff", b"y")
NESTED = {
    "record": pa.StructArray.from_arrays([TEXTS], ["s"]),
    "list": pa.ListArray.from_arrays([0, 1, 2, 3], TEXTS),
    "large list": pa.LargeListArray.from_arrays([0, 1, 2, 3], TEXTS),
    "map": pa.MapArray.from_arrays([0, 1, 2, 3], ["k", "k", "k"], TEXTS),
    "fixed list": pa.FixedSizeListArray.from_arrays(TEXTS, 1),
    "list of records": pa.ListArray.from_arrays([0, 1, 2, 3], pa.StructArray.from_arrays([TEXTS], ["s"])),
    "large text": TEXTS.cast(pa.large_binary()).view(pa.large_string()),
}


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("column", ["v", "id", "text"])
def test_a_nested_text_that_is_not_utf8_costs_its_row_alone(tmp_path, kind, column):
    write(tmp_path / "a.parquet", **{"text": ["a", "b", "c"], column: NESTED[kind]})
    rows, table = read(tmp_path)
    assert [row.error is None for row in rows] == [True, False, True]
    assert table.column(column).is_valid().to_pylist() == [True, False, True]
    assert len({row.id for row in rows}) == 3


FAR = {
    "date": pa.array([2**31 - 1, 0], pa.date32()),
    "timestamp": pa.array([2**62, 0], pa.timestamp("us")),
    "zoned": pa.array([2**62, 0], pa.timestamp("ms", "America/New_York")),
    "nanosecond": pa.array([1, 2], pa.timestamp("ns")),
    "duration": pa.array([2**63 - 1, 1], pa.duration("s")),
    "time": pa.array([1, 2], pa.time64("ns")),
}


@pytest.mark.parametrize("kind", FAR)
@pytest.mark.parametrize("column", ["id", "voice", "other"])
def test_times_that_python_does_not_have_cost_no_row(tmp_path, kind, column):
    write(tmp_path / "a.parquet", **{"text": ["a", "b"], column: FAR[kind]})
    dataset = scan(tmp_path)
    batch = read_rows(dataset, Unit(0, 0, 2), ["text", "voice"], dataset.schema.names)
    assert [row.error for row in batch.rows] == [None, None]
    assert len({row.id for row in batch.rows}) == 2
    assert batch.table.column(column).combine_chunks().equals(FAR[kind])


IDS = {
    "records": pa.array([{"a": 1}, {"a": 2}, None]),
    "repeated names": pa.StructArray.from_arrays([pa.array([1, 1, 3]), pa.array([1, 2, 3])], ["a", "a"]),
    "lists": pa.array([[1], [2], []]),
    "floats": pa.array([0.5, float("nan"), None]),
    "infinite": pa.array([float("inf"), float("-inf"), -0.0]),
    "bytes": pa.array([b"\xff", b"\xfe", b""]),
    "bools": pa.array([True, False, None]),
    "controls": pa.array(["a\0b", "a\nb", "a\r\nb"]),
    "long": pa.array(["x" * 1_000_000, "x" * 1_000_000 + "y", "z"]),
    "uuids": pa.array([bytes(16), bytes(15) + b"1", None], pa.binary(16)),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_any_type_are_distinct_and_the_same_in_every_unit(tmp_path, kind):
    write(tmp_path / "a.parquet", text=["a", "b", "c"], id=IDS[kind])
    ids = [row.id for row in read(tmp_path)[0]]
    assert len(set(ids)) == 3
    assert all(ids)
    assert ids == [row.id for row in read(tmp_path, 1)[0]]
    assert find_duplicate_ids(scan(tmp_path)) == []


LOST = [
    ("jsonl", b'{"id": "x", "text": "cut', "x"),
    ("jsonl", b'{"meta": {"id": "no"}, "id": 7, "text": nope}', "7"),
    ("jsonl", b'{"id": "x", "text": "\xff"}', "x"),
    ("jsonl", b'{"text": "\xff", "id": "x"}', "x"),
    ("jsonl", b'{"id": "x", "text": "\\ud800"}', "x"),
    ("jsonl", b'{"id": "\xff", "text": "a"}', None),
    ("jsonl", b'{"id": 12', None),
    ("jsonl", b'{"text": {"id": "no"', None),
    ("jsonl", b"[1]", None),
    ("csv", b"x,too,many,fields", "x"),
    ("csv", b"x,\xff,b", "x"),
    ("csv", b"\xff,a,b", None),
]


@pytest.mark.parametrize(("kind", "line", "expected"), LOST)
def test_a_line_that_is_no_record_keeps_its_id_where_it_can_be_told(tmp_path, kind, line, expected):
    first = {"jsonl": b'{"id": "good", "text": "a"}', "csv": b"id,text,other\ngood,a,b"}[kind]
    path = tmp_path / f"a.{kind}"
    path.write_bytes(first + b"\n" + line + b"\n")
    good, bad = read(path)[0]
    assert (good.id, good.error) == ("good", None)
    assert (bad.id, bad.values) == (expected or f"a.{kind}:1", {"text": None})
    assert bad.error


def test_a_row_that_is_no_record_may_have_the_id_of_another(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "x", "text": "a"}\n{"id": "x", "text": "b"\n')
    assert find_duplicate_ids(scan(tmp_path)) == ["id 'x': rows a.jsonl:0, a.jsonl:1"]


# --- columns of a wrong type ---

WRONG = {"binary": [b"a"], "int64": [1], "list": [["a"]], "struct": [{"x": "a"}], "bool": [True], "date32": [None]}


@pytest.mark.parametrize("kind", WRONG)
def test_a_text_column_of_another_type_is_an_error_before_the_job(tmp_path, kind):
    array = pa.array(WRONG[kind]) if kind != "date32" else pa.array([1], pa.date32())
    write(tmp_path / "a.parquet", text=array)
    with pytest.raises(InputDataError, match=rf"a\.parquet: column 'text' holds no text: its type is {kind}.*convert it"):
        scan(tmp_path, use="text")
    write(tmp_path / "b.parquet", text=["good"])
    assert [shard.name for shard in scan(tmp_path, use="text").corrupt] == ["a.parquet"]
    assert scan(tmp_path).corrupt == []


@pytest.mark.parametrize("rows", [[1, 2], [1, "x" and [2]], [{"a": 1}], [True, 2]])
def test_json_texts_of_other_types_are_an_error_before_the_job(tmp_path, rows):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    with pytest.raises(InputDataError, match="column 'text' holds no text"):
        scan(tmp_path, use="text")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in [*rows, "good", None]))
    assert [row.values["text"] for row in read(tmp_path, use="text")[0]] == [*rows, "good", None]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a"], pa.large_string()),
        pa.array(["a"], pa.string_view()),
        pa.array(["a"]).dictionary_encode(),
        pa.nulls(1),
        pa.ExtensionArray.from_storage(pa.json_(), pa.array(["a"])),
    ],
)
def test_texts_of_every_type_are_texts(tmp_path, array):
    write(tmp_path / "a.parquet", text=array)
    assert scan(tmp_path, use="text").corrupt == []


def test_audio_is_bytes_or_a_path_or_a_record_of_them(tmp_path):
    audio = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    good = [pa.array(["p"]), pa.array([b"b"], pa.large_binary()), pa.array([{"path": "p"}], audio), pa.nulls(1)]
    for i, array in enumerate(good):
        write(tmp_path / f"{i}.parquet", audio=array)
    assert scan(tmp_path, "audio", use="audio").corrupt == []
    for array in (pa.array([[0.5]]), pa.array([{"array": [0.5]}]), pa.array([1])):
        write(tmp_path / "bad.parquet", audio=array)
        assert "'audio' holds no audio" in scan(tmp_path, "audio", use="audio").corrupt[0].error


# --- features ---


def test_features_of_columns_that_get_another_type_are_not_kept(tmp_path):
    kinds = {"n": pa.uint64(), "same": pa.int64(), "none": pa.null()}
    features = {name: {"dtype": str(kind), "_type": "Value"} for name, kind in kinds.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    for i, kind in enumerate((pa.uint64(), pa.int64())):
        columns = {"text": ["a"], "n": pa.array([1], kind), "same": [1], "none": pa.nulls(1)}
        pq.write_table(pa.table(columns).replace_schema_metadata(metadata), tmp_path / f"{i}.parquet")
    assert scan(tmp_path).features == {"same": features["same"]}


# --- whatever is raised ---


@pytest.mark.parametrize("error", [ValueError, OverflowError, KeyError, RecursionError, MemoryError, pa.ArrowInvalid])
@pytest.mark.parametrize("step", ["parquet.read_parquet", "read.read_slice", "read.row_ids", "read.to_column"])
def test_whatever_reading_raises_is_an_error_of_the_rows(tmp_path, monkeypatch, error, step):
    write(tmp_path / "a.parquet", text=["a", "b"], n=[1, 2])
    dataset = scan(tmp_path)

    def fail(*_, **__):
        raise error("broken")

    monkeypatch.setattr(f"cluster.dataset.{step.replace('parquet.', 'read.')}", fail)
    with pytest.raises(InputDataError, match=r"a\.parquet.*broken"):
        read_rows(dataset, Unit(0, 0, 2), ["text"], ["n"])


@pytest.mark.parametrize("step", ["values.convert", "values.json_values", "values.json_text"])
def test_whatever_a_value_raises_costs_its_row_alone(tmp_path, monkeypatch, step):
    for i, kind in enumerate((pa.timestamp("us"), pa.string())):
        write(
            tmp_path / f"{i}.parquet",
            text=["a"],
            n=pa.array([None if i else 5], kind),
            m=pa.array([i], pa.type_for_alias(("int8", "int64")[i])),
        )
    dataset = scan(tmp_path)

    def fail(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr(f"cluster.dataset.{step}", fail)
    batch = read_rows(dataset, Unit(0, 0, 1), ["text"], ["n", "m"])
    assert "broken" in batch.rows[0].error
    assert batch.table.num_rows == 1


@pytest.mark.parametrize("error", [ValueError, RecursionError, MemoryError, KeyError])
def test_whatever_scanning_a_file_raises_is_an_error_of_the_file(tmp_path, monkeypatch, error):
    write(tmp_path / "a.parquet", text=["a"])
    (tmp_path / "b.txt").write_text("a\n")

    def fail(*_, **__):
        raise error("broken")

    monkeypatch.setattr("cluster.dataset.parquet_scan.storage_type", fail)
    assert "broken" in scan(tmp_path).corrupt[0].error
