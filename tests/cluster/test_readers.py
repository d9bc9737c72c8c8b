"""A finished output, its records and its transcripts, as other programs read it.

``datasets``, pandas, polars, duckdb and Spark are no dependencies: install them to run their tests.
"""

import itertools
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from actors.synthesizer import SYNTHESIS_COLUMNS
from cluster.dataset import Unit, read_rows, scan
from cluster.output import TRANSCRIPTS_FOLDER, audio_feature, compact, open_run, part_schema
from cluster.storage import open_store

SENTENCES = ["one", "two", "three"]
ODD = {
    "dictionaries": pa.array([["a"], None, []], pa.list_(pa.string())).cast(pa.list_(pa.dictionary(pa.int8(), pa.string()))),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int8())),
    "uuid": pa.array([bytes(16), None, bytes(16)], pa.uuid()),
    "duration": pa.array([1, None, 3], pa.duration("s")),
    "moment": pa.array([1, None, 3], pa.timestamp("us", "Europe/Berlin")),
    "decimal": pa.array([Decimal("1.25"), None, Decimal(3)], pa.decimal64(18, 2)),
}


@pytest.fixture(params=[1, 3, "compacted"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An output of one part, of three, or compacted, with many transcripts of each format."""
    pq.write_table(pa.table({"text": SENTENCES, **ODD}), tmp_path / "in.parquet")
    dataset = scan(tmp_path / "in.parquet")
    features = {"audio": audio_feature(24_000)}
    schema = part_schema(SYNTHESIS_COLUMNS, dataset.schema, consumed=["text"], features=features)
    rows = 1 if request.param == 3 else 3
    with open_run(tmp_path / "out", arguments={}, other={}, inputs=dataset.inputs) as run:
        for unit in [Unit(0, first, rows) for first in range(0, 3, rows)]:
            batch = read_rows(dataset, unit, ["text"], schema.passthrough)
            run.writer(schema).write(batch, [{"id": row.id, "text": row.values["text"], "status": "ok"} for row in batch.rows])
        run.finish(dataset.shards, cpu_s=0.0)
    if request.param == "compacted":
        compact(tmp_path / "out", 2)
    for kind, i in itertools.product(("srt", "vtt", "txt", "json"), range(9)):
        key = f"{TRANSCRIPTS_FOLDER}/{kind}/test/train-{i}.{kind}"  # by such names datasets knows splits
        open_store(tmp_path / "out").write_bytes(key, b'{"text": "no row"}\n')
    open_store(tmp_path / "out").write_bytes("__report/report.html", b"<p>no row</p>")
    return tmp_path / "out"


def by_datasets(output: Path) -> list[Any]:
    datasets = pytest.importorskip("datasets", reason="needs the 'readers' extra")
    loaded = datasets.load_dataset(str(output), split="train", cache_dir=str(output.parent / "cache"))
    assert loaded.features["audio"].sampling_rate == 24_000
    return list(loaded["text"])


def by_pandas(output: Path) -> list[Any]:
    pandas = pytest.importorskip("pandas", reason="needs the 'readers' extra")
    return list(pandas.read_parquet(output)["text"])


def by_polars(output: Path) -> list[Any]:
    polars = pytest.importorskip("polars", reason="needs the 'readers' extra")
    return list(polars.read_parquet(f"{output}/**/*.parquet")["text"])  # it takes no folder in which anything else lies


def by_duckdb(output: Path) -> list[Any]:
    duckdb = pytest.importorskip("duckdb", reason="needs the 'readers' extra")
    return [text for (text,) in duckdb.connect().execute(f"select text from '{output}/**/*.parquet'").fetchall()]  # noqa: S608


def by_spark(output: Path) -> list[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="needs the 'readers' extra")
    session = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    rows = session.read.option("recursiveFileLookup", "true").parquet(str(output)).select("text").collect()
    return [row.text for row in rows]


READERS: list[Callable[[Path], list[Any]]] = [
    lambda output: pq.read_table(output)["text"].to_pylist(),
    lambda output: pyarrow.dataset.dataset(output).to_table()["text"].to_pylist(),
    by_datasets,
    by_pandas,
    by_polars,
    by_duckdb,
    by_spark,
]


@pytest.mark.parametrize("read", READERS, ids=["pq", "pyarrow.dataset", "datasets", "pandas", "polars", "duckdb", "spark"])
def test_a_reader_finds_the_rows_and_nothing_else(output: Path, read: Callable[[Path], list[Any]]) -> None:
    assert sorted(read(output)) == sorted(SENTENCES)


def test_what_is_no_row_lies_below_a_name_that_all_of_them_skip(output: Path) -> None:
    others = [path.relative_to(output) for path in output.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    assert len(others) == 3 + 4 * 9 + 1
    # datasets: "." and "__"; pandas, pyarrow, Spark: "." and "_".
    assert {path.parts[0] for path in others if not re.match(r"\.|__", path.parts[0])} == set()


def test_the_features_are_those_that_datasets_knows(output: Path) -> None:
    schema = pq.read_schema(next(output.rglob("*.parquet")))
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["dictionaries"] == [{"dtype": "string", "_type": "Value"}]
    assert features["uuid"] == {"dtype": "binary", "_type": "Value"}
    assert features["decimal"] == {"dtype": "decimal128(18, 2)", "_type": "Value"}
    assert features["moment"] == {"dtype": "timestamp[us, tz=Europe/Berlin]", "_type": "Value"}
