"""Joins the parts of a finished job."""

import contextlib
import itertools
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from actors.errors import UsageError
from cluster.dataset import Location
from cluster.output.files import INDEX_NAME, read_json, write_json
from cluster.output.lock import acquire_lock
from cluster.output.parts import GROUP_BYTES, ROWS_PER_GROUP, open_writer, with_footer
from cluster.output.reader import read_groups
from cluster.output.record import Index, JoinedFile, read_run
from cluster.storage import Store, open_store


def compact(output: Location, rows_per_file: int) -> list[str]:
    """Join the parts of a finished job into ``data/train-00000-of-000NN.parquet``, and then delete them.

    Interrupted anywhere, it can be called again. Compacting twice is a no-op.

    Returns:
        The keys of the files.

    Raises:
        UsageError: the job is not finished, or files with these names are not ours.
        ResumeError: a job runs in the folder.
        StorageError: a store cannot be reached or is full; the parts are untouched.
    """
    if rows_per_file < 1:
        raise UsageError(f"a file needs at least 1 row, got {rows_per_file}")
    store = open_store(output)
    lock = acquire_lock(store, uuid.uuid4().hex)
    try:
        record, index = read_run(store), read_json(store, INDEX_NAME, Index)
        if record is None or index is None or record.state != "finished":
            raise UsageError(f"{store} holds no finished job: run it to its end before compacting")
        if not index.compacted:
            index = _write_compacted(store, index, rows_per_file)
        for part in index.parts:
            store.delete(part.key)
        return [file.key for file in index.compacted]
    finally:
        lock.release()


def _write_compacted(store: Store, index: Index, rows_per_file: int) -> Index:
    """Write the joined files; the index names them before they exist, so that leftovers are known as ours."""
    count = -(-index.rows // rows_per_file)
    names = [f"data/train-{i:05d}-of-{count:05d}.parquet" for i in range(count)]
    for key in index.compacting:
        store.delete(key)
    if foreign := [name for name in names if store.exists(name)]:
        raise UsageError(f"{store.uri_of(foreign[0])} is not a file of this job: remove it, or choose rows per file anew")
    write_json(store, INDEX_NAME, index.model_copy(update={"compacting": names}))
    rows = _Rows(itertools.chain.from_iterable(read_groups(store, part.key) for part in index.parts))
    files = [
        JoinedFile(key=name, size=_write_rows(store, name, rows.pieces(rows_per_file), index.fingerprint)) for name in names
    ]
    done = index.model_copy(update={"compacting": [], "compacted": files})
    write_json(store, INDEX_NAME, done)
    return done


class _Rows:
    """Hands out the rows of successive tables in pieces of another size."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._rest: pa.Table | None = None

    def pieces(self, rows: int) -> Iterator[pa.Table]:
        """Yield the next ``rows`` rows (fewer at the end), a row group at a time."""
        while rows and (piece := self._take(min(rows, ROWS_PER_GROUP))) is not None:
            yield piece
            rows -= piece.num_rows

    def _take(self, count: int) -> pa.Table | None:
        """Return at most ``count`` rows (fewer where their bytes fill a row group); ``None`` if there are no more."""
        pieces: list[pa.Table] = []
        size = 0
        while count and size < GROUP_BYTES:
            table = next(self._tables, None) if self._rest is None else self._rest
            if table is None:
                break
            pieces.append(table.slice(0, count))
            self._rest = table.slice(count) if table.num_rows > count else None
            size += pieces[-1].nbytes
            count -= pieces[-1].num_rows
        return pa.concat_tables(pieces) if pieces else None


def _write_rows(store: Store, key: str, tables: Iterator[pa.Table], fingerprint: str) -> int:
    """Write one file, each table a row group, by way of a temporary local file; return its size in bytes."""
    with tempfile.TemporaryDirectory() as folder, store.errors("compact", key), contextlib.ExitStack() as stack:
        path = Path(folder, "rows.parquet")
        writer = None
        for table in tables:
            if writer is None:
                schema = with_footer(table.schema, {"fingerprint": fingerprint})
                writer = stack.enter_context(open_writer(path, schema))
            writer.write_table(table)
        stack.close()
        store.write_file(key, path)
        return path.stat().st_size
