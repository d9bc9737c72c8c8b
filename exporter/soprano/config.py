"""What a Soprano checkpoint's configuration says, and the files it is in."""

from dataclasses import dataclass

from actors.errors import ExportError
from exporter.checkpoints import Checkpoint
from exporter.qwen import QwenConfig

FILES: tuple[str, ...] = (
    "config.json",
    "decoder_config.json",
    "decoder.pth",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)
MAX_PROMPT_TOKENS = 512  # soprano-tts backends/transformers.py: max_length
MAX_NEW_TOKENS = 512  # soprano-tts backends/transformers.py: max_new_tokens


@dataclass(frozen=True, kw_only=True)
class LMConfig(QwenConfig):
    """The keys of ``config.json`` that shape the language model."""

    num_hidden_layers: int
    tie_word_embeddings: bool
    eos_token_id: int
    qk_norm: bool = True


@dataclass(frozen=True)
class DecoderConfig:
    """The sizes of the Vocos decoder, named as in soprano-tts ``vocos/decoder.py``.

    ``decoder.pth`` gives all but ``upscale`` and ``sample_rate`` by its shapes; an optional ``decoder_config.json`` beside
    it overrides the defaults of those two.
    """

    num_input_channels: int
    decoder_dim: int
    decoder_intermediate_dim: int
    decoder_num_layers: int
    input_kernel: int
    dw_kernel: int
    n_fft: int
    hop_length: int
    upscale: int = 4
    sample_rate: int = 32000


def read_lm_config(checkpoint: Checkpoint) -> LMConfig:
    """Read ``config.json``.

    Raises:
        ExportError: it is not a Qwen3 model's, or of one that is not supported.
    """
    path = checkpoint.folder / "config.json"
    raw = checkpoint.json("config.json")
    if raw.get("model_type") != "qwen3":
        raise ExportError(f"{path}: model_type is {raw.get('model_type')!r}, not 'qwen3'")
    positions = {"max_position_embeddings": MAX_PROMPT_TOKENS + MAX_NEW_TOKENS}
    own = ("head_dim", "num_hidden_layers", "tie_word_embeddings", "eos_token_id")
    try:
        return LMConfig(**QwenConfig.sizes(raw | positions) | {name: raw[name] for name in own})
    except (KeyError, TypeError) as error:
        raise ExportError(f"{path} lacks a key of a Qwen3 model: {error}") from error
    except ValueError as error:
        raise ExportError(f"{path} is of a model that cannot be exported: {error}") from error
