"""Columns of every kind as what all readers have."""

import datetime
import io
import math
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cluster.output.readable import as_readable, is_alike, readable_type
from cluster.output.schema import _feature

TEXT_OR_NULL = ["a", None, "b", "a"]
DICTIONARY = pa.dictionary(pa.int32(), pa.string())
IDS = [bytes(16), None, b"x" * 16]
INTERVAL = pa.MonthDayNano([1, 2, 3])


def nested(kind: pa.DataType, levels: int, wrap: Any) -> pa.DataType:
    for _ in range(levels):
        kind = wrap(kind)
    return kind


def union() -> pa.Array:
    return pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, None]), pa.array(["a", "b", "c"])])


def same_name_twice() -> pa.Array:
    return pa.StructArray.from_arrays([pa.array([1, 2]), pa.array(["a", None])], names=["x", "x"])


def list_of_ids() -> pa.Array:
    absent = pa.array([False, True, False])
    return pa.ListArray.from_arrays([0, 1, 1, 3], pa.array(IDS, pa.uuid()), type=pa.list_(pa.uuid()), mask=absent)


def storage(kind: pa.DataType, values: list[Any], of: pa.DataType) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, pa.array(values, of))


# What a column is, the type it is written as, and its values then.
CHANGED: dict[str, tuple[pa.Array, pa.DataType, list[Any]]] = {
    "dictionary": (pa.array(TEXT_OR_NULL).dictionary_encode(), pa.string(), TEXT_OR_NULL),
    "list of dictionary": (
        pa.array([["a", "b"], None, [], [None]], pa.list_(pa.string())).cast(pa.list_(DICTIONARY)),
        pa.list_(pa.string()),
        [["a", "b"], None, [], [None]],
    ),
    "struct of dictionary": (
        pa.array([{"a": "x"}, None, {"a": None}], pa.struct([("a", DICTIONARY)])),
        pa.struct([("a", pa.string())]),
        [{"a": "x"}, None, {"a": None}],
    ),
    "run-end encoded": (pc.run_end_encode(pa.array(["a", "a", None])), pa.string(), ["a", "a", None]),
    "uuid": (pa.array(IDS, pa.uuid()), pa.binary(), IDS),
    "list of uuid": (list_of_ids(), pa.list_(pa.binary()), [[IDS[0]], None, IDS[1:]]),
    "bool8": (storage(pa.bool8(), [1, 0, None], pa.int8()), pa.bool_(), [True, False, None]),
    "json": (storage(pa.json_(), ["{}", None], pa.string()), pa.string(), ["{}", None]),
    "tensor": (
        storage(pa.fixed_shape_tensor(pa.int8(), [2]), [[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
        pa.list_(pa.int8(), 2),
        [[1, 2], None, [3, 4]],
    ),
    "map": (
        pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int8())),
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.int8())])),
        [[{"key": "a", "value": 1}], None, []],
    ),
    "list of map of fixed bytes": (
        pa.array([[[(b"a", b"b")], None], None], pa.list_(pa.map_(pa.binary(1), pa.binary(1)))),
        pa.list_(pa.list_(pa.struct([("key", pa.binary()), ("value", pa.binary())]))),
        [[[{"key": b"a", "value": b"b"}], None], None],
    ),
    "list view": (pa.array([[1], None, []], pa.list_view(pa.int8())), pa.list_(pa.int8()), [[1], None, []]),
    "large list view": (pa.array([["a"], None], pa.large_list_view(pa.string())), pa.large_list(pa.string()), [["a"], None]),
    "fixed list of views": (
        pa.array([["a", "b"], None, ["c", "d"]], pa.list_(pa.string_view(), 2)),
        pa.list_(pa.string()),
        [["a", "b"], None, ["c", "d"]],
    ),
    "string view": (pa.array(["a", None], pa.string_view()), pa.string(), ["a", None]),
    "binary view": (pa.array([b"a", None], pa.binary_view()), pa.binary(), [b"a", None]),
    "fixed bytes": (pa.array([b"ab", None], pa.binary(2)), pa.binary(), [b"ab", None]),
    "decimal32": (
        pa.array(["1.25", None]).cast(pa.decimal32(5, 2)),
        pa.decimal128(5, 2),
        [Decimal("1.25"), None],
    ),
    "negative scale": (
        pa.array([Decimal(1200), None], pa.decimal128(19, 0)).cast(pa.decimal128(5, -2)),
        pa.decimal128(7, 0),
        [Decimal(1200), None],
    ),
    "interval": (pa.array([INTERVAL, None]), pa.string(), ["[1, 2, 3]", None]),
    "struct without fields": (pa.array([{}, None], pa.struct([])), pa.string(), ["{}", None]),
    "list of them": (pa.array([[{}], None, []], pa.list_(pa.struct([]))), pa.string(), ["[{}]", None, "[]"]),
    "union": (union(), pa.string(), ["1", '"b"', None]),
    "two fields of a name": (same_name_twice(), pa.string(), ['[["x", 1], ["x", "a"]]', '[["x", 2], ["x", null]]']),
    "60 lists": (
        pa.array([nested(7, 60, lambda value: [value]), None], nested(pa.timestamp("ns"), 60, pa.list_)),
        pa.string(),
        ["[" * 60 + '"1970-01-01 00:00:00.000000007"' + "]" * 60, None],
    ),
    "120 structs": (
        pa.array(
            [nested(1, 120, lambda value: {"a": value}), None], nested(pa.int8(), 120, lambda kind: pa.struct({"a": kind}))
        ),
        pa.string(),
        ['{"a": ' * 120 + "1" + "}" * 120, None],
    ),
    "of everything": (
        pa.array(
            [
                {
                    "i": INTERVAL,
                    "n": math.nan,
                    "t": 1,
                    "s": 5,
                    "b": b"\xff",
                    "d": datetime.date(1, 1, 1),
                    "m": [("k", None)],
                    "u": "\u0928",
                }
            ],
            pa.struct(
                [
                    ("i", pa.month_day_nano_interval()),
                    ("n", pa.float32()),
                    ("t", pa.time64("ns")),
                    ("s", pa.duration("s")),
                    ("b", pa.binary()),
                    ("d", pa.date32()),
                    ("m", pa.map_(pa.string(), pa.int8())),
                    ("u", DICTIONARY),
                ]
            ),
        ),
        pa.string(),
        [
            '{"i": [1, 2, 3], "n": "nan", "t": "00:00:00.000000001", "s": 5, "b": "ff", "d": "0001-01-01", '
            '"m": [{"key": "k", "value": null}], "u": "\u0928"}'
        ],
    ),
}
KEPT = [
    pa.null(), pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.string(), pa.large_string(), pa.binary(),
    pa.large_binary(), pa.date32(), pa.date64(), pa.time32("s"), pa.time64("ns"), pa.timestamp("ns"),
    pa.timestamp("s", "+05:30"),
    pa.duration("us"), pa.decimal128(38, 10), pa.decimal256(76, 3), pa.list_(pa.int8()), pa.large_list(pa.string()),
    pa.list_(pa.int8(), 2), pa.struct([("a", pa.list_(pa.struct([("b", pa.int8())])))]), nested(pa.int8(), 40, pa.list_),
]  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_a_column_that_readers_lack_becomes_one_that_they_have(name: str) -> None:
    array, kind, values = CHANGED[name]
    assert readable_type(array.type) == kind
    assert readable_type(kind) == kind
    column = as_readable(pa.chunked_array([array, array]), kind)
    column.validate(full=True)
    assert column.to_pylist() == values * 2
    file = io.BytesIO()
    pq.write_table(pa.table({"x": column}), file)
    assert pq.read_table(file).column("x").to_pylist() == values * 2


