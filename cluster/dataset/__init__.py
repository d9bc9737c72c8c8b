"""A job's input: files of rows, cut into units that workers read on their own.

:func:`scan` looks at every file (*shard*) once, before the run: how many rows, which columns, and whether it can be
read at all. :func:`plan_units` cuts the shards into units, and :func:`read_rows` reads the rows of one unit and nothing
else. A shard that cannot be read is named and left out; a row that cannot be read comes out with its reason.

Formats: Parquet; Arrow IPC; JSON, a row a line, an array, or one object; CSV and TSV; TXT, a row a line (a blank line is a row
with an empty text, so row numbers are line numbers). The text formats may be compressed (``.gz``, ``.zst``, ``.bz2``, ``.xz``,
``.lz4``); :class:`TextOptions` say how they are written, where that is not as usual. Folders like ``lang=de`` give columns.

A worker asks an object store for the bytes of a unit once it knows where in the file they are, in one request where they lie
together. A compressed file that makes several units is decompressed once a node (:mod:`cluster.spool`).
"""

from cluster.dataset.duplicates import find_duplicate_ids
from cluster.dataset.find import MEDIA_SUFFIXES
from cluster.dataset.read import read_pieces, read_rows, unreadable_rows
from cluster.dataset.scan import scan, scan_media
from cluster.dataset.shards import Dataset, Format, InputBatch, Location, Shard, Unit
from cluster.dataset.stored import open_bytes
from cluster.dataset.text_formats import remove_decompressed
from cluster.dataset.text_options import TextOptions
from cluster.dataset.units import UNIT_BYTES, missing_units, plan_units

__all__ = [
    "MEDIA_SUFFIXES",
    "UNIT_BYTES",
    "Dataset",
    "Format",
    "InputBatch",
    "Location",
    "Shard",
    "TextOptions",
    "Unit",
    "find_duplicate_ids",
    "missing_units",
    "open_bytes",
    "plan_units",
    "read_pieces",
    "read_rows",
    "remove_decompressed",
    "scan",
    "scan_media",
    "unreadable_rows",
]
