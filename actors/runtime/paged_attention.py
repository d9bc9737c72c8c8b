"""Makes PagedAttention of a graph's GroupQueryAttention: what OpenVINO has for rows of different lengths.

OpenVINO decomposes ``com.microsoft::GroupQueryAttention`` into operators that take one row (2026.4: it refuses batches). Its
``PagedAttentionExtension`` is what OpenVINO GenAI batches with: rows of any lengths, caches that are written in place. These
lie in pages: ``[pages, kv_heads, 32, head_dim]``, where a row's are neighbours here, as many for each row.

Sources: openvino@2026.4 ``src/core/include/openvino/op/paged_attention.hpp`` (the 28 inputs) and ``src/plugins/intel_cpu/src/``
``nodes/paged_attn.cpp``; onnxruntime ``docs/ContribOperators.md`` (GroupQueryAttention).
"""

from typing import Any

import numpy as np
from openvino import Model, Node, Output, PartialShape, opset13
from openvino.op import _PagedAttentionExtension

PAGE = 32  # positions; the only size that the CPU's kernel has

_GROUP_QUERY_ATTENTION = "GroupQueryAttention"
# Its inputs, in order; those behind them are of features that no graph of ours has.
_QUERY, _KEY, _VALUE, _PAST_KEY, _PAST_VALUE, _SEQLENS_K, _TOTAL, _COS, _SIN = range(9)


def with_pages(model: Model) -> tuple[Model, list[str]]:
    """Return a model that attends in pages, and the names of its caches' inputs.

    ``past_*`` become ``[pages, kv_heads, 32, head_dim]`` and are written in place; there are no ``present_*`` any more. A model
    without GroupQueryAttention is returned as it is.
    """
    attentions = [node for node in model.get_ordered_ops() if node.get_type_name() == _GROUP_QUERY_ATTENTION]
    if not attentions:
        return model, []
    caches = []
    for attention in attentions:
        for index in (_PAST_KEY, _PAST_VALUE):
            cache = attention.input_value(index).get_node()
            _, kv_heads, _, head_dim = attention.input_value(index).get_partial_shape()
            sizes = kv_heads.get_length(), head_dim.get_length()
            caches.append(attention.input_value(index).get_any_name())
            _tell_shape(cache, attention.input_value(_SEQLENS_K), *sizes)
            cache.set_partial_shape(PartialShape([-1, sizes[0], PAGE, sizes[1]]))
        attended = _attend(attention)
        for reader in attention.output(0).get_target_inputs():
            reader.replace_source_output(attended)
    presents = {attention.output(index) for attention in attentions for index in (1, 2)}
    results = [result for result in model.get_results() if result.input_value(0) not in presents]
    return Model(results, model.get_parameters(), model.get_friendly_name()), caches


def _tell_shape(cache: Node, seqlens_k: Output, kv_heads: int, head_dim: int) -> None:
    """Let those that ask for a cache's shape see what it was without pages."""
    readers = [reader for reader in cache.output(0).get_target_inputs() if reader.get_node().get_type_name() == "ShapeOf"]
    for reader in readers:
        asks = reader.get_node()
        kind = asks.get_output_element_type(0).get_type_name()
        rows = opset13.shape_of(seqlens_k, output_type=kind)
        pages = opset13.gather(opset13.shape_of(cache, output_type=kind), _integers([0], kind), _integers(0, "i32"))
        length = opset13.divide(opset13.multiply(pages, _integers([PAGE], kind)), rows)
        shape = opset13.concat([rows, _integers([kv_heads], kind), length, _integers([head_dim], kind)], 0)
        for other in asks.output(0).get_target_inputs():
            other.replace_source_output(shape.output(0))


