"""What an ONNX file says of its weights, against the ``onnx`` package."""

import random
from pathlib import Path

import onnx
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from onnx import TensorProto, helper

from actors.runtime.external_data import FIELDS, external_locations


def external(location: str) -> TensorProto:
    tensor = TensorProto(name=f"weights in {location}", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"offset": "0", "location": location, "length": "16"}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def constant(location: str) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [location], value=external(location))


@pytest.fixture
def everywhere() -> onnx.ModelProto:
    """A model with weights in every place that ONNX has for them."""
    inner = helper.make_graph([constant("in a graph of a graph")], "inner", [], [])
    branches = helper.make_node(
        "If", ["c"], ["y"], then_branch=inner, graphs=[inner, helper.make_graph([], "g", [], [], [external("in graphs")])]
    )
    sparse = onnx.SparseTensorProto(values=external("sparse values"), indices=external("sparse indices"), dims=[9])
    node = helper.make_node("Custom", [], [], tensors=[external("in tensors"), external("in tensors, too")])
    node.attribute.add(name="s", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor.CopyFrom(sparse)
    graph = helper.make_graph([branches, constant("in an attribute"), node], "graph", [], [], [external("an initializer")])
    graph.sparse_initializer.add().CopyFrom(
        onnx.SparseTensorProto(values=external("sparse initializer"), indices=external("its indices"), dims=[9])
    )
    model = helper.make_model(graph)
    function = model.functions.add(name="f", domain="d")
    function.node.append(constant("in a function"))
    function.attribute_proto.add(name="a", type=onnx.AttributeProto.TENSOR).t.CopyFrom(external("a default of a function"))
    model.training_info.add().algorithm.initializer.append(external("in training"))
    model.training_info[0].initialization.node.append(constant("before training"))
    return model


def test_weights_are_found_wherever_they_may_be(everywhere: onnx.ModelProto, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(everywhere.SerializeToString())
    assert external_locations(tmp_path / "m.onnx") == {
        "in a graph of a graph", "in graphs", "sparse values", "sparse indices", "in tensors", "in tensors, too",
        "in an attribute", "an initializer", "sparse initializer", "its indices", "in a function", "a default of a function",
        "in training", "before training",
    }  # fmt: skip


def test_every_field_that_leads_to_a_tensor_is_followed() -> None:
    def leads_to_data(message: Descriptor, seen: frozenset[str] = frozenset()) -> bool:
        return message.name == "TensorProto" or any(
            leads_to_data(field.message_type, seen | {message.name})
            for field in message.fields
            if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.name not in seen | {message.name}
        )

    waiting, found = [onnx.ModelProto.DESCRIPTOR], {"TensorProto": {13: "StringStringEntryProto"}}
    while waiting:
        message = waiting.pop()
        if message.name not in found:
            children = [f for f in message.fields if f.type == FieldDescriptor.TYPE_MESSAGE and leads_to_data(f.message_type)]
            found[message.name] = {field.number: field.message_type.name for field in children}
            waiting += [field.message_type for field in children]
    assert found == FIELDS


def test_a_message_in_pieces_is_read_as_protobuf_joins_it(tmp_path: Path) -> None:
    hidden = helper.make_model(helper.make_graph([], "g", [], [], [external("evil.data")]))
    shown = helper.make_model(helper.make_graph([], "g", [], [], [external("good.data")]))
    (tmp_path / "m.onnx").write_bytes(hidden.SerializeToString() + shown.SerializeToString())
    assert external_locations(tmp_path / "m.onnx") == {"evil.data", "good.data"}
    assert len(onnx.load(tmp_path / "m.onnx", load_external_data=False).graph.initializer) == 2


def test_damaged_files_are_a_value_error_and_nothing_else(everywhere: onnx.ModelProto, tmp_path: Path) -> None:
    whole, path = everywhere.SerializeToString(), tmp_path / "m.onnx"
    chance = random.Random(0)
    for i in range(400):
        damaged = bytearray(whole[: chance.randrange(len(whole) + 1)] if i % 2 else whole)
        for _ in range(chance.randrange(8)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            found = external_locations(path)
        except ValueError:
            continue
        try:
            model = onnx.ModelProto.FromString(bytes(damaged))
        except Exception:  # noqa: BLE001, S112 - of what protobuf refuses nothing is ever read
            continue
        assert {
            entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"
        } <= found


@pytest.mark.parametrize(
    "content", [b"", b"graph", b"\xff" * 100, b"<html>", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0b\x0c"]
)
def test_what_is_no_onnx_file_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"it is empty|there is a (field|number)"):
        external_locations(tmp_path / "m.onnx")


def test_graphs_in_graphs_may_be_deep(tmp_path: Path) -> None:
    message = external("deep.data").SerializeToString()
    message = b"\x2a" + _length(message) + message  # GraphProto.initializer
    for _ in range(5000):  # NodeProto.attribute[].g
        attribute = b"\x32" + _length(message) + message
        node = b"\x2a" + _length(attribute) + attribute
        message = b"\x0a" + _length(node) + node
    (tmp_path / "m.onnx").write_bytes(b"\x3a" + _length(message) + message)
    assert external_locations(tmp_path / "m.onnx") == {"deep.data"}


def _length(message: bytes) -> bytes:
    size, encoded = len(message), bytearray()
    while size >= 0x80:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*encoded, size])
