"""The graphs of Soprano in both layouts."""

from exporter.graphs import Graph, Port
from exporter.soprano.decoder import Decoder, PortableDecoder
from exporter.soprano.lm import LanguageModel, PortableLM, ServerLM

_OPSET_PORTABLE = 20


def server_lm(lm: LanguageModel) -> Graph:
    """The language model of the engine."""
    config = lm.config
    lengths, past, present = config.slot_ports(config.num_hidden_layers)
    return Graph(
        "lm",
        "lm.onnx",
        ServerLM(lm),
        inputs=(Port("input_ids", ("batch", "sequence"), "int64"), *lengths, *past),
        outputs=(
            Port("logits", ("batch", config.vocab_size)),
            Port("hidden", ("batch", config.hidden_size)),
            *present,
        ),
    )


def server_decoder(decoder: Decoder) -> Graph:
    """The decoder of the engine."""
    return Graph(
        "decoder",
        "decoder.onnx",
        decoder,
        inputs=(Port("hidden", ("batch", "tokens", decoder.config.num_input_channels)),),
        outputs=(Port("audio", ("batch", "samples")),),
    )


def portable_lm(lm: LanguageModel) -> Graph:
    """The language model under the names of KevinAHM/soprano-web-onnx, which C#, web and mobile runtimes load."""
    config = lm.config
    layers = config.num_hidden_layers
    return Graph(
        "lm",
        "soprano_backbone_kv.onnx",
        PortableLM(lm),
        inputs=(
            Port("input_ids", ("batch", "sequence"), "int64"),
            Port("attention_mask", ("batch", "total"), "int64"),
            Port("position_ids", ("batch", "sequence"), "int64"),
            *config.growing_ports("past_key_values", "past", layers),
        ),
        outputs=(
            Port("logits", ("batch", "sequence", config.vocab_size)),
            *config.growing_ports("present", "total", layers),
            Port("last_hidden_state", ("batch", "sequence", config.hidden_size)),
        ),
        opset=_OPSET_PORTABLE,
    )


def portable_decoder(decoder: Decoder) -> Graph:
    """The decoder under the names of KevinAHM/soprano-web-onnx."""
    return Graph(
        "decoder",
        "soprano_decoder.onnx",
        PortableDecoder(decoder),
        inputs=(Port("hidden_states", ("batch", decoder.config.num_input_channels, "tokens")),),
        outputs=(Port("audio", ("batch", "samples")),),
        opset=_OPSET_PORTABLE,
    )
