from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from actors.bundle import Bundle, load_bundle
from actors.errors import BundleError, UsageError
from actors.families.pocket_tts.voices import add_voice, load_voice, save_voice

SIZES = (2, 3, 4)  # layers, kv_heads, head_dim
POSITIONS = 5


@pytest.fixture
def prefix() -> list[np.ndarray]:
    layers, kv_heads, head_dim = SIZES
    random = np.random.default_rng(0)
    return [random.standard_normal((kv_heads, POSITIONS, head_dim)).astype(np.float32) for _ in range(2 * layers)]


@pytest.fixture
def voice(prefix: list[np.ndarray], tmp_path: Path) -> Path:
    save_voice(tmp_path / "voice.safetensors", prefix)
    return tmp_path / "voice.safetensors"


def changed(voice: Path, **arrays: np.ndarray | None) -> Path:
    """Write the voice with other arrays for its first layer; None leaves one out."""
    state = load_file(voice)
    for name, array in arrays.items():
        state.pop(f"transformer.layers.0.self_attn/{name}", None)
        if array is not None:
            state[f"transformer.layers.0.self_attn/{name}"] = array
    save_file(state, voice)
    return voice


def assert_equal(actual: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(actual) == len(expected)
    assert all(np.array_equal(a, b) for a, b in zip(actual, expected, strict=True))


def test_what_was_saved_is_read(voice: Path, prefix: list[np.ndarray]) -> None:
    assert_equal(load_voice(voice, *SIZES), prefix)


def test_the_originals_layout_is_kept(voice: Path, prefix: list[np.ndarray]) -> None:
    state = load_file(voice)
    cache = state["transformer.layers.1.self_attn/cache"]
    assert cache.shape == (2, 1, POSITIONS, 3, 4)
    assert np.array_equal(cache[1, 0, 4, 2], prefix[3][2, 4])
    assert state["transformer.layers.1.self_attn/offset"].tolist() == [POSITIONS]


def test_only_what_counts_of_a_longer_cache_is_read(voice: Path, prefix: list[np.ndarray]) -> None:
    for layer in range(2):
        state = load_file(voice)
        name = f"transformer.layers.{layer}.self_attn/cache"
        state[name] = np.pad(state[name], ((0, 0), (0, 0), (0, 7), (0, 0), (0, 0)), constant_values=np.nan)
        save_file(state, voice)
    assert_equal(load_voice(voice, *SIZES), prefix)


def test_older_files_tell_their_length_by_another_arrays(voice: Path, prefix: list[np.ndarray]) -> None:
    changed(voice, offset=None, current_end=np.zeros(POSITIONS), pad=None)
    assert_equal(load_voice(voice, *SIZES), prefix)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"cache": None}, "caches for 1 layers, this model has 2"),
        ({"cache": np.zeros((2, 1, 5, 2, 4), np.float32)}, r"needs \[2, 1, positions, 3, 4\]: it is another model's"),
        ({"offset": np.array([9])}, "not 9 whole ones"),
        ({"offset": np.array([0])}, "not 0 whole ones"),
        ({"offset": np.array([4])}, "different lengths"),
        ({"offset": None}, "neither offset nor current_end"),
        ({"offset": np.zeros(0, np.int64)}, "or none of one length"),
        ({"offset": np.array([np.nan])}, "or none of one length"),
        ({"offset": np.array([2, 5])}, "or none of one length"),
        ({"offset": None, "current_end": np.array(5.0)}, "or none of one length"),
        ({"offset": np.array([1 << 62])}, "whole ones"),
        ({"offset": np.array([-1])}, "whole ones"),
        ({"cache": np.array(1.0, np.float32)}, r"is \[\] of float32"),
        ({"cache": np.zeros((2, 1, 0, 3, 4), np.float32)}, "0 positions"),
        ({"cache": np.full((2, 1, 5, 3, 4), np.nan, np.float32)}, "whole ones"),
        ({"cache": np.full((2, 1, 5, 3, 4), 1e300)}, "whole ones"),
        ({"cache": np.zeros((2, 1, 5, 3, 4), np.int8)}, "of int8"),
        ({"cache": np.zeros((2, 1, 5, 3, 4), bool)}, "of bool"),
        ({"pad": np.array([1])}, "starts with padding"),
        ({"cache": np.full((2, 1, 5, 3, 4), np.nan, np.float32)}, "not 5 whole ones"),
    ],
)
def test_other_models_and_damage_are_named(arrays: dict[str, np.ndarray | None], message: str, voice: Path) -> None:
    with pytest.raises(BundleError, match=message):
        load_voice(changed(voice, **arrays), *SIZES)


def test_numbers_that_numpy_does_not_know_are_named(voice: Path) -> None:
    header = b'{"x":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    for content in (len(header).to_bytes(8, "little") + header + b"ab", b"\xff" * 8, b"", b"\2\0\0\0\0\0\0\0{}"):
        voice.write_bytes(content)
        with pytest.raises(BundleError, match=r"voice\.safetensors (is damaged|has caches for 0 layers)"):
            load_voice(voice, *SIZES)


def test_a_truncated_file_is_named(voice: Path) -> None:
    voice.write_bytes(voice.read_bytes()[:-9])
    with pytest.raises(BundleError, match=r"voice\.safetensors is damaged"):
        load_voice(voice, *SIZES)


class TestAddVoice:
    def test_makes_a_new_version_with_one_more_voice(self, pocket_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
        bundle = pocket_bundle("lsd")
        sizes = [bundle.manifest.settings[name] for name in ("layers", "kv_heads", "head_dim")]
        prefix = load_voice(bundle.path("voices/voice.safetensors"), *sizes)
        made = add_voice(bundle, "anna", prefix, tmp_path / "new")
        assert made.manifest.voices == ["voice", "voice_b", "anna"]
        assert made.digest != bundle.digest
        made.verify()
        assert load_bundle(tmp_path / "new").digest == made.digest
        assert_equal(load_voice(made.path("voices/anna.safetensors"), *sizes), prefix)

    @pytest.mark.parametrize("name", ["voice", "../anna", "", "a/b"])
    def test_names_are_checked(
        self, name: str, pocket_bundle: Callable[..., Bundle], prefix: list[np.ndarray], tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError):
            add_voice(pocket_bundle("lsd"), name, prefix, tmp_path / "new")
        assert not (tmp_path / "new").exists()