def _attend(attention: Node) -> Output:
    """Return ``[batch, sequence, heads * head_dim]``: what a GroupQueryAttention gives, of the caches in pages."""
    attributes = attention.get_attributes()
    inputs = [attention.input_value(index) for index in range(attention.get_input_size())]
    query, key_cache, seqlens_k = inputs[_QUERY], inputs[_PAST_KEY], inputs[_SEQLENS_K]
    head_dim = attention.input_value(_PAST_KEY).get_partial_shape()[3].get_length()

    shape = opset13.shape_of(query, output_type="i32")  # [batch, heads, sequence, head_dim]
    batch, sequence = (opset13.gather(shape, _integers(axis), _integers(0)) for axis in (0, 2))
    before = opset13.subtract(opset13.add(seqlens_k, _integers(1)), sequence)
    # Behind the last row comes one without tokens: where all rows are one token, and they are fewer than the threads, a row
    # would have another kernel, which adds in another order (MHA::operator() of executor_pa.cpp).
    rows = opset13.minimum(_count(opset13.add(batch, _integers(2))), batch)
    pages = opset13.gather(opset13.shape_of(key_cache, output_type="i32"), _integers(0), _integers(0))

    heads = [query, inputs[_KEY]]
    if attributes["do_rotary"]:
        steps = opset13.unsqueeze(_count(sequence), _integers([0]))
        position = opset13.add(opset13.unsqueeze(before, _integers([1])), steps)  # [batch, sequence]
        found = [opset13.gather(inputs[table], position, _integers(0)) for table in (_COS, _SIN)]
        tables = [opset13.unsqueeze(table, _integers([1])) for table in found]
        heads = [_rotate(part, *tables, interleaved=bool(attributes["rotary_interleaved"])) for part in heads]
    width, kv_width = (int(attributes[name]) * head_dim for name in ("num_heads", "kv_num_heads"))
    arguments = [
        _tokens(heads[0], width),
        _tokens(heads[1], kv_width),
        _tokens(inputs[_VALUE], kv_width),
        key_cache,
        inputs[_PAST_VALUE],
        opset13.concat([before, _integers([0])], 0),
        opset13.multiply(rows, sequence),  # where each row's tokens begin
        _count(pages),
        opset13.multiply(rows, opset13.divide(pages, batch)),  # where each row's pages begin
        opset13.constant(np.float32(attributes["scale"] or head_dim**-0.5)),
        _integers(0),  # sliding_window
        _none(np.float32),  # alibi_slopes
        inputs[_TOTAL],
        *_without_extras(),
    ]
    paged = _PagedAttentionExtension([one if isinstance(one, Output) else one.output(0) for one in arguments])
    about = paged.get_rt_info()  # where the kernel looks for sizes
    for part in "kv":
        about[f"num_{part}_heads"], about[f"{part}_head_size"] = int(attributes["kv_num_heads"]), head_dim
    whole = opset13.concat([opset13.unsqueeze(n, _integers([0])) for n in (batch, sequence)] + [_integers([-1])], 0)
    return opset13.reshape(paged.output(0), whole, special_zero=False).output(0)


def _tokens(heads: Output | Node, width: int) -> Node:
    """``[batch, heads, sequence, head_dim]`` to ``[batch * sequence, heads * head_dim]``."""
    beside = opset13.transpose(heads, _integers([0, 2, 1, 3]))
    return opset13.reshape(beside, _integers([-1, width]), special_zero=False)


def _without_extras() -> list[Node]:
    """The inputs from ``score_aggregation_window`` on: scores, moved pages, sparse attention, sinks, eviction, trees."""
    integers, floats, zero = _none(np.int32), _none(np.float32), _integers(0)
    moved_pages = [integers, integers, floats]
    sparse = [floats, zero, zero]
    eviction = [zero, integers, integers, integers]
    return [integers, *moved_pages, *sparse, floats, *eviction, integers, _none(np.uint8), integers]


def _rotate(heads: Output, cos: Node, sin: Node, *, interleaved: bool) -> Node:
    """Rotate pairs of ``[batch, heads, sequence, head_dim]``: neighbours, or half a head apart."""
    if interleaved:
        pairs = opset13.reshape(heads, _integers([0, 0, 0, -1, 2]), special_zero=True)
        first, second = (opset13.squeeze(half, _integers([4])) for half in opset13.split(pairs, _integers(4), 2).outputs())
    else:
        first, second = opset13.split(heads, _integers(3), 2).outputs()
    real = opset13.subtract(opset13.multiply(first, cos), opset13.multiply(second, sin))
    imaginary = opset13.add(opset13.multiply(second, cos), opset13.multiply(first, sin))
    if not interleaved:
        return opset13.concat([real, imaginary], 3)
    woven = opset13.concat([opset13.unsqueeze(part, _integers([4])) for part in (real, imaginary)], 4)
    return opset13.reshape(woven, opset13.shape_of(heads), special_zero=False)


def _count(stop: Node) -> Node:
    return opset13.range(_integers(0), stop, _integers(1), output_type="i32")


def _integers(value: int | list[int], kind: str = "i32") -> Node:
    return opset13.constant(value, dtype=np.int64 if kind == "i64" else np.int32)


def _none(dtype: Any) -> Node:
    return opset13.constant(np.zeros(0, dtype))
