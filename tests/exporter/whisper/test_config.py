"""What is read of a checkpoint's files, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.errors import ExportError

pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")

from exporter.checkpoints import open_checkpoint
from exporter.whisper import FILES, load
from exporter.whisper.config import MelConfig, read_config

TINY = Path(__file__).parents[2] / "fixtures" / "whisper_tiny"
Change = Callable[[dict[str, Any]], object]


def changed(folder: Path, file: str, change: Change) -> Path:
    """Return a copy of the tiny checkpoint, one of whose files is another."""
    shutil.copytree(TINY, folder)
    document = json.loads((folder / file).read_bytes())
    change(document)
    (folder / file).write_text(json.dumps(document))
    return folder


def rename_token(old: str, new: str | None) -> Change:
    """Return what calls a token of a tokenizer otherwise, or leaves it out."""

    def change(document: dict[str, Any]) -> None:
        document["added_tokens"] = [
            token | {"content": new if token["content"] == old else token["content"]}
            for token in document["added_tokens"]
            if new or token["content"] != old
        ]
        vocabulary = document["model"]["vocab"]
        if old in vocabulary:
            number = vocabulary.pop(old)
            if new:
                vocabulary[new] = number

    return change


def test_sizes_and_rules_are_those_of_the_files() -> None:
    config = read_config(open_checkpoint(str(TINY), FILES))
    assert (config.d_model, config.head_dim, config.max_source_positions, config.vocab_size) == (32, 16, 200, 575)
    assert config.mel == MelConfig(feature_size=80, sampling_rate=16_000, n_fft=400, hop_length=160)
    assert list(config.alignment_heads) == [(0, 1), (1, 0)]
    assert config.is_multilingual
    settings = load(open_checkpoint(str(TINY), FILES), "server").settings
    assert list(settings.languages) == ["de", "en", "es", "fr", "ru", "zh"]
    assert (settings.eos_id, settings.sot_id, settings.timestamp_begin, settings.max_tokens) == (360, 361, 374, 64)
    assert settings.no_speech_id == 372
    assert settings.begin_suppress_tokens == [220, 360]
    assert settings.max_initial_timestamp_index == 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(model_type="wav2vec2"), "model_type is 'wav2vec2', not 'whisper'"),
        (lambda config: config.update(activation_function="relu"), "activation_function is 'relu': only 'gelu'"),
        (lambda config: config.pop("d_model"), "lacks a key: KeyError"),
        (lambda config: config.update(encoder_layers="many"), "is not a Whisper model's"),
        (lambda config: config.update(encoder_attention_heads=3), "heads do not divide d_model"),
        (lambda config: config.update(decoder_attention_heads=5), "heads do not divide d_model"),
        (lambda config: config.update(num_mel_bins=128), "the spectrogram has other bins than the encoder"),
    ],
)
def test_a_config_that_is_not_supported_is_refused(tmp_path: Path, change: Change, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        read_config(open_checkpoint(str(changed(tmp_path / "a", "config.json", change)), FILES))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mel: mel.update(n_fft=401), "n_fft is not even"),
        (lambda mel: mel.update(hop_length=500), "below the hop"),
        (lambda mel: mel.update(feature_size=128), "other bins than the encoder"),
    ],
)
def test_a_spectrogram_that_does_not_fit_is_refused(tmp_path: Path, change: Change, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        read_config(open_checkpoint(str(changed(tmp_path / "a", "preprocessor_config.json", change)), FILES))


@pytest.mark.parametrize("head", [[2, 0], [0, 2], [-1, 0]])
def test_an_alignment_head_that_is_not_there_is_refused(tmp_path: Path, head: list[int]) -> None:
    folder = changed(tmp_path / "a", "generation_config.json", lambda generation: generation.update(alignment_heads=[head]))
    with pytest.raises(ExportError, match="an alignment head is beyond the decoder"):
        read_config(open_checkpoint(str(folder), FILES))


def test_without_a_generation_config_the_tokenizer_says_the_languages(tmp_path: Path) -> None:
    folder = changed(tmp_path / "a", "config.json", lambda config: config.update(suppress_tokens=[1, 2], is_multilingual=True))
    for name in ("generation_config.json", "preprocessor_config.json"):
        (folder / name).unlink()
    export = load(open_checkpoint(str(folder), FILES), "server")
    whole = load(open_checkpoint(str(TINY), FILES), "server")
    assert export.settings.alignment_heads == 0
    assert export.settings.suppress_tokens == [1, 2]
    assert export.settings.eos_id == 360
    # A vocabulary of fewer than 51,865 entries, as all models of English alone have it.
    assert export.settings.languages == {}
    (folder / "generation_config.json").write_text('{"is_multilingual": true}')
    assert load(open_checkpoint(str(folder), FILES), "server").settings.languages == whole.settings.languages


def test_a_model_of_english_alone_has_no_languages(tmp_path: Path) -> None:
    def change(generation: dict[str, Any]) -> None:
        generation["is_multilingual"] = False
        for name in ("lang_to_id", "task_to_id"):
            del generation[name]

    folder = changed(tmp_path / "a", "generation_config.json", change)
    assert load(open_checkpoint(str(folder), FILES), "server").settings.languages == {}


@pytest.mark.parametrize(
    "token", ["<|startoftranscript|>", "<|transcribe|>", "<|translate|>", "<|startofprev|>", "<|notimestamps|>"]
)
def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path, token: str) -> None:
    folder = changed(tmp_path / "a", "tokenizer.json", rename_token(token, "<|other|>"))
    with pytest.raises(ExportError, match=r"tokenizer\.json has no <\|.*take the tokenizer\.json of the same openai/whisper"):
        load(open_checkpoint(str(folder), FILES), "server")


@pytest.mark.parametrize(("name", "found"), [("<|nocaptions|>", 372), ("<|other|>", None)])
def test_silence_has_two_names_or_none(tmp_path: Path, name: str, found: int | None) -> None:
    folder = changed(tmp_path / "a", "tokenizer.json", rename_token("<|nospeech|>", name))
    assert load(open_checkpoint(str(folder), FILES), "server").settings.no_speech_id == found


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "a")
    (tmp_path / "a" / "tokenizer.json").write_text("{}")
    with pytest.raises(ExportError, match="damaged or no tokenizer"):
        load(open_checkpoint(str(tmp_path / "a"), FILES), "server")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda generation: generation.update(eos_token_id=575), "eos_id"),
        (lambda generation: generation.update(suppress_tokens=[9999]), "outside the vocabulary"),
        (lambda generation: generation["lang_to_id"].update({"<|it|>": 600}), "it"),
        (lambda generation: generation["lang_to_id"].update({"<|Deutsch|>": 363}), "languages"),
    ],
)
def test_ids_outside_the_vocabulary_are_refused(tmp_path: Path, change: Change, message: str) -> None:
    folder = changed(tmp_path / "a", "generation_config.json", change)
    with pytest.raises(ExportError, match=message):
        load(open_checkpoint(str(folder), FILES), "server")
