import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from actors.errors import ExportError, UsageError
from actors.families.vibevoice_realtime.voices import CacheSizes
from exporter.vibevoice_realtime.voices import find_presets, portable_files, read_preset, read_presets, server_files

SIZES = CacheSizes(lm_layers=2, tts_layers=4, kv_heads=2, head_dim=16, hidden_size=64)


@pytest.fixture
def folder(vibevoice_checkpoint: Path, tmp_path: Path) -> Path:
    """A folder with the two presets."""
    for name in ("voiceA.pt", "voiceB.pt"):
        (tmp_path / name).write_bytes((vibevoice_checkpoint / name).read_bytes())
    return tmp_path


def test_preset_of_the_original_is_read_without_its_classes(folder: Path) -> None:
    voice, negative = read_preset(folder / "voiceA.pt", SIZES)
    assert (voice.lm.positions, voice.tts.positions, negative.tts.positions) == (9, 23, 1)
    assert negative.condition.shape == (64,)
    assert voice.tts.arrays[0].dtype == np.float32


def test_the_negative_branch_is_shared(folder: Path) -> None:
    voices, negative = read_presets(folder, SIZES)
    assert list(voices) == ["voiceA", "voiceB"]
    assert sorted(server_files(voices, negative)) == [
        "negative.safetensors",
        "voices/voiceA.safetensors",
        "voices/voiceB.safetensors",
    ]


def test_portable_files_are_arrays_by_layer(folder: Path, tmp_path: Path) -> None:
    files = portable_files(*read_presets(folder, SIZES))
    (tmp_path / "a.npy").write_bytes(files["voices/voiceA/tts_kv_key_3.npy"])
    assert np.load(tmp_path / "a.npy").shape == (1, 2, 23, 16)
    assert len([name for name in files if name.startswith("voices/voiceB/lm_kv_")]) == 4
    listed = json.loads(files["voices/manifest.json"])["voices"]["voiceA"]["files"]
    assert listed["neg_tts_kv_value_0"] == "_negative/tts_kv_value_0.npy"
    assert {f"voices/{path}" for path in listed.values()} <= set(files)


def test_presets_lie_beside_a_checkpoint_or_where_the_original_has_them(folder: Path) -> None:
    deep = folder / "demo/voices/streaming_model"
    deep.mkdir(parents=True)
    (folder / "voiceB.pt").rename(deep / "voiceB.pt")
    assert list(find_presets(folder)) == ["voiceA", "voiceB"]
    (deep / "voiceA.pt").write_bytes(b"")
    with pytest.raises(ExportError, match="both called 'voiceA'"):
        find_presets(folder)


class Payload:
    """A pickle of this class runs code when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this runs",)


def test_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"lm": Payload()}, tmp_path / "evil.pt")
    with pytest.raises(ExportError, match="a pickle can run code"):
        read_preset(tmp_path / "evil.pt", SIZES)
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ExportError, match="a pickle can run code"):
        read_preset(tmp_path / "evil.pt", SIZES)
    assert not capsys.readouterr().out


def test_damaged_and_other_presets_are_refused(folder: Path) -> None:
    whole = (folder / "voiceA.pt").read_bytes()
    (folder / "cut.pt").write_bytes(whole[:9000])
    with pytest.raises(ExportError, match="damaged"):
        read_preset(folder / "cut.pt", SIZES)
    torch.save({"lm": {}}, folder / "other.pt")
    with pytest.raises(ExportError, match="not a preset of this model"):
        read_preset(folder / "other.pt", SIZES)
    with pytest.raises(ExportError, match="4 layers of tts_lm, this model has 3"):
        read_preset(folder / "voiceA.pt", CacheSizes(2, 3, 2, 16, 64))


def test_a_folder_without_presets_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"are \*\.pt"):
        read_presets(tmp_path, SIZES)
