from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from actors.bundle import voice_member
from actors.errors import BundleError
from actors.families.vibevoice_realtime.voices import (
    CacheSizes,
    Negative,
    Prefix,
    Voice,
    is_voice_member,
    load_negative,
    load_voice,
    negative_bytes,
    voice_bytes,
)

SIZES = CacheSizes(lm_layers=1, tts_layers=2, kv_heads=2, head_dim=4, hidden_size=3)


def prefix(layers: int, positions: int) -> Prefix:
    random = np.random.default_rng(layers)
    return Prefix(tuple(random.standard_normal((2, positions, 4)).astype(np.float32) for _ in range(2 * layers)))


VOICE = Voice(prefix(1, 5), prefix(2, 9))
NEGATIVE = Negative(prefix(2, 1), np.arange(3, dtype=np.float32))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_voice_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    voice = load_voice(written(tmp_path / "v", voice_bytes(VOICE)), SIZES)
    assert (voice.lm.positions, voice.tts.positions) == (5, 9)
    for loaded, saved in ((voice.lm, VOICE.lm), (voice.tts, VOICE.tts)):
        assert all((a == b).all() for a, b in zip(loaded.arrays, saved.arrays, strict=True))


def test_negative_branch_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    negative = load_negative(written(tmp_path / "n", negative_bytes(NEGATIVE)), SIZES)
    assert (negative.condition == NEGATIVE.condition).all()
    assert all((a == b).all() for a, b in zip(negative.tts.arrays, NEGATIVE.tts.arrays, strict=True))


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        (Voice(prefix(1, 5), prefix(3, 9)), "3 layers of tts_lm, this model has 2"),
        (Voice(prefix(1, 0), prefix(2, 9)), r"lm\.key\.0 is \[2, 0, 4\]"),
        (
            Voice(prefix(1, 5), Prefix((*prefix(2, 9).arrays[:3], np.zeros((2, 8, 4), np.float32)))),
            r"tts_lm\.value\.1 is \[2, 8, 4\]",
        ),
        (Voice(Prefix((np.full((2, 5, 4), np.nan),) * 2), prefix(2, 9)), "not finite"),
    ],
)
def test_voice_of_another_model_is_refused(tmp_path: Path, voice: Voice, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        load_voice(written(tmp_path / "v", voice_bytes(voice)), SIZES)


@pytest.mark.parametrize(
    "array",
    [
        np.array(1.0, np.float32),
        np.zeros(0, np.float32),
        np.zeros((2, 4), np.float32),
        np.zeros((2, 0, 4), np.float32),
        np.zeros((2, 5, 4, 1), np.float32),
        np.zeros((2, 5, 4), np.int8),
        np.zeros((2, 5, 4), bool),
        np.full((2, 5, 4), np.inf, np.float32),
        np.full((2, 5, 4), 1e300),
    ],
)
def test_a_voice_of_odd_arrays_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    for odd in ({"lm.key.0", "lm.value.0"}, {"tts_lm.value.1"}):
        tensors = {**VOICE.lm.tensors("lm"), **VOICE.tts.tensors("tts_lm")}
        save_file({name: array if name in odd else tensor for name, tensor in tensors.items()}, tmp_path / "v")
        with pytest.raises(BundleError, match="is not one of this model"):
            load_voice(tmp_path / "v", SIZES)
    save_file({**NEGATIVE.tts.tensors("tts_lm"), "condition": array}, tmp_path / "n")
    with pytest.raises(BundleError, match="no condition of 3 numbers"):
        load_negative(tmp_path / "n", SIZES)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="damaged or truncated"):
        load_voice(written(tmp_path / "v", voice_bytes(VOICE)[:-5]), SIZES)
    save_file({"condition": np.zeros(4, np.float32)}, tmp_path / "n")
    with pytest.raises(BundleError, match="no condition of 3 numbers"):
        load_negative(tmp_path / "n", SIZES)


@pytest.mark.parametrize(
    ("member", "belongs"),
    [
        (voice_member("a"), True),
        ("negative.safetensors", True),
        ("voices/manifest.json", True),
        ("tokenizer.json", False),
    ],
)
def test_files_of_voices_are_known_by_their_names(member: str, belongs: bool) -> None:
    assert is_voice_member(member) == belongs
