"""The graphs of VibeVoice-ASR in both layouts."""

from dataclasses import dataclass

from exporter.graphs import Graph, Port
from exporter.streaming import Rows
from exporter.vibevoice_asr.config import Config
from exporter.vibevoice_asr.modules import Decoder, SpeechEncoder
from exporter.vibevoice_asr.portable import PortableDecoder, PortableEncoder, PortablePrefill
from exporter.vibevoice_asr.streamed import Embedding, StreamedDecoder


@dataclass(frozen=True)
class Model:
    """A checkpoint as torch modules; ``audio_id`` is the token that stands for a frame of audio."""

    config: Config
    encoder: SpeechEncoder
    decoder: Decoder
    embedding: Rows
    audio_id: int


def server_graphs(model: Model) -> dict[str, Graph]:
    """The two graphs of the engine."""
    config, encoder = model.config.lm, model.encoder
    state = ("batch", encoder.state_size)
    lengths, past, present = config.slot_ports(model.config.lm_layers)
    return {
        "speech_encoder": Graph(
            "speech_encoder",
            "speech_encoder.onnx",
            encoder,
            inputs=(Port("input_values", ("batch", "frames", encoder.hop)), Port("conv_state", state)),
            outputs=(Port("speech_features", ("batch", "frames", config.hidden_size)), Port("new_conv_state", state)),
        ),
        "decoder": Graph(
            "decoder",
            "decoder.onnx",
            model.decoder,
            inputs=(Port("inputs_embeds", ("batch", "sequence", config.hidden_size)), *lengths, *past),
            outputs=(Port("logits", ("batch", config.vocab_size)), *present),
        ),
    }


def portable_graphs(model: Model) -> dict[str, Graph]:
    """The three graphs of the public exports, by their names, in standard operators; with a KV cache, which those lack."""
    config, layers = model.config.lm, model.config.lm_layers
    embedding = Embedding(model.embedding, streamed=isinstance(model.decoder, StreamedDecoder))
    features = Port("speech_embeddings", ("batch", "frames", config.hidden_size))
    ids = Port("input_ids", ("batch", "sequence"), "int64")
    logits = Port("logits", ("batch", config.vocab_size))

    def mask(length: str) -> Port:
        return Port("attention_mask", ("batch", length), "int64")

    return {
        "speech_encoder": Graph(
            "speech_encoder",
            "speech_encoder.onnx",
            PortableEncoder(model.encoder),
            inputs=(Port("audio", ("batch", 1, "samples")), Port("num_samples", ("batch",), "int64")),
            outputs=(features,),
        ),
        "decoder_with_speech": Graph(
            "decoder_with_speech",
            "decoder_with_speech.onnx",
            PortablePrefill(model.decoder, embedding, model.audio_id),
            inputs=(ids, mask("sequence"), features),
            outputs=(logits, *config.growing_ports("present", "sequence", layers)),
        ),
        "decoder": Graph(
            "decoder",
            "decoder.onnx",
            PortableDecoder(model.decoder, embedding),
            inputs=(ids, mask("total"), *config.growing_ports("past_key_values", "past", layers)),
            outputs=(logits, *config.growing_ports("present", "total", layers)),
        ),
    }
