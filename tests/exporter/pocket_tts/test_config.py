"""Configs of the pocket-tts package name files on the hub; here the hub is a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")

from huggingface_hub.errors import GatedRepoError
from requests import Response

from actors.errors import ExportError, UsageError
from exporter.pocket_tts import config as pocket_config
from exporter.pocket_tts import find_checkpoint, load

PUBLIC = "hf://kyutai/pocket-tts-without-voice-cloning/languages/english"
GATED = "hf://kyutai/pocket-tts/languages/english"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pocket_oracle: Callable[[str], Any]) -> list[str]:
    """A hub with the tiny checkpoint in both repositories; returns what is downloaded, in order."""
    downloaded: list[str] = []
    for repo in ("pocket-tts", "pocket-tts-without-voice-cloning"):
        folder = tmp_path / "hub" / "kyutai" / repo / "languages" / "english"
        (folder / "embeddings").mkdir(parents=True)
        for name in ("model.safetensors", "tokenizer.json"):
            (folder / name).write_bytes((pocket_oracle("lsd").folder / name).read_bytes())
        (folder / "embeddings" / "alba.safetensors").write_bytes(
            (pocket_oracle("lsd").folder / "voice.safetensors").read_bytes()
        )

    def hf_hub_download(repo: str, member: str, revision: str | None) -> str:
        downloaded.append(f"{repo}/{member}@{revision}")
        return str(tmp_path / "hub" / repo / member)

    def snapshot_download(repo: str, revision: str | None, allow_patterns: list[str]) -> str:
        downloaded.append(f"{repo}/{allow_patterns[0]}@{revision}")
        return str(tmp_path / "hub" / repo)

    monkeypatch.setattr(pocket_config, "hf_hub_download", hf_hub_download)
    monkeypatch.setattr(pocket_config, "snapshot_download", snapshot_download)
    return downloaded


@pytest.fixture
def config(tmp_path: Path, pocket_oracle: Callable[[str], Any]) -> Path:
    text = (pocket_oracle("lsd").folder / "config.yaml").read_text()
    text = text.replace("tokenizer_path: tokenizer.json", f"tokenizer_path: {PUBLIC}/tokenizer.json@c0ffee")
    path = tmp_path / "english.yaml"
    weights = f"weights_path: {GATED}/model.safetensors@beef\n"
    path.write_text(f"{weights}weights_path_without_voice_cloning: {PUBLIC}/model.safetensors@f00d\n{text}")
    return path


def test_a_config_brings_weights_tokenizer_and_voices(config: Path, hub: list[str]) -> None:
    checkpoint = find_checkpoint(str(config))
    assert hub == [
        "kyutai/pocket-tts-without-voice-cloning/languages/english/tokenizer.json@c0ffee",
        "kyutai/pocket-tts/languages/english/model.safetensors@beef",
        "kyutai/pocket-tts-without-voice-cloning/languages/english/embeddings/*.safetensors@f00d",
    ]
    assert (checkpoint.source.repo, checkpoint.source.revision) == ("kyutai/pocket-tts", "beef")
    export = load(checkpoint, "server")
    assert (export.voices, export.settings.language) == (["alba"], "en")


@pytest.mark.usefixtures("hub")
def test_the_language_is_that_of_the_folder_on_the_hub(config: Path, pocket_oracle: Callable[[str], Any]) -> None:
    folders = {"english": "en", "german": "de", "french_24l": "fr", "english_18m_refl_2026-10": "en", "klingon": "en"}
    text = config.read_text()
    for folder, language in folders.items():
        config.write_text(text.replace("languages/english/", f"languages/{folder}/"))
        assert pocket_config._parse_config(config).language == language
    assert pocket_config._parse_config(pocket_oracle("lsd").folder / "config.yaml").language == "en"


@pytest.mark.usefixtures("hub")
def test_without_access_to_the_gated_weights_the_public_ones_are_taken(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    download = pocket_config.hf_hub_download

    def gated(repo: str, member: str, revision: str | None) -> str:
        if repo == "kyutai/pocket-tts":
            raise GatedRepoError("accept the terms first", response=Response())
        return download(repo, member, revision)

    monkeypatch.setattr(pocket_config, "hf_hub_download", gated)
    checkpoint = find_checkpoint(str(config))
    assert checkpoint.source.repo == "kyutai/pocket-tts-without-voice-cloning"
    assert checkpoint.source.revision == "f00d"


@pytest.mark.usefixtures("hub")
def test_what_cannot_be_downloaded_is_named(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr(pocket_config, "hf_hub_download", unreachable)
    with pytest.raises(UsageError, match=r"cannot download hf://kyutai.*tokenizer\.json@c0ffee: no route to host"):
        find_checkpoint(str(config))


def test_a_config_without_weights_and_one_that_is_not_there_are_refused(
    tmp_path: Path, pocket_oracle: Callable[[str], Any]
) -> None:
    bare = tmp_path / "bare.yaml"
    bare.write_bytes((pocket_oracle("lsd").folder / "config.yaml").read_bytes())
    with pytest.raises(ExportError, match="names no weights_path"):
        find_checkpoint(str(bare))
    with pytest.raises(UsageError, match="is not a file"):
        find_checkpoint(str(tmp_path / "none.yaml"))
