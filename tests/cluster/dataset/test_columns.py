"""Whatever types shards have, what is passed through is what was there."""

import functools
import itertools
import json
import math
import random
from base64 import b64encode
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster.dataset import Unit, plan_units, read_rows, scan
from cluster.dataset.columns import is_json_column, unify
from cluster.dataset.read import read_slice
from cluster.dataset.values import to_column

NAN = float("nan")
INT64 = (-(2**63), 2**63 - 1)


def extremes(kind, *values):
    return pa.array([*values, None], kind)


def times(kind):
    width = pa.int64() if kind.bit_width == 64 else pa.int32()
    return pa.array([2 ** (kind.bit_width - 1) - 1, -(2 ** (kind.bit_width - 1)), 0, -1, None], width).view(kind)


def extension(kind, values):
    return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))


# Every type that pyarrow writes to Parquet, with values at its ends.
COLUMNS = {
    "null": pa.nulls(2),
    "bool": extremes(pa.bool_(), True, False),
    **{f"int{n}": extremes(pa.type_for_alias(f"int{n}"), -(2 ** (n - 1)), 2 ** (n - 1) - 1) for n in (8, 16, 32, 64)},
    **{f"uint{n}": extremes(pa.type_for_alias(f"uint{n}"), 0, 2**n - 1) for n in (8, 16, 32, 64)},
    "small int64": extremes(pa.int64(), -(2**53), 2**53),
    "small uint64": extremes(pa.uint64(), 0, 2**53),
    "float16": extremes(pa.float16(), *np.array([65504, -0.0, NAN, 0.1], np.float16)),
    "float32": extremes(pa.float32(), 3.4e38, -0.0, NAN, math.inf, 0.1),
    "float64": extremes(pa.float64(), 1.7e308, -0.0, NAN, -math.inf, 0.1, 5e-324),
    "decimal32": extremes(pa.decimal32(9, 2), Decimal("9999999.99")),
    "decimal128": extremes(pa.decimal128(38, 10), Decimal("-9999999999999999999999999999.9999999999")),
    "decimal128 whole": extremes(pa.decimal128(10, 0), Decimal(-9999999999)),
    "decimal256": extremes(pa.decimal256(76, 0), Decimal("9" * 76)),
    "date32": extremes(pa.date32(), 2932896, -719162),
    "far date32": times(pa.date32()),
    "date64": extremes(pa.date64(), 86_400_000 * 5),
    **{f"time {u}": extremes(pa.time32(u), 86_399) for u in ("s", "ms")},
    **{f"time {u}": extremes(pa.time64(u), 86_399_000_001) for u in ("us", "ns")},
    **{f"timestamp {u}": times(pa.timestamp(u)) for u in ("ms", "us", "ns")},
    **{f"zoned {u}": times(pa.timestamp(u, "Europe/Berlin")) for u in ("ms", "us", "ns")},
    "near timestamp s": extremes(pa.timestamp("s"), 9_000_000_000, -9_000_000_000),
    "near timestamp us": extremes(pa.timestamp("us"), 9 * 10**15 + 1),
    "year 9999": extremes(pa.timestamp("us", "UTC"), 253402300799 * 10**6),
    **{f"duration {u}": times(pa.duration(u)) for u in ("s", "ms", "us", "ns")},
    "string": extremes(pa.string(), "é\0\n", "", "AQ=="),
    "large_string": extremes(pa.large_string(), "中🎈"),
    "string_view": extremes(pa.string_view(), "a", "longer than twelve bytes"),
    "binary": extremes(pa.binary(), b"\xff\0", b""),
    "large_binary": extremes(pa.large_binary(), b"\xfe"),
    "binary_view": extremes(pa.binary_view(), b"\xfe longer than twelve bytes"),
    "fixed 2": extremes(pa.binary(2), b"\xff\0"),
    "fixed 3": extremes(pa.binary(3), b"abc"),
    "dictionary": pa.array(["x", None, "y", "x"]).dictionary_encode(),
    "dictionary of ints": pa.array([2**63 - 1, None, 5]).dictionary_encode(),
    "list of dictionary": pa.array([["a", None], None, []], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "list of int64": pa.array([[*INT64], None, [], [None]]),
    "list of uint64": pa.array([[2**64 - 1], None], pa.list_(pa.uint64())),
    "large list of int8": pa.array([[1, -128], None, []], pa.large_list(pa.int8())),
    "list view": pa.array([[1, 2], None, [3]], pa.list_view(pa.int32())),
    "fixed list of float32": pa.array([[0.1, NAN], None, [1, 2]], pa.list_(pa.float32(), 2)),
    "fixed list of float64": pa.array([[0.1, NAN], None, [1, 2]], pa.list_(pa.float64(), 2)),
    "fixed list of texts": pa.array([["a", None], None, ["a", "é"]], pa.list_(pa.string(), 2)),
    "list of fixed lists": pa.array([[["a"], None], None, []], pa.list_(pa.list_(pa.string(), 1))),
    "list of null": pa.array([[None], [], None], pa.list_(pa.null())),
    "list of timestamp": pa.array([[1, 2**62], None], pa.list_(pa.timestamp("us"))),
    "record": pa.array([{"a": 2**63 - 1, "b": "x"}, None, {"a": None, "b": ""}]),
    "record in other order": pa.array([{"b": "y", "a": 5}, None]),
    "record with more": pa.array([{"c": [1.5], "a": 1}, {"c": None, "a": 2}]),
    "record of uint64": pa.array([{"a": 2**64 - 1}], pa.struct([("a", pa.uint64())])),
    "record of float": pa.array([{"a": 0.5}, None]),
    "record with null": pa.array([{"a": 1, "n": None}], pa.struct([("a", pa.int64()), ("n", pa.null())])),
    "record with required": pa.array([{"a": 1}], pa.struct([pa.field("a", pa.int64(), nullable=False)])),
    "record with repeated names": pa.StructArray.from_arrays([pa.array([1, 2]), pa.array(["x", None])], ["a", "a"]),
    "map": pa.array([[("k", 1), ("k", 2)], None, []], pa.map_(pa.string(), pa.int64())),
    "map of uint64": pa.array([[("k", 2**64 - 1), ("l", None)]], pa.map_(pa.string(), pa.uint64())),
    "map of views": pa.array([[("k", "x")], None, [("l", None)]], pa.map_(pa.string_view(), pa.string_view())),
    "record of views": pa.array([{"a": "x"}, None], pa.struct([("a", pa.string_view())])),
    "map of null": pa.array([[("k", None)]], pa.map_(pa.string(), pa.null())),
    "uuid": extension(pa.uuid(), [b"0123456789abcdef", None]),
    "json": extension(pa.json_(), ['{"a": 1}', None]),
    "bool8": extension(pa.bool8(), [1, 0, None]),
    "tensor": extension(pa.fixed_shape_tensor(pa.float32(), [2]), [[0.1, 2], None]),
}


# Columns of JSON Lines.
JSON = {
    "json integers": [1, -(2**63), 2**63 - 1, None],
    "json small integers": [1, -(2**53), 2**53],
    "json floats": [0.1, -0.0, NAN, -math.inf],
    "json integers and floats": [1, 0.5],
    "json texts": ["é\0", "1", None],
    "json booleans": [True, False],
    "json nulls": [None],
    "json lists": [[1, None], [], [2**53]],
    "json objects": [{"a": 1}, {"b": "x", "a": None}, {"c": [0.5]}],
    "json empty objects": [{}, {"a": 1}],
    "json huge integers": [2**70, 1],
    "json mixture": [1, "x", [None], {"a": {"b": NAN}}],
    "json deep": [json.loads("[" * 30 + "1" + "]" * 30)],
}


def plain(array):
    """The array without encodings and extension types at its top."""
    if isinstance(array.type, pa.BaseExtensionType):
        return plain(array.storage)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def exact(array) -> list:
    """Values such that equal ones are the same thing, whatever the type; not by the code that is tested."""
    array = plain(array)
    return [None if not scalar.is_valid else exact_scalar(scalar) for scalar in array]


def exact_scalar(scalar):
    kind = scalar.type
    if pa.types.is_struct(kind):
        items = [(kind.field(i).name, exact_or_none(scalar[i])) for i in range(kind.num_fields)]
        return {name: value for name, value in items if value is not None} if len(dict(items)) == len(items) else items
    if pa.types.is_nested(kind):
        return [value if not pa.types.is_map(kind) else tuple(value.values()) for value in map(exact_or_none, scalar.values)]
    if pa.types.is_floating(kind):
        return exact_float(float(scalar.as_py()))
    if pa.types.is_boolean(kind):
        return scalar.as_py()
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return Fraction(scalar.as_py())
    if pa.types.is_date(kind):
        return ("date", scalar.value if pa.types.is_date32(kind) else scalar.value // 86_400_000)
    if pa.types.is_temporal(kind):
        tick = Fraction(1, {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit])
        zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        family = "timestamp" if pa.types.is_timestamp(kind) else str(kind)[:4]
        return (family, zoned, scalar.value * tick)
    value = scalar.as_py()
    return value.encode() if isinstance(value, str) else value


def exact_or_none(scalar):
    return exact_scalar(scalar) if scalar.is_valid else None


def exact_float(value):
    return repr(value) if not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0) else Fraction(value)


def as_json(array) -> list:
    """What JSON texts of the values say, once parsed; not by the code that is tested."""
    array = plain(array)
    return [None if not scalar.is_valid else json_scalar(scalar) for scalar in array]


def json_scalar(scalar):
    kind = scalar.type
    if isinstance(kind, pa.BaseExtensionType):
        return json_scalar(scalar.value)
    if pa.types.is_dictionary(kind):
        return scalar.as_py()
    if pa.types.is_struct(kind):
        pairs = [[kind.field(i).name, json_scalar(scalar[i]) if scalar[i].is_valid else None] for i in range(kind.num_fields)]
        return dict(pairs) if len(dict(pairs)) == len(pairs) else pairs
    if pa.types.is_nested(kind):
        items = [json_scalar(value) if value.is_valid else None for value in scalar.values]
        return [list(item.values()) for item in items] if pa.types.is_map(kind) else items
    if pa.types.is_decimal(kind):
        return str(scalar.as_py())
    if pa.types.is_floating(kind):
        value = float(scalar.as_py())
        return value if math.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if pa.types.is_temporal(kind):
        return ("time", exact_scalar(scalar))
    value = scalar.as_py()
    return b64encode(value).decode() if isinstance(value, bytes) else value


def parsed_time(text, kind):
    """The exact form of an ISO 8601 text, by numpy, which has years beyond 9999."""
    if pa.types.is_date(kind):
        return ("date", int(np.datetime64(text, "D").astype(int)))
    if pa.types.is_duration(kind):
        sign, seconds = (-1, text[3:-1]) if text.startswith("-") else (1, text[2:-1])
        return ("dura", False, sign * Fraction(seconds))
    if pa.types.is_time(kind):
        hours, minutes, seconds = text.split(":")
        return ("time", False, int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds))
    date, _, clock = text.removesuffix("Z").partition("T")
    days = int(np.datetime64(date, "D").astype(int))
    return ("timestamp", text.endswith("Z"), days * 86_400 + parsed_time(clock, pa.time64("ns"))[2])