@pytest.mark.parametrize("name", CHANGED)
def test_a_slice_of_a_column_is_converted_like_the_whole(name: str) -> None:
    array, kind, values = CHANGED[name]
    for first, length in ((0, 0), (1, 1), (1, 9), (0, 1)):
        column = as_readable(array.slice(first, length), kind)
        column.validate(full=True)
        assert column.to_pylist() == values[first : first + length]


@pytest.mark.parametrize("kind", KEPT, ids=lambda kind: str(kind)[:40])
def test_a_column_that_all_readers_have_stays_as_it_is(kind: pa.DataType) -> None:
    assert readable_type(kind) == kind
    column = pa.chunked_array([pa.nulls(3, kind)])
    assert as_readable(column, kind).equals(column)
    assert _feature(kind)


STRICT = pa.struct([pa.field("a", pa.list_(pa.field("element", pa.int8(), nullable=False)), nullable=False)])


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (STRICT, {"a": [1, 2]}, {"a": [1, 2]}),
        (pa.list_(STRICT), [{"a": []}], [{"a": []}]),
        (pa.list_(STRICT, 2), [{"a": [1]}, {"a": [2]}], [{"a": [1]}, {"a": [2]}]),
        (pa.map_(pa.string(), STRICT), [("k", {"a": [1]})], [{"key": "k", "value": {"a": [1]}}]),
    ],
    ids=str,
)
def test_what_must_not_be_null_may_be_in_an_output(kind: pa.DataType, given: Any, expected: Any) -> None:
    written = readable_type(kind)
    assert "not null" not in str(written)
    assert is_alike(written, kind) == (given == expected)
    whole, absent = as_readable(pa.array([given], kind), written), as_readable(pa.nulls(1, kind), written)
    file = io.BytesIO()
    pq.write_table(pa.table({"x": pa.chunked_array([*whole.chunks, *absent.chunks])}), file)
    assert pq.read_table(file).column("x").to_pylist() == [expected, None]


def test_random_types_can_be_written_and_read_again() -> None:
    chance = random.Random(5)
    leaves = [
        *KEPT[:10],
        DICTIONARY,
        pa.uuid(),
        pa.string_view(),
        pa.decimal32(3, 1),
        pa.month_day_nano_interval(),
        pa.binary(3),
    ]
    wraps = [
        pa.list_,
        pa.large_list,
        pa.list_view,
        lambda kind: pa.list_(kind, 2),
        lambda kind: pa.map_(pa.string(), kind),
        lambda kind: pa.struct([("a", kind), ("b", pa.string_view())]),
    ]
    for _ in range(60):
        kind = chance.choice(leaves)
        for _ in range(chance.randrange(5)):
            kind = chance.choice(wraps)(kind)
        column = as_readable(pa.nulls(2, kind), readable_type(kind))
        file = io.BytesIO()
        pq.write_table(pa.table({"x": column}), file)
        assert pq.read_table(file).column("x").to_pylist() == [None, None]
