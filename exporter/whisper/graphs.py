"""The graphs of Whisper in both layouts."""

from dataclasses import dataclass

from exporter.graphs import Graph, Port
from exporter.whisper.config import Config
from exporter.whisper.modules import PANEL, Decoder, Encoder, LogMel, ServerDecoder, ServerEncoder
from exporter.whisper.portable import PortableDecoder, PortableEncoder


@dataclass(frozen=True)
class Model:
    """A checkpoint as torch modules."""

    config: Config
    encoder: Encoder
    decoder: Decoder


def server_graphs(model: Model) -> dict[str, Graph]:
    """The three graphs of the engine. A panel of what is heard is made of twice as many frames of a spectrogram."""
    config = model.config
    panels = Port("input_features", ("batch", config.num_mel_bins, "panels", 2 * PANEL))
    cross = _cross_ports(config)
    heads, head_dim = config.decoder_attention_heads, config.head_dim
    names = [f"{part}.{i}" for i in range(config.decoder_layers) for part in ("key", "value")]
    past, present = (
        tuple(Port(f"{when}_{name}", ("batch", heads, "max_length", head_dim), half=True) for name in names)
        for when in ("past", "present")
    )
    alignment = Port("alignment", ("batch", len(config.alignment_heads), "heard"))
    return {
        "log_mel": _log_mel(config),
        "encoder": Graph(
            "encoder", "encoder.onnx", ServerEncoder(model.encoder, model.decoder), inputs=(panels,), outputs=cross
        ),
        "decoder": Graph(
            "decoder",
            "decoder.onnx",
            ServerDecoder(model.decoder),
            inputs=(
                Port("input_ids", ("batch", "sequence"), "int64"),
                Port("frames", ("batch",), "int64"),
                Port("seqlens_k", ("batch",), "int32"),
                Port("total_sequence_length", (), "int32"),
                *cross,
                *past,
            ),
            outputs=(
                Port("logits", ("batch", config.vocab_size)),
                *([alignment] if config.alignment_heads else []),
                *present,
            ),
        ),
    }


def portable_graphs(model: Model) -> dict[str, Graph]:
    """The spectrogram, and the two graphs of the public exports (optimum, onnx-community) by their names."""
    config = model.config
    features = _features(config)
    hidden = Port("last_hidden_state", ("batch", "heard", config.d_model))
    return {
        "log_mel": _log_mel(config),
        "encoder_model": Graph(
            "encoder_model", "encoder_model.onnx", PortableEncoder(model.encoder), inputs=(features,), outputs=(hidden,)
        ),
        "decoder_model_merged": Graph(
            "decoder_model_merged",
            "decoder_model_merged.onnx",
            PortableDecoder(model.decoder),
            inputs=(
                Port("input_ids", ("batch", "sequence"), "int64"),
                Port("encoder_hidden_states", hidden.axes),
                *_growing_ports(config, "past_key_values", "past", "past_heard"),
                Port("use_cache_branch", (1,), "bool"),
            ),
            outputs=(
                Port("logits", ("batch", "sequence", config.vocab_size)),
                *_growing_ports(config, "present", "total", "total_heard"),
            ),
        ),
    }


def _features(config: Config) -> Port:
    return Port("input_features", ("batch", config.num_mel_bins, "frames"))


def _log_mel(config: Config) -> Graph:
    audio = Port("audio", ("batch", "samples"))
    return Graph("log_mel", "log_mel.onnx", LogMel(config.mel), inputs=(audio,), outputs=(_features(config),))


def _cross_ports(config: Config) -> tuple[Port, ...]:
    """What the encoder puts out and the decoder reads at every step, one layer after the other."""
    heads, head_dim = config.decoder_attention_heads, config.head_dim
    axes = {"key": ("batch", heads, "panels", head_dim, PANEL), "value": ("batch", heads, "panels", PANEL, head_dim)}
    return tuple(
        Port(f"cross_{part}.{i}", axes[part], half=True, quantized=True)
        for i in range(config.decoder_layers)
        for part in ("key", "value")
    )


def _growing_ports(config: Config, name: str, length: str, heard: str) -> tuple[Port, ...]:
    """The public exports' caches: what was written, and what is heard, of one layer after the other."""
    heads, head_dim = config.decoder_attention_heads, config.head_dim
    return tuple(
        Port(f"{name}.{i}.{of}.{part}", ("batch", heads, axis, head_dim), half=True)
        for i in range(config.decoder_layers)
        for of, axis in (("decoder", length), ("encoder", heard))
        for part in ("key", "value")
    )
