"""What the rows of an output look like."""

import json
import logging
import textwrap
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from actors.rows import AUDIO, Columns, ColumnType
from cluster.output.readable import is_alike, readable_type

logger = logging.getLogger(__name__)

_MAX_TYPE_CHARS = 100  # in a message

_SCALARS: Mapping[ColumnType, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bytes: pa.binary()}


def arrow_type(kind: ColumnType) -> pa.DataType:
    """Return the type of a column that a worker declares."""
    if isinstance(kind, list):
        return pa.list_(arrow_type(kind[0]))
    if isinstance(kind, Mapping):
        return pa.struct([(name, arrow_type(inner)) for name, inner in kind.items()])
    return _SCALARS[kind]


AUDIO_TYPE = arrow_type(AUDIO)


@dataclass(frozen=True)
class PartSchema:
    """What the rows of an output look like.

    Attributes:
        schema: the job's own columns, then those passed through, with Hugging Face ``datasets`` features as metadata.
        own: how many columns are the job's own.
        passthrough: input column -> output column.
    """

    schema: pa.Schema
    own: int
    passthrough: Mapping[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """Column name -> type, to be listed among the arguments that a resumed job must share."""
        return {field.name: str(field.type) for field in self.schema}


def audio_feature(sampling_rate: int | None) -> dict[str, Any]:
    """Return the Hugging Face feature of an audio column (:data:`AUDIO_TYPE`)."""
    return {"sampling_rate": sampling_rate, "_type": "Audio"}


def part_schema(
    own: Columns,
    inputs: pa.Schema,
    *,
    consumed: Collection[str] = (),
    features: Mapping[str, Any] | None = None,
    input_features: Mapping[str, Any] | None = None,
) -> PartSchema:
    """Join a job's own columns with the input columns that pass through.

    An input column whose name the job itself uses, in small letters or capitals (some readers know no difference), becomes
    ``input_<name>``; one of a type that readers of the output lack is written as another
    (:func:`cluster.output.readable.readable_type`), and a line in the log says so.

    Args:
        own: the columns that the job's workers declare.
        inputs: ``Dataset.schema``.
        consumed: input columns that do not pass through.
        features: Hugging Face features of own columns, where the type does not say it all (see :func:`audio_feature`).
        input_features: ``Dataset.features``.
    """
    passed = [column for column in inputs if column.name not in consumed]
    names: dict[str, str] = {}
    reserved = {name.casefold() for name in own}
    taken = reserved | {column.name.casefold() for column in passed}
    for column in passed:
        name = column.name
        if name.casefold() in reserved:
            while name.casefold() in taken:
                name = f"input_{name}"
            taken.add(name.casefold())
        names[column.name] = name
    written = [_readable_field(column, names[column.name]) for column in passed]
    kept = [column.name for column, field in zip(passed, written, strict=True) if is_alike(field.type, column.type)]
    fields = [*(pa.field(name, arrow_type(kind)) for name, kind in own.items()), *written]
    declared = {names[name]: feature for name, feature in (input_features or {}).items() if name in kept}
    described = _features_metadata(fields, {**declared, **(features or {})})
    return PartSchema(pa.schema(fields, metadata=described), len(own), names)


def _readable_field(column: pa.Field, name: str) -> pa.Field:
    """Return the field of the output for one of the input."""
    kind = readable_type(column.type)
    if not is_alike(kind, column.type):
        written = "JSON text" if pa.types.is_string(kind) and pa.types.is_nested(column.type) else _short(kind)
        logger.warning("column %r is written as %s: not every reader has %s", name, written, _short(column.type))
    # Without its metadata: it may name an extension type, by which a reader that has it would read what is none any more.
    return pa.field(name, kind)


def _short(kind: pa.DataType) -> str:
    return textwrap.shorten(str(kind), _MAX_TYPE_CHARS, placeholder=" …")


def _features_metadata(fields: Iterable[pa.Field], declared: Mapping[str, Any]) -> dict[str, str]:
    """Return the schema metadata from which Hugging Face ``datasets`` knows its features.

    Without it ``datasets`` infers them from the types, and audio columns are plain structs.
    """
    features = {field.name: declared.get(field.name) or _feature(field.type) for field in fields}
    return {"huggingface": json.dumps({"info": {"features": features}})}


def _feature(kind: pa.DataType) -> Any:
    """Return the ``datasets`` feature of a type that :func:`readable_type` may return.

    Lists are written as ``[feature]``, which all versions of ``datasets`` read alike (``Sequence`` changed in 4.0).
    """
    types = pa.types
    if types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if types.is_list(kind):
        return [_feature(kind.value_type)]
    if types.is_large_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "LargeList"}
    if types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "List"}
    names = {"float": "float32", "double": "float64", "halffloat": "float16"}
    names |= {"date32[day]": "date32", "date64[ms]": "date64"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}
