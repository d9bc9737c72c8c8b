"""The graphs of VibeVoice-Realtime in both layouts."""

from torch import nn

from exporter.graphs import OPSET, Graph, Port
from exporter.qwen import QwenConfig
from exporter.vae import Part
from exporter.vibevoice_realtime.modules import (
    Model,
    PortableDecoder,
    PortableLM,
    PortableTTS,
    ServerAcousticDecoder,
    ServerLatentDecoder,
    ServerLM,
    ServerTTS,
)

COARSE_STAGES = 2  # of the decoder: 95 % of its weights, 30 % of its arithmetic, 2 % of its activations
_OPSET_PORTABLE = 18


def server_graphs(model: Model) -> dict[str, Graph]:
    """The five graphs of the engine. The connector and the end's classifier are part of the speech model's."""
    return {
        "lm": _server_lm(model),
        "tts_lm": _server_tts(model),
        "prediction_head": _prediction_head(model),
        **_server_decoders(model),
    }


def _server_lm(model: Model) -> Graph:
    config = model.config.backbone
    lengths, past, present = config.slot_ports(model.config.lm_layers)
    return Graph(
        "lm",
        "lm.onnx",
        ServerLM(model),
        inputs=(Port("input_ids", ("batch", "tokens"), "int64"), *lengths, *past),
        outputs=(Port("text", ("batch", "tokens", config.hidden_size)), *present),
    )


def _server_tts(model: Model) -> Graph:
    config = model.config.backbone
    lengths, past, present = config.slot_ports(model.config.tts_layers)
    return Graph(
        "tts_lm",
        "tts_lm.onnx",
        ServerTTS(model),
        inputs=(
            Port("text", ("batch", "tokens", config.hidden_size)),
            Port("latents", ("batch", "frames", model.config.head.latent_size)),
            *lengths,
            *past,
        ),
        outputs=(Port("condition", ("batch", config.hidden_size)), Port("eos_logit", ("batch", 1)), *present),
    )


def _prediction_head(model: Model, opset: int = OPSET) -> Graph:
    """The head, under its public names in both layouts."""
    config = model.config.head
    return Graph(
        "prediction_head",
        "prediction_head.onnx",
        model.head,
        inputs=(
            Port("noisy_latent", ("batch", config.latent_size)),
            Port("timestep", ("batch",), "int64"),
            Port("conditioning", ("batch", config.hidden_size)),
        ),
        outputs=(Port("predicted_noise", ("batch", config.latent_size)),),
        opset=opset,
    )


def _server_decoders(model: Model) -> dict[str, Graph]:
    """The decoder as two graphs, which want chunks of different lengths: the one many frames, the other few."""
    coarse, fine = model.decoder.split(COARSE_STAGES)
    features = Port("features", ("batch", "steps", model.decoder.config.widths[COARSE_STAGES - 1]))
    latent = Port("latent", ("batch", "frames", model.config.head.latent_size))
    audio = Port("audio", ("batch", "samples"))
    return {
        "latent_decoder": _decoder_graph("latent_decoder", ServerLatentDecoder(model, coarse), coarse, latent, features),
        "acoustic_decoder": _decoder_graph("acoustic_decoder", ServerAcousticDecoder(fine), fine, features, audio),
    }


def _decoder_graph(name: str, module: nn.Module, part: Part, reads: Port, writes: Port) -> Graph:
    axes = [("batch", *shape) for shape in part.state_shapes]
    return Graph(
        name,
        f"{name}.onnx",
        module,
        inputs=(reads, *(Port(f"past_conv.{i}", state, half=True) for i, state in enumerate(axes))),
        outputs=(writes, *(Port(f"present_conv.{i}", state, half=True) for i, state in enumerate(axes))),
    )


def portable_graphs(model: Model) -> dict[str, Graph]:
    """The seven graphs of the public export (ElBruno.VibeVoiceTTS), with batch and sequence axes that work."""
    hidden, latent = model.config.backbone.hidden_size, model.config.head.latent_size
    embeddings = Port("inputs_embeds", ("batch", "tokens", hidden))
    positions = Port("position_ids", ("batch", "tokens"), "int64")
    ids = Port("input_ids", ("batch", "tokens"), "int64")
    tts = model.config.tts_layers

    def rowwise(name: str, module: nn.Module, reads: Port, writes: Port) -> Graph:
        return Graph(name, f"{name}.onnx", module, inputs=(reads,), outputs=(writes,), opset=_OPSET_PORTABLE)

    return {
        "lm_with_kv": _growing("lm_with_kv", PortableLM(model), model.config.backbone, model.config.lm_layers, ids),
        "tts_lm_prefill": _growing("tts_lm_prefill", PortableTTS(model), model.config.backbone, tts, embeddings, positions),
        "tts_lm_step": _growing("tts_lm_step", PortableTTS(model), model.config.backbone, tts, embeddings, positions),
        "prediction_head": _prediction_head(model, _OPSET_PORTABLE),
        "acoustic_connector": rowwise(
            "acoustic_connector",
            model.connector,
            Port("speech_latent", ("batch", latent)),
            Port("embedding", ("batch", hidden)),
        ),
        "eos_classifier": rowwise(
            "eos_classifier", model.end, Port("hidden_state", ("batch", hidden)), Port("logit", ("batch", 1))
        ),
        "acoustic_decoder": rowwise(
            "acoustic_decoder",
            PortableDecoder(model.decoder),
            Port("latent", ("batch", latent, "frames")),
            Port("waveform", ("batch", 1, "samples")),
        ),
    }


def _growing(name: str, module: nn.Module, config: QwenConfig, layers: int, reads: Port, *positions: Port) -> Graph:
    def cache(name: str, length: str) -> Port:
        return Port(name, (layers, "batch", config.num_key_value_heads, length, config.head_dim), half=True)

    return Graph(
        name,
        f"{name}.onnx",
        module,
        inputs=(
            reads,
            Port("attention_mask", ("batch", "total"), "int64"),
            *positions,
            cache("past_keys", "past"),
            cache("past_values", "past"),
        ),
        outputs=(
            Port("hidden_states", ("batch", "tokens", config.hidden_size)),
            cache("new_keys", "total"),
            cache("new_values", "total"),
        ),
        opset=_OPSET_PORTABLE,
    )
