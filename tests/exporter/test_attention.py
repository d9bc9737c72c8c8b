from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from exporter.attention import concat_attention, shared_buffer_attention
from exporter.graphs import Graph, Port, export_graph, save_graph
from exporter.layers import rotary_tables, rotate
from exporter.verify import Run, open_graph

HEADS, KV_HEADS, HEAD_DIM, MAX_LENGTH = 4, 2, 16, 24
COS, SIN = rotary_tables(64, HEAD_DIM, 1e4)


class SharedBuffer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", COS)
        self.register_buffer("sin", SIN)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, past_key: Tensor, past_value: Tensor, seqlens_k: Tensor, total: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return shared_buffer_attention(query, key, value, past_key, past_value, seqlens_k, total, self.cos, self.sin)


CACHE = ("batch", KV_HEADS, "max_length", HEAD_DIM)
GRAPH = Graph(
    "attention",
    "attention.onnx",
    SharedBuffer(),
    inputs=(
        Port("query", ("batch", "sequence", HEADS * HEAD_DIM)),
        Port("key", ("batch", "sequence", KV_HEADS * HEAD_DIM)),
        Port("value", ("batch", "sequence", KV_HEADS * HEAD_DIM)),
        Port("past_key", CACHE),
        Port("past_value", CACHE),
        Port("seqlens_k", ("batch",), "int32"),
        Port("total", (), "int32"),
    ),
    outputs=(
        Port("output", ("batch", "sequence", HEADS * HEAD_DIM)),
        Port("present_key", CACHE),
        Port("present_value", CACHE),
    ),
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder: Path = tmp_path_factory.mktemp("attention")
    model = export_graph(GRAPH, {"batch": 2, "sequence": 3, "max_length": 8})
    (node,) = model.graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert (node.domain, node.op_type) == ("com.microsoft", "GroupQueryAttention")
    assert attributes == {"num_heads": HEADS, "kv_num_heads": KV_HEADS, "do_rotary": 1}
    save_graph(model, folder / GRAPH.file)
    return open_graph(str(folder / GRAPH.file))


def random_projections(batch: int, sequence: int, seed: int = 0) -> list[Tensor]:
    """Query, key and value before the rotary embedding."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, sequence, heads * HEAD_DIM, generator=generator) for heads in (HEADS, KV_HEADS, KV_HEADS)]


def defined_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal grouped attention of one whole row ``[sequence, …]`` by torch's own operator."""
    length = len(query)
    q, k, v = (x.view(length, -1, HEAD_DIM).transpose(0, 1) for x in (query, key, value))
    q, k = rotate(q, COS[:length], SIN[:length]), rotate(k, COS[:length], SIN[:length])
    out = nn.functional.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)
    return out[0].transpose(0, 1).flatten(1)


def empty_cache(batch: int) -> tuple[Tensor, Tensor]:
    shape = (batch, KV_HEADS, MAX_LENGTH, HEAD_DIM)
    return torch.full(shape, 7.0), torch.full(shape, -7.0)  # what a slot's last owner left behind does not matter


def feeds(projections: list[Tensor], cache: tuple[Tensor, Tensor], lengths: list[int]) -> dict[str, np.ndarray]:
    tensors = [
        *projections,
        *cache,
        torch.tensor(lengths, dtype=torch.int32) - 1,
        torch.tensor(max(lengths), dtype=torch.int32),
    ]
    return {port.name: tensor.numpy() for port, tensor in zip(GRAPH.inputs, tensors, strict=True)}


@pytest.mark.parametrize("length", [1, 2, 7, MAX_LENGTH])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_prompt_attends_as_defined(exported: Run, batch: int, length: int) -> None:
    projections = random_projections(batch, length)
    expected = torch.stack([defined_attention(*(p[row] for p in projections)) for row in range(batch)])
    for run in (GRAPH.run, exported):
        actual = run(feeds(projections, empty_cache(batch), [length] * batch))["output"]
        np.testing.assert_allclose(actual, expected, atol=2e-6)


def test_ragged_rows_step_as_if_each_were_alone(exported: Run) -> None:
    lengths = [1, 5, 17, MAX_LENGTH - 1]
    whole = random_projections(len(lengths), MAX_LENGTH)
    expected = [defined_attention(*(p[row, : length + 1] for p in whole)) for row, length in enumerate(lengths)]
    for run in (GRAPH.run, exported):
        keys, values = empty_cache(len(lengths))
        for row, length in enumerate(lengths):
            outputs = run(feeds([p[row : row + 1, :length] for p in whole], empty_cache(1), [length]))
            keys[row], values[row] = (torch.from_numpy(outputs[f"present_{part}"][0]) for part in ("key", "value"))
        projections = [torch.stack([p[row, length, None] for row, length in enumerate(lengths)]) for p in whole]
        outputs = run(feeds(projections, (keys, values), [length + 1 for length in lengths]))
        for row, length in enumerate(lengths):
            np.testing.assert_allclose(outputs["output"][row, 0], expected[row][-1], atol=2e-6)
            np.testing.assert_allclose(outputs["present_value"][row, :, length].ravel(), whole[2][row, length], atol=0)
            np.testing.assert_array_equal(outputs["present_value"][row, :, :length], values[row, :, :length])


@pytest.mark.parametrize("past", [0, 1, 6])
def test_a_growing_cache_attends_as_defined(past: int) -> None:
    batch, length = 2, 9
    query, key, value = random_projections(batch, length)
    expected = torch.stack([defined_attention(query[row], key[row], value[row]) for row in range(batch)])
    index = torch.arange(length)
    past_key = past_value = torch.zeros(batch, KV_HEADS, 0, HEAD_DIM)
    outputs = []
    for start, end in ((0, past), (past, length)):
        visible = index[:end] <= index[start:end, None]
        now = slice(start, end)
        output, past_key, past_value = concat_attention(
            query[:, now], key[:, now], value[:, now], past_key, past_value, visible, COS[now], SIN[now]
        )
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), expected, atol=2e-6, rtol=0)
    assert past_key.shape == past_value.shape == (batch, KV_HEADS, length, HEAD_DIM)


def test_what_is_not_visible_does_not_count() -> None:
    query, key, value = random_projections(1, 5)
    padded = [nn.functional.pad(x, (0, 0, 3, 0), value=9.0) for x in (query, key, value)]
    cos, sin = (nn.functional.pad(table[:5], (0, 0, 3, 0)) for table in (COS, SIN))
    index = torch.arange(8)
    visible = (index <= index[:, None]) & (index >= 3) | (index == index[:, None])
    nothing = torch.zeros(1, KV_HEADS, 0, HEAD_DIM)
    output, _, _ = concat_attention(padded[0], padded[1], padded[2], nothing, nothing, visible, cos, sin)
    torch.testing.assert_close(output[0, 3:], defined_attention(query[0], key[0], value[0]), atol=2e-6, rtol=0)
