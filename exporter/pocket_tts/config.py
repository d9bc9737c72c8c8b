"""PocketTTS's ``config.yaml``: its schema, which is pocket-tts 4.x's (``utils/config.py``), and the files that it names."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from pydantic import Field, ValidationError, model_validator
from tokenizers import Tokenizer
from torch import Tensor

from actors.bundle import Source
from actors.errors import ExportError, UsageError
from exporter.checkpoints import Checkpoint, open_checkpoint
from exporter.mimi import MimiConfig, Strict

_HUB = "hf://"
# Where the hub has the files of a language, such as languages/german_24l.
_LANGUAGE_FOLDER = re.compile(r"/languages/([a-z]+)")
_LANGUAGES = {
    "english": "en",
    "dutch": "nl",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
}
_HUB_ERRORS = (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError)

FILES = (
    "config.yaml",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer.model",
    "*.safetensors",
    "embeddings/*.safetensors",
    # transformers' layout (exporter/pocket_tts/hub.py)
    "config.json",
    "generation_config.json",
    "processor_config.json",
    "*.safetensors.index.json",
    "audio_tokenizer/config.json",
)


class FlowConfig(Strict):
    """The head that turns noise into a latent."""

    dim: int
    depth: int
    type: Literal["lsd", "flow_matching", "drifting", "pointwise"] = "lsd"

    @property
    def times(self) -> int:
        """How many time conditions the head takes."""
        return {"lsd": 2, "flow_matching": 1}.get(self.type, 0)


class BackboneConfig(Strict):
    """The transformer of the language model."""

    hidden_scale: int
    max_period: int
    d_model: int
    num_heads: int
    num_layers: int
    attn_dim: int | None = None
    num_kv_heads: int | None = None
    dim_feedforward: int | None = None

    @property
    def head_dim(self) -> int:
        """Channels of a head; queries may be wider than the model."""
        return (self.attn_dim or self.d_model) // self.num_heads

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.num_kv_heads or self.num_heads

    @property
    def hidden(self) -> int:
        """Width of the feed-forward layers."""
        return self.dim_feedforward or self.d_model * self.hidden_scale


class LookupTable(Strict):
    """The text embedding."""

    dim: int
    n_bins: int
    tokenizer: str
    tokenizer_path: str
    rank: int | None = None


class FlowLMConfig(Strict):
    """The ``flow_lm`` section of ``config.yaml``."""

    dtype: str
    flow: FlowConfig
    transformer: BackboneConfig
    z_dim: int | None = None
    lookup_table: LookupTable
    weights_path: str | None = None
    insert_bos_before_voice: bool = False

    @property
    def conditioning(self) -> int:
        """Channels of what the flow head and the end's logit are computed from."""
        return self.z_dim or self.transformer.d_model

    @model_validator(mode="after")
    def _check_dimensions(self) -> "FlowLMConfig":
        if self.lookup_table.dim != self.transformer.d_model:
            raise ValueError("lookup_table.dim must equal transformer.d_model")
        return self


class Config(Strict):
    """A ``config.yaml`` of pocket-tts 4.x (``utils/config.py``)."""

    flow_lm: FlowLMConfig
    mimi: MimiConfig
    weights_path: str | None = None
    weights_path_without_voice_cloning: str | None = None
    pad_with_spaces_for_short_inputs: bool = False
    remove_semicolons: bool = False
    append_terminal_punctuation: bool = True
    capitalize_first_letter: bool = True
    replace_characters: dict[str, str] = Field(default_factory=dict)
    model_recommended_frames_after_eos: int | None = None
    default_temperature: float = 0.3
    default_eos_threshold: float = -4.0

    @property
    def language(self) -> str:
        """The code of the language that it speaks, by where its files are on the hub; English if that does not say it."""
        files = [self.weights_path, self.weights_path_without_voice_cloning, self.flow_lm.lookup_table.tokenizer_path]
        found = _LANGUAGE_FOLDER.search(" ".join(filter(None, files)))
        return _LANGUAGES.get(found[1], "en") if found else "en"


