import numpy as np
import pytest

from actors.bundle import GraphSpec, TensorSpec
from actors.errors import UsageError
from actors.runtime.kv_cache import KVCache
from actors.runtime.paged_cache import PagedKVCache, Pages, open_cache
from actors.runtime.session import Device

ROWS, HEADS, LENGTH, DIM, PAGE = 3, 2, 70, 4, 32
# Around the borders of pages; the longest is not a whole number of them.
LENGTHS = [0, 1, 31, 32, 33, 63, 64, 65, 70]


def specs(prefix: str) -> list[TensorSpec]:
    axes: list[int | str] = ["batch", HEADS, "max_length", DIM]
    return [TensorSpec(name=f"{prefix}_{part}", dtype="float32", axes=axes) for part in ("key", "value")]


@pytest.fixture
def graph() -> GraphSpec:
    """What a manifest says of a graph that has a cache, and another input."""
    ids = TensorSpec(name="input_ids", dtype="int64", axes=["batch", "sequence"])
    return GraphSpec(file="lm.onnx", precision="fp32", inputs=[ids, *specs("past")], outputs=specs("present"))


@pytest.fixture(params=[False, True], ids=["float32", "bfloat16"])
def cache(request: pytest.FixtureRequest, graph: GraphSpec) -> PagedKVCache:
    return PagedKVCache(graph, ROWS, LENGTH, Pages(PAGE, request.param))


def prefix(length: int, seed: int = 0) -> list[np.ndarray]:
    """A key and a value ``[kv_heads, length, head_dim]``, whose numbers both float32 and bfloat16 have."""
    random = np.random.default_rng(seed)
    return [random.integers(1, 128, (HEADS, length, DIM)).astype(np.float32) for _ in range(2)]


def assert_has(cache: PagedKVCache, row: int, want: list[np.ndarray]) -> None:
    found = cache.read(row, want[0].shape[1])
    assert [part.dtype for part in found] == [np.float32, np.float32]
    for ours, theirs in zip(found, want, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_filled_in_is_read_again(cache: PagedKVCache, length: int) -> None:
    cache.fill(1, prefix(length))
    assert_has(cache, 1, prefix(length))
    for row in (0, 2):
        assert not any(part.any() for part in cache.read(row, LENGTH))


@pytest.mark.parametrize("length", LENGTHS)
def test_a_row_is_moved_over_another(cache: PagedKVCache, length: int) -> None:
    cache.fill(0, prefix(LENGTH, seed=1))
    cache.fill(2, prefix(length))
    cache.move(2, 0, length)
    assert_has(cache, 0, prefix(length))
    assert_has(cache, 2, prefix(length))
    behind = -(-length // PAGE) * PAGE
    for ours, theirs in zip(cache.read(0, LENGTH), prefix(LENGTH, seed=1), strict=True):
        np.testing.assert_array_equal(ours[:, behind:], theirs[:, behind:])


def test_a_position_is_where_the_kernel_looks_for_it(graph: GraphSpec) -> None:
    cache = PagedKVCache(graph, ROWS, LENGTH, Pages(PAGE, bfloat16=False))
    key, _ = prefix(LENGTH)
    cache.fill(1, [key, key])
    pages = cache.past(slice(0, ROWS))["past_key"]
    assert isinstance(pages, np.ndarray)
    assert pages.shape == (ROWS, 3, HEADS, PAGE, DIM)
    for position in range(LENGTH):
        np.testing.assert_array_equal(pages[1, position // PAGE, :, position % PAGE], key[:, position])


def test_bfloat16_has_half_the_memory_and_rounds(graph: GraphSpec) -> None:
    cache = PagedKVCache(graph, ROWS, LENGTH, Pages(PAGE, bfloat16=True))
    for pages in cache.past(slice(0, ROWS)).values():
        assert pages.dtype == np.uint16
    third = [np.full((HEADS, 5, DIM), 1 / 3, np.float32)] * 2
    cache.fill(0, third)
    assert {float(part.flat[0]) for part in cache.read(0, 5)} == {0.333984375}  # 8 bits of it


def test_prefixes_in_half_precision_are_taken(cache: PagedKVCache) -> None:
    cache.fill(0, [part.astype(np.float16) for part in prefix(40)])
    assert_has(cache, 0, prefix(40))


def test_past_and_present_are_the_same_memory(cache: PagedKVCache) -> None:
    rows = slice(1, 3)
    past, present = cache.past(rows), cache.present(rows)
    assert list(present) == ["present_key", "present_value"]
    for name, pages in past.items():
        assert np.shares_memory(pages, present[name.replace("past", "present")])  # type: ignore[arg-type]


def test_a_cache_lies_as_its_runtime_reads_it(graph: GraphSpec) -> None:
    cpu = Device("cpu")
    assert type(open_cache(None, graph, ROWS, LENGTH, cpu)) is KVCache
    assert type(open_cache(Pages(PAGE, bfloat16=False), graph, ROWS, LENGTH, cpu)) is PagedKVCache


def test_a_cache_larger_than_memory_is_a_usage_error(graph: GraphSpec) -> None:
    with pytest.raises(UsageError, match=r"3 slots of .* positions need .* GB"):
        PagedKVCache(graph, ROWS, 2**50, Pages(PAGE, bfloat16=False))
