"""Arrow's types: what they are made of, and what a column of each is passed through as."""

import pyarrow as pa
from pyarrow import types

# Deeper columns are kept as JSON text: Arrow cannot open a file with 50 lists or 99 records in one another.
MAX_TYPE_DEPTH = 20


def storage_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type that a column is passed through as; ``None`` if it becomes JSON texts.

    At every depth dictionaries, views, run-end encodings and extension types become what they hold.
    """
    return None if depth_of(kind) > MAX_TYPE_DEPTH else _plain(kind)


def depth_of(kind: pa.DataType) -> int:
    """Return how many levels of lists, records and maps a type has; counting stops where there are too many."""
    level, depth = [kind], 0
    while depth <= MAX_TYPE_DEPTH and (level := [child for parent in level for child in children(parent)]):
        depth += 1
    return depth


def children(kind: pa.DataType) -> list[pa.DataType]:
    """Return the types that a type is made of."""
    if isinstance(kind, pa.BaseExtensionType):
        return children(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return children(kind.value_type)
    if types.is_map(kind):
        return [kind.key_type, kind.item_type]
    return [kind.field(i).type for i in range(kind.num_fields)]


def _plain(kind: pa.DataType) -> pa.DataType | None:
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if types.is_union(kind) or types.is_interval(kind) or (types.is_struct(kind) and not kind.num_fields):
        return None  # Parquet has none of them
    if types.is_string_view(kind) or types.is_binary_view(kind):
        return pa.string() if types.is_string_view(kind) else pa.binary()
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return _plain_nested(kind) if types.is_nested(kind) else kind


def _plain_nested(kind: pa.DataType) -> pa.DataType | None:
    inner = [_plain(child) for child in children(kind)]
    if None in inner:
        return None
    is_view = types.is_list_view(kind) or types.is_large_list_view(kind)
    return kind if inner == children(kind) and not is_view else with_children(kind, inner)


def with_children(kind: pa.DataType, inner: list[pa.DataType]) -> pa.DataType:
    """Return a nested type with other types inside. A list of a fixed size becomes one of any."""
    if types.is_struct(kind):
        return pa.struct([pa.field(kind.field(i).name, child) for i, child in enumerate(inner)])
    if types.is_map(kind):
        return pa.map_(*inner)
    is_large = types.is_large_list(kind) or types.is_large_list_view(kind)
    return pa.large_list(inner[0]) if is_large else pa.list_(inner[0])


def has_repeated_names(kind: pa.DataType) -> bool:
    """Say whether several fields of a record have one name."""
    return len({field.name for field in kind}) < int(kind.num_fields)


def is_bytes(kind: pa.DataType) -> bool:
    """Say whether a type is one of the texts and byte strings, views aside."""
    is_text = types.is_string(kind) or types.is_large_string(kind)
    return bool(is_text or types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def is_list(kind: pa.DataType) -> bool:
    """Say whether a type is one of the lists, views aside."""
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_any_list(kind: pa.DataType) -> bool:
    """Say whether a type is one of the lists or views of them."""
    return bool(is_list(kind) or types.is_list_view(kind) or types.is_large_list_view(kind))


def leaf_types(kind: pa.DataType) -> list[pa.DataType]:
    """Return the types of a column's leaves, in the order of Parquet's column chunks."""
    if isinstance(kind, pa.BaseExtensionType):
        return leaf_types(kind.storage_type)
    if types.is_dictionary(kind):
        return [kind.value_type]
    return [leaf for child in children(kind) for leaf in leaf_types(child)] if types.is_nested(kind) else [kind]