@dataclass(frozen=True)
class Contents:
    """What a checkpoint holds, in pocket-tts' terms whichever layout it has.

    Attributes:
        config: its config.
        weights: by pocket-tts' names.
        tokenizer: gives the rows of the text embedding.
        has_encoder: whether there are the weights that make voices of audio.
        origin: for messages.
    """

    config: Config
    weights: dict[str, Tensor]
    tokenizer: Tokenizer
    has_encoder: bool
    origin: str


def find_checkpoint(reference: str) -> Checkpoint:
    """Open a folder or hub repository with ``FILES``, or a config of the pocket-tts package, ``…/config/english.yaml``.

    Such a config names its weights and its tokenizer as ``hf://org/name/path@revision``; they are downloaded, and with them the
    voices beside the weights that anybody may have. Weights that clone voices are gated: without access to them those without
    are taken, as the package does.

    Raises:
        UsageError: there is no such thing, or it cannot be downloaded.
        ExportError: the config is not one of pocket-tts.
    """
    path = Path(reference).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        return open_checkpoint(reference, FILES)
    if not path.is_file():
        raise UsageError(f"checkpoint {reference!r} is not a file")
    config = _parse_config(path)
    public = config.weights_path_without_voice_cloning
    weights = config.weights_path or public
    if weights is None:
        raise ExportError(f"{path} names no weights_path: pass the folder that has its model.safetensors")
    tokenizer = _download(config.flow_lm.lookup_table.tokenizer_path, path.parent)
    try:
        model = _download(weights, path.parent)
    except UsageError:
        if public is None or public == weights:
            raise
        weights = public
        model = _download(weights, path.parent)
    members = {"config.yaml": path, "model.safetensors": model, f"tokenizer{tokenizer.suffix}": tokenizer}
    voices = _download_voices(public) if public and public.startswith(_HUB) else model.parent
    repo, _, revision = _split(weights) if weights.startswith(_HUB) else (path.stem, "", None)
    return Checkpoint(voices, Source(repo=repo, revision=revision, licence=None), members)


def read_config(checkpoint: Checkpoint) -> Config:
    """Read a checkpoint's ``config.yaml``.

    Raises:
        ExportError: there is none, or it is not one of pocket-tts 4.x.
    """
    return _parse_config(checkpoint.path("config.yaml"))


def _parse_config(path: Path) -> Config:
    try:
        return Config.model_validate(yaml.safe_load(path.read_bytes()))
    except (yaml.YAMLError, ValidationError) as error:
        raise ExportError(f"{path} is not a config of pocket-tts 4.x: {error}") from error


def _split(uri: str) -> tuple[str, str, str | None]:
    """Split ``hf://org/name/path@revision``."""
    path, _, revision = uri.removeprefix(_HUB).partition("@")
    *repo, member = path.split("/", 2)
    if len(repo) != 2:
        raise ExportError(f"{uri!r} does not name a file of a hub repository")
    return "/".join(repo), member, revision or None


def _download(uri: str, folder: Path) -> Path:
    """Return a file that a config in ``folder`` names."""
    if not uri.startswith(_HUB):
        return folder / uri
    repo, member, revision = _split(uri)
    try:
        return Path(hf_hub_download(repo, member, revision=revision))
    except _HUB_ERRORS as error:
        raise UsageError(
            f"cannot download {uri}: {error}. Check your network and, for gated repositories, that HF_TOKEN may read them; or "
            "pass a folder with config.yaml, model.safetensors and tokenizer.json."
        ) from error


def _download_voices(weights: str) -> Path:
    """Return the folder of the public weights, whose ``embeddings/`` are the voices."""
    repo, member, revision = _split(weights)
    folder = str(Path(member).parent)
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=[f"{folder}/embeddings/*.safetensors"])) / folder
    except _HUB_ERRORS as error:
        raise UsageError(f"cannot download the voices of {weights}: {error}. Check your network.") from error