def with_times(value, like):
    """A parsed JSON value, with its times in the exact form where ``like`` has one."""
    if isinstance(like, tuple):
        kind = {"date": pa.date32(), "dura": pa.duration("s"), "time": pa.time64("ns")}.get(like[1][0], pa.timestamp("s"))
        return ("time", parsed_time(value, kind))
    if isinstance(like, list):
        return [with_times(item, other) for item, other in zip(value, like, strict=True)]
    if isinstance(like, dict):
        return {name: with_times(value[name], other) for name, other in like.items()}
    return value


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Each column in a file of its own, as it was scanned and as it is read."""
    folder = tmp_path_factory.mktemp("columns")
    for name, array in COLUMNS.items():
        pq.write_table(pa.table({"text": ["t"] * len(array), "v": array}), folder / f"{name}.parquet")
    shards = {shard.name.removesuffix(".parquet"): shard for shard in scan(folder).shards}
    return {
        name: (shard, read_slice(shard, Unit(0, 0, shard.rows), {"v"}, "id").columns["v"]) for name, shard in shards.items()
    }


@pytest.fixture(scope="module")
def json_scanned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    for name, values in JSON.items():
        lines = [json.dumps({"text": "t", "v": value}) for value in values]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    shards = {shard.name.removesuffix(".jsonl"): shard for shard in scan(folder).shards}
    return {
        name: (shard, read_slice(shard, Unit(0, 0, shard.rows), {"v"}, "id").columns["v"]) for name, shard in shards.items()
    }


def passed(scanned, *names):
    shards, columns = zip(*(scanned[name] for name in names), strict=True)
    assert not [shard.error for shard in shards if shard.error]
    field = unify(shards).field("v")
    found = [to_column(column, field, len(column)) for column in columns]
    assert not [column.errors for column in found if column.errors]
    return field, pa.chunked_array([chunk for column in found for chunk in column.array.chunks]).combine_chunks()


@functools.cache
def expected_of(name, form):
    if name not in JSON:
        return form(COLUMNS[name])
    return [json_value(value) if form is as_json else exact_value(value) for value in JSON[name]]


def json_value(value):
    if isinstance(value, dict):
        return {name: json_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [json_value(item) for item in value]
    return json_scalar(pa.scalar(value)) if isinstance(value, float) else value


def exact_value(value):
    if isinstance(value, dict):
        return {name: exact_value(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [exact_value(item) for item in value]
    return exact_or_none(pa.scalar(value))


def check_equal(column, found, *names):
    form = as_json if is_json_column(column) else exact
    check_values(column, found, [value for name in names for value in expected_of(name, form)])


def check_values(column, found, expected):
    if is_json_column(column):
        parsed = [None if text is None else json.loads(text) for text in found.to_pylist()]
        assert [with_times(value, like) for value, like in zip(parsed, expected, strict=True)] == expected
        assert list(map(repr, parsed)).count("-0.0") == list(map(repr, expected)).count("-0.0")
    else:
        assert exact(found) == expected


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_each_type_passes_through(scanned, tmp_path, name):
    column, found = passed(scanned, name)
    check_equal(column, found, name)
    assert not is_json_column(column)
    pq.write_table(pa.table({"v": found}), tmp_path / "again.parquet")
    assert exact(pq.read_table(tmp_path / "again.parquet").column("v").combine_chunks()) == expected_of(name, exact)


@pytest.mark.parametrize("name", COLUMNS)
def test_shards_of_two_types_keep_every_value(scanned, name):
    for other in list(COLUMNS)[: list(COLUMNS).index(name)]:
        names = (name, other) if len(other) % 2 else (other, name)
        check_equal(*passed(scanned, *names), *names)


def test_shards_of_three_types_keep_every_value(scanned):
    chance = random.Random(0)
    for _ in range(300):
        names = chance.sample(list(COLUMNS), 3)
        check_equal(*passed(scanned, *names), *names)


@pytest.mark.parametrize("name", JSON)
def test_json_lines_beside_shards_of_other_types_keep_every_value(scanned, json_scanned, name):
    both = scanned | json_scanned
    check_equal(*passed(both, name), name)
    for other in both:
        check_equal(*passed(both, name, other), name, other)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("int64", "uint64"), pa.decimal128(20, 0)),
        (("small int64", "small uint64"), pa.int64()),
        (("int8", "uint8"), pa.int16()),
        (("small int64", "float64"), pa.float64()),
        (("int64", "float64"), None),
        (("int32", "float32"), pa.float64()),
        (("int64", "decimal128"), pa.decimal128(38, 10)),
        (("near timestamp us", "timestamp ns"), pa.timestamp("ns")),
        (("year 9999", "zoned ns"), None),
        (("zoned us", "year 9999"), pa.timestamp("us", "UTC")),
        (("timestamp us", "zoned us"), None),
        (("string", "large_string"), pa.large_string()),
        (("string", "int64"), None),
        (("record", "record with more"), pa.struct([("a", pa.int64()), ("b", pa.string()), ("c", pa.list_(pa.float64()))])),
        (("list of null", "list of int64"), pa.list_(pa.int64())),
        (("record of uint64", "record of float"), None),
    ],
)
def test_the_common_type_is_the_narrowest_that_holds_all(scanned, names, expected):
    column, _ = passed(scanned, *names)
    assert is_json_column(column) if expected is None else column.type == expected


LEAVES = [array for array in COLUMNS.values() if not pa.types.is_nested(array.type) and "view" not in str(array.type)]


def some_array(chance, depth, count):
    """A random array of ``count`` values, some null, nested in at most ``depth`` levels."""
    picked = chance.choice(LEAVES)
    shape = chance.choice(["leaf", "record", "list", "map"]) if depth else "leaf"
    if shape == "leaf":
        plain_leaf = picked.storage if isinstance(picked.type, pa.BaseExtensionType) else picked
        return plain_leaf.take(pa.array([chance.randrange(len(picked)) for _ in range(count)], pa.int32()))
    is_null = [chance.random() < 0.2 for _ in range(count)]
    mask = pa.array(is_null, pa.bool_())
    if shape == "record":
        parts = {name: some_array(chance, depth - 1, count) for name in chance.sample("abcd", chance.randint(1, 3))}
        fields = [pa.field(name, part.type) for name, part in parts.items()]
        return pa.StructArray.from_arrays(list(parts.values()), fields=fields, mask=mask)
    ends = list(itertools.accumulate((0 if null else chance.randrange(3) for null in is_null), initial=0))
    items, offsets = some_array(chance, depth - 1, ends[-1]), pa.array(ends, pa.int32())
    if shape == "list":
        return pa.ListArray.from_arrays(offsets, items, mask=mask)
    return pa.MapArray.from_arrays(offsets, pa.array(map(str, range(ends[-1])), pa.string()), items, mask=mask)


@pytest.mark.parametrize("seed", range(40))
def test_random_shards_keep_every_value_in_units_of_any_size(tmp_path, seed):
    chance = random.Random(seed)
    arrays = [some_array(chance, chance.randrange(4), chance.randint(1, 9)) for _ in range(chance.randint(1, 3))]
    for i, array in enumerate(arrays):
        table = pa.table({"text": ["t"] * len(array), "v": array})
        options = {"row_group_size": chance.randint(1, 9), "use_dictionary": chance.random() < 0.7}
        pq.write_table(table, tmp_path / f"{i}.parquet", **options)
    dataset = scan(tmp_path)
    batches = [read_rows(dataset, unit, ["v"], ["v"]) for unit in plan_units(dataset.shards, chance.randint(1, 9))]
    assert not [row.error for batch in batches for row in batch.rows if row.error]
    column = dataset.schema.field("v")
    found = pa.concat_tables(batch.table for batch in batches).column("v").combine_chunks()
    form = as_json if is_json_column(column) else exact
    check_values(column, found, [value for array in arrays for value in form(array)])
