"""Where an ONNX file says that its weights are, read without the weights and without the ``onnx`` package.

An ONNX file is a protocol buffer: fields, each a key (number and wire type) and a value. Those are followed that can lead to a
tensor (``onnx.proto3`` of onnx 1.23), in whatever order and however often they come: what is found is all that any reader of
the file could see, and what some reader could see otherwise is refused.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

_Buffer = bytes | mmap.mmap

# By message, the fields that hold messages on the way to a tensor's ``external_data``.
FIELDS: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {13: "StringStringEntryProto"},
}
_ENTRY = "StringStringEntryProto"
_VARINT, _BYTES = 0, 2  # wire types
_FIXED = {1: 8, 5: 4}  # bytes of the others, but for groups, which ONNX has none of
_MAX_VARINT_BYTES = 10
_NUMBERS = 1 << 29


def external_locations(path: Path) -> set[str]:
    """Return every place of weights that an ONNX file names, as it names them.

    Raises:
        ValueError: it is not an ONNX file, or one that breaks off.
        OSError: it cannot be read.
    """
    if not path.stat().st_size:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return {location.decode() for location in _locations(data)}


def _locations(data: _Buffer) -> Iterator[bytes]:
    waiting = [("ModelProto", 0, len(data))]
    while waiting:
        kind, start, stop = waiting.pop()
        entry: dict[int, list[bytes]] = {1: [], 2: []}
        for number, first, last in _messages(data, start, stop):
            if kind == _ENTRY and number in entry:
                entry[number].append(bytes(data[first:last]))
            elif child := FIELDS.get(kind, {}).get(number):
                waiting.append((child, first, last))
        if b"location" in entry[1]:
            yield from entry[2]


def _messages(data: _Buffer, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and stop of every field of bytes in a message."""
    while start < stop:
        key, start = _varint(data, start, stop)
        number, wire_type = key >> 3, key & 7
        if not 0 < number < _NUMBERS:  # readers drop the bits above, and would see another number
            raise ValueError(f"there is a field with the number {number} before byte {start}")
        if wire_type == _VARINT:
            size, start = 0, _varint(data, start, stop)[1]
        elif wire_type == _BYTES:
            size, start = _varint(data, start, stop)
        elif wire_type in _FIXED:
            size = _FIXED[wire_type]
        else:
            raise ValueError(f"there is a field of an unknown kind before byte {start}")
        if start + size > stop:
            raise ValueError(f"there is a field that breaks off at byte {start}")
        if wire_type == _BYTES:
            yield number, start, start + size
        start += size


def _varint(data: _Buffer, start: int, stop: int) -> tuple[int, int]:
    value = 0
    for i in range(min(_MAX_VARINT_BYTES, stop - start)):
        byte = data[start + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, start + i + 1
    raise ValueError(f"there is a number without an end at byte {start}")
