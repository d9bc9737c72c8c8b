"""Reads the rows of an output."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors.errors import StorageError, UsageError
from cluster.dataset import Location
from cluster.output.files import INDEX_NAME, RUN_NAME, read_json
from cluster.output.parts import Summary, choose_parts, read_parts
from cluster.output.record import Index, require_run
from cluster.storage import Store, open_store

_ROWS_AT_ONCE = 16  # as Python objects; of long audio they are large


def is_output(location: Location) -> bool:
    """Say whether a folder is the output of a job (of this version), finished or not.

    Raises:
        StorageError: the store cannot be reached.
    """
    return open_store(location).exists(RUN_NAME)


class Output:
    """The rows that a job has written: those of its parts or compacted files, and of nothing else that is in the folder.

    Attributes:
        store: the folder.
        summary: what it holds.
        files: the keys of the Parquet files with its rows, in the order of the input.
    """

    def __init__(self, output: Location | Store) -> None:
        """Look what there is. A job that runs may add parts later; they are not seen.

        Raises:
            UsageError: the folder is not the output of a job.
            ResumeError: an earlier version wrote it.
            StorageError: the store cannot be reached.
        """
        self.store = output if isinstance(output, Store) else open_store(output)
        if index := read_json(self.store, INDEX_NAME, Index):
            self.summary = index.summary
            self.files = list(index.files)
        else:
            found, _ = read_parts(self.store, require_run(self.store).fingerprint)
            self.summary = Summary.of(choose_parts(found)[0])
            self.files = [part.key for part in self.summary.parts]

    def tables(self, columns: Sequence[str] | None = None, status: str | Collection[str] | None = None) -> Iterator[pa.Table]:
        """Yield the rows in the order of the input, a row group at a time; checksums are verified.

        Args:
            columns: names; all if ``None``.
            status: of the rows to return, such as ``ok``; all if ``None``.

        Raises:
            UsageError: there is no such column.
            StorageError: a file is gone or damaged, or the store cannot be reached.
        """
        for key in self.files:
            for table in read_groups(self.store, key, columns, status):
                yield table if columns is None else table.select(columns)

    def rows(
        self, columns: Sequence[str] | None = None, status: str | Collection[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows as Python objects: see :meth:`tables`."""
        for table in self.tables(columns, status):
            for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
                yield from batch.to_pylist()


def read_groups(
    store: Store, key: str, columns: Sequence[str] | None = None, status: str | Collection[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the row groups of one file, of the rows with a status, and at least these columns.

    Raises:
        UsageError: there is no such column.
        StorageError: the file is gone or damaged, or the store cannot be reached.
    """
    needed = None if columns is None else list(dict.fromkeys([*columns, "status"]))
    wanted = [status] if isinstance(status, str) else status
    with store.errors("read", key), store.open_input(key) as stream:
        try:
            file = pq.ParquetFile(stream, page_checksum_verification=True)
            if missing := sorted(set(needed or ()).difference(file.schema_arrow.names)):
                raise UsageError(f"{store}: there is no column {', '.join(missing)}")
            for i in range(file.metadata.num_row_groups):
                table = file.read_row_group(i, needed)
                if wanted is not None:
                    table = table.filter(pc.is_in(table.column("status"), pa.array(list(wanted), pa.string())))
                yield table
        except pa.ArrowException as error:
            raise StorageError(f"cannot read {store.uri_of(key)}: the file is damaged ({error})") from error
