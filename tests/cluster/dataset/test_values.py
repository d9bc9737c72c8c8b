import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from cluster.dataset.values import json_text, json_values, to_column, to_values


def ticks(kind, *values):
    return pa.array(values, pa.int64() if kind.bit_width == 64 else pa.int32()).view(kind)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.date32(), 0, "1970-01-01"),
        (pa.date32(), -719_163, "0000-12-31"),
        (pa.date32(), -719_529, "-0001-12-31"),
        (pa.date32(), 2_932_896, "9999-12-31"),
        (pa.date32(), 2_932_897, "+10000-01-01"),
        (pa.date64(), -86_400_000, "1969-12-31"),
        (pa.timestamp("s"), -1, "1969-12-31T23:59:59"),
        (pa.timestamp("ms"), -1, "1969-12-31T23:59:59.999"),
        (pa.timestamp("us", "Europe/Berlin"), 1, "1970-01-01T00:00:00.000001Z"),
        (pa.timestamp("ns"), 2**63 - 1, "2262-04-11T23:47:16.854775807"),
        (pa.time32("s"), 86_399, "23:59:59"),
        (pa.time64("ns"), 1, "00:00:00.000000001"),
        (pa.duration("us"), -1_500_000, "-PT1.500000S"),
        (pa.duration("s"), 2**63 - 1, f"PT{2**63 - 1}S"),
    ],
)
def test_times_are_iso_8601(kind, value, text):
    assert json_values(ticks(kind, value)) == [text]
    assert to_values(pa.chunked_array([ticks(kind, value)]), 1).values == [text]


def test_dates_of_every_era_are_those_of_numpy():
    days = np.random.default_rng(0).integers(-(2**31), 2**31, 2000, np.int64).astype(np.int32)
    found = json_values(pa.array(days).view(pa.date32()))
    assert [text.removeprefix("+") for text in found] == [str(day) for day in days.astype("datetime64[D]")]


def test_json_texts_are_json():
    value = {"a": [float("nan"), float("inf"), -float("inf"), -0.0], "é": 2**70}
    text = json_text(value)
    assert text == '{"a": ["NaN", "Infinity", "-Infinity", -0.0], "é": 1180591620717411303424}'
    assert json.loads(text, parse_constant=pytest.fail)
    assert json_text(None) is None


def test_values_that_json_has_not_are_texts():
    assert json_values(pa.array([Decimal("1.50"), None])) == ["1.50", None]
    assert json_values(pa.array([b"\xff"])) == ["/w=="]
    assert json_values(pa.array([[("k", 1), ("k", None)]], pa.map_(pa.string(), pa.int8()))) == [[["k", 1], ["k", None]]]
    assert json_values(pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])) == [[["a", 1], ["a", 2]]]


def test_records_without_fields_are_empty_objects():
    kind = pa.struct([("a", pa.struct([]))])
    assert json_values(pa.array([{}, None], kind.field("a").type)) == [{}, None]
    assert json_values(pa.array([{"a": {}}, {"a": None}], kind)) == [{"a": {}}, {"a": None}]


def test_a_text_that_many_rows_share_is_one_object():
    column = pa.chunked_array([pa.array(["x" * 1000] * 3 + [None]).dictionary_encode()] * 2)
    values = to_values(column, 8).values
    assert values == (["x" * 1000] * 3 + [None]) * 2
    assert values[0] is values[2]


def test_a_shared_text_that_is_not_utf8_costs_all_its_rows():
    texts = pa.array([b"good", b"\xff"], pa.binary()).view(pa.string())
    column = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1], pa.int8()), texts)] * 2)
    found = to_values(column, 8)
    assert found.values == [None, "good", None, None] * 2
    assert found.errors == dict.fromkeys((0, 3, 4, 7), "it is not valid UTF-8")


def test_slices_are_converted_alone():
    column = pa.chunked_array([pa.array([[1], None, [2, 3]]), pa.array([[4]])]).slice(1, 2)
    assert to_column(column, pa.field("v", pa.large_list(pa.decimal128(20, 0))), 2).array.to_pylist() == [None, [2, 3]]
    maps = pa.chunked_array([pa.array([[("a", 1)], None, [("b", 2)]], pa.map_(pa.string(), pa.int8()))]).slice(1)
    kind = pa.map_(pa.large_string(), pa.int64())
    assert to_column(maps, pa.field("v", kind), 2).array.to_pylist() == [None, [("b", 2)]]


def test_a_value_without_an_equal_costs_its_row_alone():
    found = to_column(pa.chunked_array([pa.array([1, 2**53 + 1, 3])]), pa.field("v", pa.float64()), 3)
    assert found.array.to_pylist() == [1.0, None, 3.0]
    assert list(found.errors) == [1]
    found = to_column([1, "x", 3], pa.field("v", pa.int64()), 3)
    assert found.array.to_pylist() == [1, None, 3]
    assert list(found.errors) == [1]
