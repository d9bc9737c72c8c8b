"""What a scanned input is made of: shards, units, and the rows that are read of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from actors.rows import InputRow
from cluster.dataset.text_options import TextLayout, TextOptions
from cluster.storage import Store, printable

Format = Literal["parquet", "arrow", "jsonl", "csv", "tsv", "txt", "media"]
Location = str | os.PathLike[str]
_PLAIN_OPTIONS = TextOptions()
_PLAIN_LAYOUT = TextLayout()


@dataclass(frozen=True)
class Shard:
    """One input file, as the scan found it.

    Attributes:
        index: position in :attr:`Dataset.shards`; part of the names of output files.
        name: path relative to the folder that all inputs share; part of the ids of rows without one. Of a media shard
            the folder, with a trailing slash if it is not that shared one.
        store: where the file is, with ``key``.
        size: bytes.
        compression: ``gzip``, ``zstd``, ``bz2``, ``lz4``, ``xz`` or ``None``.
        rows: number of rows; 0 if the shard is corrupt.
        digest: sha256 over the content (Parquet: its footer; media: names, sizes and modification times), so that a changed
            input is noticed; empty if corrupt.
        schema: columns and their types in this file.
        features: Hugging Face features that the file declares for its columns.
        row_groups: rows of each Parquet row group, or Arrow record batch.
        row_bytes: bytes of a row on average, without compression; 0 if that is not known.
        int96_unit: what Parquet's old timestamps are read as: nanoseconds, or microseconds if some are of years without them.
        offsets: places of rows in the decompressed bytes of a text format, or of each Arrow record batch.
        offset_rows: numbers of those rows; empty if they are 0, 256, 512, …
        files: keys of a media shard, one a row.
        error: why the shard cannot be read, or ``None``.
        options: what the job says about its text files.
        layout: how a text format's bytes become lines.
        partition: values of columns that the names of folders give (``lang=de``), for columns that the file lacks.
    """

    index: int
    name: str
    store: Store
    key: str
    size: int
    format: Format
    compression: str | None = None
    rows: int = 0
    digest: str = ""
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))
    features: Mapping[str, Any] = field(default_factory=dict)
    row_groups: tuple[int, ...] = ()
    row_bytes: int = 0
    int96_unit: Literal["us", "ns"] = "ns"
    offsets: tuple[int, ...] = ()
    offset_rows: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    error: str | None = None
    options: TextOptions = _PLAIN_OPTIONS
    layout: TextLayout = _PLAIN_LAYOUT
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def uri(self) -> str:
        """The file's printable URI."""
        return printable(self.store.uri_of(self.key) if self.key else self.store.uri)

    @property
    def is_json(self) -> bool:
        """Whether it is a JSON file, which may hold other things than a value a line."""
        return "json" in self.key.lower().rsplit(".", 2 if self.compression else 1)[1:]


@dataclass(frozen=True)
class Dataset:
    """A scanned input. It holds no rows, and may be pickled to workers.

    Attributes:
        shards: every file, corrupt ones included.
        schema: every column of every shard with the type that its values are passed through as.
        features: Hugging Face features of the columns whose shards agree on them.
        column: the column that the job works on.
        id_column: the column that names rows, where a shard has it.
        id_hashes: hashes of the ids in the shards that the scan has read whole, by index; they do not travel.
        skipped: what was found at the input and is no part of it, in words: ``3 files that end in .md``; it does not travel.
    """

    shards: tuple[Shard, ...]
    schema: pa.Schema
    features: Mapping[str, Any]
    column: str
    id_column: str
    id_hashes: Mapping[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    skipped: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (self.shards, self.schema, self.features, self.column, self.id_column)

    @property
    def rows(self) -> int:
        """Number of rows in all readable shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def corrupt(self) -> list[Shard]:
        """The shards that cannot be read."""
        return [shard for shard in self.shards if shard.error]

    @property
    def inputs(self) -> list[tuple[str, str | None]]:
        """What identifies the input: name and digest of each shard, in order; no digest if it is corrupt."""
        return [(shard.name, shard.digest or None) for shard in self.shards]


@dataclass(frozen=True, order=True)
class Unit:
    """Rows ``first`` to ``first + count`` of shard number ``shard``: what one worker does in one go."""

    shard: int
    first: int
    count: int

    @property
    def stop(self) -> int:
        """The row after the last one."""
        return self.first + self.count

    @property
    def part_name(self) -> str:
        """Name of the output file that holds this unit."""
        return f"part-{self.shard:05d}-{self.first:09d}.parquet"

    def split(self) -> tuple["Unit", "Unit"]:
        """Return both halves.

        Raises:
            ValueError: the unit is a single row.
        """
        if self.count < 2:
            raise ValueError(f"{self} is a single row and cannot be split")
        half = self.count // 2
        return replace(self, count=half), replace(self, first=self.first + half, count=self.count - half)


@dataclass(frozen=True)
class InputBatch:
    """The rows of a unit. ``table`` holds the passed-through columns, row by row beside ``rows``, in job-wide types."""

    unit: Unit
    rows: list[InputRow]
    table: pa.Table


class Slice(NamedTuple):
    """Some columns of some rows, and each row's reading error. A column is an Arrow array or a list."""

    columns: dict[str, pa.ChunkedArray | list[Any]]
    errors: list[str | None]
