"""What a Parquet footer says is checked before it is believed: it may be damaged, or meant to do harm."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from actors.errors import InputDataError

# A footer that claims more rows for each byte of its file is wrong, or is meant to do harm.
_MAX_ROWS_PER_BYTE = 10_000
# As wrong, or as harmful, are chunks of which so many values are in a byte, or that unpack to so many times their size.
_MAX_VALUES_PER_BYTE = 64
_MAX_RATIO = 1000
_HARMLESS_VALUES = 16 << 20
_HARMLESS_BYTES = 256 << 20


def check_footer(metadata: pq.FileMetaData, size: int) -> None:
    """Check that what the footer of a file of ``size`` bytes says can be true, and that its chunks do not fill the memory.

    Raises:
        InputDataError: it cannot, or they do.
    """
    _check_chunk_metadata(metadata, size)
    _check_counts(metadata, size)


class _NoContent(io.RawIOBase):
    """Stands for a file of some size; it notes whether any content was asked for, of which it has none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0
        self.is_asked = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:  # noqa: ARG002 - as it must be
        self.is_asked = True
        return 0


def _check_chunk_metadata(metadata: pq.FileMetaData, size: int) -> None:
    """Have Arrow look at what a footer says of each column chunk before Python does.

    What it refuses there (levels that are not the schema's, say, or encryption) is an exception where a reader finds it, and
    the end of the process where Python asks for it. A reader that buffers ahead looks at all chunks before it reads any.

    Raises:
        InputDataError: it refuses one.
    """
    if not metadata.num_columns or not metadata.num_row_groups:
        return
    content = _NoContent(size)
    try:
        with pq.ParquetFile(pa.PythonFile(content, mode="r"), metadata=metadata, pre_buffer=True) as file:
            next(file.iter_batches(1, row_groups=range(metadata.num_row_groups), use_threads=False), None)
    except (OSError, pa.ArrowException) as error:
        if not content.is_asked:
            raise InputDataError(f"its footer is damaged: {error}") from error


def _check_counts(metadata: pq.FileMetaData, size: int) -> None:
    """Check that what a footer says can be true, and that no column chunk is made to fill the memory.

    Raises:
        InputDataError: they cannot.
    """
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    counts = [group.num_rows for group in groups]
    kinds = [metadata.schema.column(i).physical_type for i in range(metadata.num_columns)]
    if min([metadata.num_rows, *counts]) < 0 or sum(counts) != metadata.num_rows:
        raise InputDataError(f"its footer is damaged: {metadata.num_rows} rows, in row groups of {counts[:5]}")
    for group in groups:
        chunks = list(map(group.column, range(group.num_columns)))
        for chunk, kind in zip(chunks, kinds, strict=True):
            if chunk.physical_type != kind:
                raise InputDataError(f"its footer is damaged: column {chunk.path_in_schema!r} is of two types")
            _check_chunk(chunk, group.num_rows)
        unpacked, packed = sum(c.total_uncompressed_size for c in chunks), sum(c.total_compressed_size for c in chunks)
        if unpacked > max(_HARMLESS_BYTES, _MAX_RATIO * packed):
            raise InputDataError(f"a row group unpacks to {unpacked >> 20} MiB from {packed} bytes, and is not unpacked")
    if metadata.num_rows > _MAX_ROWS_PER_BYTE * size:
        raise InputDataError(f"its footer is damaged: {metadata.num_rows} rows in {size} bytes")


def _check_chunk(chunk: pq.ColumnChunkMetaData, rows: int) -> None:
    values, unpacked, packed = chunk.num_values, chunk.total_uncompressed_size, chunk.total_compressed_size
    name = chunk.path_in_schema
    if values < rows or min(unpacked, packed) < 0:  # nulls and empty lists are counted too
        raise InputDataError(f"its footer is damaged: {rows} rows, of which column {name!r} has {values} values")
    if values > max(rows, _HARMLESS_VALUES, _MAX_VALUES_PER_BYTE * unpacked):
        raise InputDataError(f"column {name!r} has {values} values in {unpacked} bytes, which are not unpacked")
    if unpacked > max(_HARMLESS_BYTES, _MAX_RATIO * packed):
        raise InputDataError(f"column {name!r} unpacks to {unpacked >> 20} MiB from {packed} bytes, and is not unpacked")
