"""VibeVoice-ASR (microsoft/VibeVoice-ASR, 7B and 1.5B): two speech encoders in front of a Qwen2 language model.

Source: transformers 5.23 ``models/vibevoice_asr`` and ``models/qwen2``, microsoft/VibeVoice (MIT). Both checkpoint layouts are
read: the original's and the hub's ``…-HF``. Every size comes from ``config.json``.

The acoustic encoder's latent is its mean: the original adds noise to it, which makes transcripts differ from run to run and no
better. The embedding is not in a graph: workers map its rows from a file.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from actors.bundle import Layout
from actors.errors import ExportError
from actors.families.vibevoice_asr import FAMILY
from exporter.build import Export
from exporter.checkpoints import Checkpoint, TensorFiles, load_weights
from exporter.graphs import Graph, Port
from exporter.layers import Linear, RMSNorm
from exporter.qwen2 import MATRICES, Backbone, Layer, Qwen2Config, backbone_vectors, positions_of
from exporter.streaming import Rows, hollow, stack
from exporter.vibevoice_asr_cases import PortableCases, ServerCases
from exporter.vibevoice_vae import EXPANSION, KERNEL, Block, Connector, Encoder, VAEConfig, connector_state, encoder_state

FILES: tuple[str, ...] = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "*.safetensors",
    "*.safetensors.index.json",
)
EMBEDDING_FILE = "embedding.npy"
_EMBEDDING_KEY = "model.language_model.embed_tokens.weight"

# What the model is asked, and how long it may listen and answer: transformers' chat template and microsoft/VibeVoice
# vibevoice_asr_processor.py, vllm_plugin.
PROMPT = {
    "system_prompt": "You are a helpful assistant that transcribes audio input into text output in JSON format.",
    "instruction": "This is a {duration:.2f} seconds audio, please transcribe it with these keys: {keys}",
    "instruction_with_context": (
        "This is a {duration:.2f} seconds audio, with extra info: {context}\n\nPlease transcribe it with these keys: {keys}"
    ),
    "keys": "Start time, End time, Speaker ID, Content",
}
_MAX_AUDIO_FRAMES = 27_000  # 60 minutes
_MAX_NEW_TOKENS = 32_768
_MAX_PROMPT_TEXT_TOKENS = 4_096  # of everything in a prompt that is not audio
_LOUDNESS_DBFS = -25.0
_SMALLEST = 1e-6  # of a loudness: vibevoice_tokenizer_processor.py, AudioNormalizer
_SAMPLE_RATE = 24_000

_AUDIO_TOKENS = {"audio_bos": "<|object_ref_start|>", "audio_eos": "<|object_ref_end|>", "audio": "<|box_start|>"}
_STOP_TOKENS = ("<|im_end|>", "<|endoftext|>")

_SPOKEN_TOKENS = 24  # of the answers that are compared
_MAX_IN_MEMORY_BYTES = 2 << 30  # of a language model in float32, which an ONNX file without external data cannot hold either
_MIN_INT8_CHANNELS = 256  # of a block: below, quantizing activations takes longer than the MatMul saves
_SENSITIVE = ("lm_head", "down_proj", "qkv_proj")  # in 4 bits these cost the most accuracy


@dataclass(frozen=True)
class Config:
    """What ``config.json`` says, in either layout. ``audio_ids`` are those of ``_AUDIO_TOKENS`` that it names."""

    lm: Qwen2Config
    lm_layers: int
    tie_word_embeddings: bool
    acoustic: VAEConfig
    semantic: VAEConfig
    audio_ids: Mapping[str, int]
    eos_ids: Collection[int]


class SpeechEncoder(nn.Module):
    """Audio to what the language model reads in place of the audio tokens' embeddings."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hop = config.acoustic.frame_size
        self.acoustic = Encoder(config.acoustic)
        self.semantic = Encoder(config.semantic)
        self.acoustic_connector = Connector(config.acoustic.dimension, config.lm.hidden_size)
        self.semantic_connector = Connector(config.semantic.dimension, config.lm.hidden_size)
        self._shapes = [*self.acoustic.state_shapes, *self.semantic.state_shapes]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self._of_acoustic = len(self.acoustic.state_shapes)

    @property
    def state_size(self) -> int:
        """Floats that travel from chunk to chunk: what every convolution needs of the past, in one tensor."""
        return sum(self._sizes)

    def forward(self, audio: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map audio ``[batch, frames, hop]`` to features ``[batch, frames, hidden]``, and give the next chunk's state."""
        samples = audio.flatten(1)
        past = [part.unflatten(1, shape) for part, shape in zip(state.split(self._sizes, dim=1), self._shapes, strict=True)]
        acoustic, *present = self.acoustic(samples, *past[: self._of_acoustic])
        semantic, *rest = self.semantic(samples, *past[self._of_acoustic :])
        features = self.acoustic_connector(acoustic.flatten(0, 1)) + self.semantic_connector(semantic.flatten(0, 1))
        return features.view(*audio.shape[:2], -1), torch.cat([part.flatten(1) for part in [*present, *rest]], dim=1)


class Decoder(nn.Module):
    """The language model as one graph for prefill and step: logits of each row's last token, caches updated in place."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        config = backbone.config
        self.backbone = backbone
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)

    def predict(self, hidden: Tensor) -> Tensor:
        """Map hidden states ``[batch, sequence, hidden]`` to the logits of the last token, ``[batch, vocab]``."""
        return self.project(self.norm(hidden[:, -1]))

    def project(self, hidden: Tensor) -> Tensor:
        """Map normalised hidden states ``[rows, hidden]`` to logits."""
        return self.lm_head(hidden)

    def forward(self, embeds: Tensor, seqlens_k: Tensor, total_sequence_length: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map embeddings ``[batch, sequence, hidden]`` to logits ``[batch, vocab]`` and the caches."""
        hidden, present = self.backbone.run_in_slots(embeds, seqlens_k, total_sequence_length, past)
        return self.predict(hidden), *present


class StreamedBackbone(Backbone):
    """Layers larger than memory: traced without their matrices, and run with those of one layer at a time."""

    def __init__(self, config: Qwen2Config, num_layers: int, matrices: Mapping[str, Rows]) -> None:
        with torch.device("meta"):
            super().__init__(config, num_layers)
        self._set_tables()
        self._matrices = matrices

    def blocks(self) -> Iterable[Layer]:
        """The layers; outside of tracing each is read when it is its turn."""
        if torch.compiler.is_exporting():
            yield from super().blocks()
            return
        layer = Layer(self.config)  # one for all of them: two would be a gigabyte more
        for i, hollow_layer in enumerate(super().blocks()):
            for name, parameter in layer.named_parameters():
                if parameter.dim() == 1:
                    parameter.data.copy_(hollow_layer.get_parameter(name))
                    continue
                for first, block in self._matrices[f"layers.{i}.{name}"].blocks():
                    parameter.data[:, first : first + len(block)] = torch.from_numpy(block).T
            yield layer


class StreamedDecoder(Decoder):
    """A decoder larger than memory. ``matrices``: what the transposes of its matrices are read from, by name."""

    def __init__(self, config: Config, weights: "_Weights") -> None:
        matrices = _decoder_matrices(config, weights)
        layers = {name.removeprefix("backbone."): rows for name, rows in matrices.items()}
        backbone = StreamedBackbone(config.lm, config.lm_layers, layers)
        with torch.device("meta"):
            super().__init__(backbone)
        self.matrices = matrices
        for name, rows in matrices.items():
            if rows.shape[::-1] != (shape := tuple(self.get_parameter(name).shape)):
                raise ExportError(
                    f"{weights.origin}: {name} is {list(rows.shape[::-1])} there, config.json asks for {list(shape)}"
                )
        for name, vector in _decoder_vectors(config, weights.read).items():
            owner, _, leaf = name.rpartition(".")
            self.get_submodule(owner).register_parameter(leaf, nn.Parameter(vector, requires_grad=False))
        hollow(self)

    def project(self, hidden: Tensor) -> Tensor:
        """Map normalised hidden states ``[rows, hidden]`` to logits."""
        if torch.compiler.is_exporting():
            return super().project(hidden)
        blocks = self.matrices["lm_head.weight"].blocks()
        return torch.cat([hidden @ torch.from_numpy(block).T for _, block in blocks], dim=1)


class Embedding(nn.Module):
    """The table of the tokens, which the public graphs hold and workers map from a file. Read outside of tracing by rows."""

    def __init__(self, table: Rows, *, streamed: bool) -> None:
        super().__init__()
        self.table = table
        with torch.device("meta"):
            self.weight = nn.Parameter(torch.empty(table.shape), requires_grad=False)
        if streamed:
            hollow(self)
        else:
            self.weight = nn.Parameter(torch.from_numpy(table.read(0, table.shape[0])), requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids ``[batch, sequence]`` to ``[batch, sequence, hidden]``."""
        if torch.compiler.is_exporting():
            return nn.functional.embedding(ids, self.weight)
        return torch.from_numpy(self.table.take(ids.numpy()))


class PortableEncoder(nn.Module):
    """The public contract of the encoders: whole recordings as they are, brought to the model's loudness here."""

    def __init__(self, encoder: SpeechEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, audio: Tensor, num_samples: Tensor) -> Tensor:
        """Map recordings ``[batch, 1, samples]``, of which the first ``num_samples`` ``[batch]`` count, to features.

        What comes behind them is not heard; of the features ``[batch, frames, hidden]`` a row's first
        ``ceil(num_samples / samples_per_frame)`` are its own.
        """
        hop = self.encoder.hop
        samples = audio[:, 0] * (torch.arange(audio.shape[2]) < num_samples[:, None])
        # A mean of a million squares is more than float32 holds.
        rms = (samples.double().square().sum(1, keepdim=True) / num_samples[:, None]).sqrt().float()
        samples = samples * (10 ** (_LOUDNESS_DBFS / 20) / (rms + _SMALLEST))
        peak = samples.abs().amax(1, keepdim=True)
        samples = torch.where(peak > 1, samples / (peak + _SMALLEST), samples)
        frames = (audio.shape[2] + hop - 1) // hop
        padded = torch.cat((samples, samples.new_zeros(samples.shape[0], hop)), dim=1)[:, : frames * hop]
        state = samples.new_zeros(samples.shape[0], self.encoder.state_size)
        features, _ = self.encoder(padded.reshape(samples.shape[0], frames, hop), state)
        return features


class PortableDecoder(nn.Module):
    """The public contract of a step: token ids, and a cache for each layer that grows. Rows may be padded on the left."""

    def __init__(self, decoder: Decoder, embedding: Embedding) -> None:
        super().__init__()
        self.decoder, self.embedding = decoder, embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Map ids ``[batch, tokens]`` behind ``past`` to the last token's logits ``[batch, vocab]`` and the grown caches."""
        return self.run(self.embedding(input_ids), attention_mask, past)

    def run(self, embeddings: Tensor, attention_mask: Tensor, past: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Run ``[batch, tokens, hidden]``; caches are key and value of one layer after the other."""
        positions = positions_of(attention_mask, embeddings.shape[1])
        hidden, keys, values = self.decoder.backbone.run_growing(embeddings, attention_mask, positions, past[::2], past[1::2])
        present = [cache for pair in zip(keys, values, strict=True) for cache in pair]
        return self.decoder.predict(hidden), *present


class PortablePrefill(PortableDecoder):
    """The public contract of the prompt: audio tokens, wherever they are, are replaced by the features in turn."""

    def __init__(self, decoder: Decoder, embedding: Embedding, audio_id: int) -> None:
        super().__init__(decoder, embedding)
        self.audio_id = audio_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor, speech_embeddings: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Map ids ``[batch, tokens]`` and features ``[batch, frames, hidden]`` to the logits and the caches."""
        is_audio = input_ids == self.audio_id
        frame = (is_audio.cumsum(1) - 1).clamp(min=0, max=speech_embeddings.shape[1] - 1)
        heard = speech_embeddings.gather(1, frame[..., None].expand(-1, -1, speech_embeddings.shape[2]))
        embeddings = torch.where(is_audio[..., None], heard, self.embedding(input_ids))
        config = self.decoder.backbone.config
        none = embeddings.new_zeros(embeddings.shape[0], config.num_key_value_heads, 0, config.head_dim)
        return self.run(embeddings, attention_mask, [none] * 2 * len(self.decoder.backbone.layers))


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a checkpoint in either layout (the files in ``FILES``) and declare its graphs in ``layout``."""
    config = read_config(checkpoint)
    weights = _Weights(checkpoint)
    encoder = SpeechEncoder(config)
    load_weights(encoder, _encoder_state(config, weights), weights.origin)
    embedding = weights.rows(_EMBEDDING_KEY)
    decoder = _load_decoder(config, weights)
    weights.check_all_read()
    tokenizer = checkpoint.folder / "tokenizer.json"
    settings = _settings(config, encoder, tokenizer if tokenizer.exists() else None)
    model = Model(config, encoder, decoder, embedding, settings["audio_token_id"])
    graphs = _server_graphs(model) if layout == "server" else _portable_graphs(model)
    streamed, tables = _streamed(model, graphs)
    spoken = 1 if streamed else _SPOKEN_TOKENS
    cases: ServerCases | PortableCases
    if layout == "server":
        cases = ServerCases(graphs, embedding, spoken)
    else:
        cases = PortableCases(graphs, config.lm.vocab_size, encoder.hop, model.audio_id, spoken)
    return Export(
        family=FAMILY.name,
        sample_rate=_SAMPLE_RATE,
        voices=[],
        graphs=graphs,
        example_sizes={
            "batch": 2, "frames": 3, "samples": 3 * encoder.hop + 7, "sequence": 3, "max_length": 8, "past": 5, "total": 8,
        },
        settings=settings,
        files={"tokenizer.json": tokenizer} if tokenizer.exists() else {},
        arrays={EMBEDDING_FILE: embedding} if layout == "server" else {},
        cases=cases.all(),
        speech=cases.speech(),
        audio={"speech_encoder": graphs["speech_encoder"].outputs[0].name},
        keep_float32=(),
        io_float32=[port.name for graph in graphs.values() for port in (*graph.inputs, *graph.outputs) if not _is_cache(port)],
        source=checkpoint.source,
        keep_from_int8=_kept_from_int8(encoder),
        # 4-bit weights have no operator in the standard.
        sensitive=dict.fromkeys(graphs.keys() - {"speech_encoder"}, _SENSITIVE) if layout == "server" else {},
        streamed=streamed,
        tables=tables,
    )  # fmt: skip


def _load_decoder(config: Config, weights: "_Weights") -> Decoder:
    """Read the language model; or, where it is large, what is needed to read it piece by piece."""
    if weights.bytes_below("model.language_model.") > _MAX_IN_MEMORY_BYTES:
        return StreamedDecoder(config, weights)
    decoder = Decoder(Backbone(config.lm, config.lm_layers))
    state = _decoder_vectors(config, weights.read)
    for name, rows in _decoder_matrices(config, weights).items():
        state[name] = torch.from_numpy(rows.read(0, rows.shape[0])).T.contiguous()
    load_weights(decoder, state, weights.origin)
    return decoder


def _streamed(model: "Model", graphs: Mapping[str, Graph]) -> tuple[dict[str, dict[str, Rows]], dict[str, dict[str, Rows]]]:
    """Return the matrices and the tables of graphs that are larger than memory, by their names in the graph."""
    if not isinstance(model.decoder, StreamedDecoder):
        return {}, {}
    streamed, tables = {}, {}
    for key, graph in graphs.items():
        if isinstance(graph.module, PortableDecoder):
            tables[key] = {"module.embedding.weight": model.embedding}
        elif not isinstance(graph.module, Decoder):
            continue
        prefix = "module." if isinstance(graph.module, Decoder) else "module.decoder."
        streamed[key] = {f"{prefix}{name}": rows for name, rows in model.decoder.matrices.items()}
    return streamed, tables


def _is_cache(port: Port) -> bool:
    return port.name.startswith(("past_", "present"))


def _kept_from_int8(encoder: SpeechEncoder) -> list[str]:
    """Name the weights that int8 would not make faster, or too wrong: all but the feed-forward ones of the wide blocks."""
    kept = ["_connector."]
    for part, module in (("acoustic", encoder.acoustic), ("semantic", encoder.semantic)):
        for i, layer in enumerate(module.layers):
            if not isinstance(layer, Block) or layer.linear1.weight.shape[0] < _MIN_INT8_CHANNELS:
                kept.append(f"{part}.layers.{i}.")
    return kept


# --- config.json ---------------------------------------------------------------------------------------------------


def read_config(checkpoint: Checkpoint) -> Config:
    """Read ``config.json`` in either layout.

    Raises:
        ExportError: it is no VibeVoice-ASR model's, or lacks a key.
    """
    raw = checkpoint.json("config.json")
    generation = checkpoint.json("generation_config.json", optional=True)
    try:
        if "text_config" in raw:
            return _hub_config(raw, generation)
        return _original_config(raw, generation)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExportError(
            f"{checkpoint.folder / 'config.json'} is not a VibeVoice-ASR model's, or lacks a key: {error!r}"
        ) from error


def _hub_config(raw: Mapping[str, Any], generation: Mapping[str, Any]) -> Config:
    def encoder(section: Mapping[str, Any]) -> VAEConfig:
        if (section["kernel_size"], section["ffn_expansion"]) != (KERNEL, EXPANSION):
            raise ValueError(f"only kernels of {KERNEL} and feed-forward parts {EXPANSION} times as wide are supported")
        return VAEConfig(
            dimension=section["hidden_size"],
            n_filters=section["num_filters"],
            ratios=tuple(reversed(section["downsampling_ratios"])),
            depths=tuple(reversed(section["depths"])),
            eps=section["rms_norm_eps"],
        )

    text = raw["text_config"]
    return Config(
        lm=_lm_config(text),
        lm_layers=text["num_hidden_layers"],
        tie_word_embeddings=text["tie_word_embeddings"],
        acoustic=encoder(raw["acoustic_tokenizer_encoder_config"]),
        semantic=encoder(raw["semantic_tokenizer_encoder_config"]),
        audio_ids=_audio_ids(raw),
        eos_ids=_eos_ids(text, generation),
    )


def _original_config(raw: Mapping[str, Any], generation: Mapping[str, Any]) -> Config:
    text = raw["decoder_config"]
    return Config(
        lm=_lm_config(text),
        lm_layers=text["num_hidden_layers"],
        tie_word_embeddings=text["tie_word_embeddings"],
        acoustic=VAEConfig.of(raw["acoustic_tokenizer_config"], "encoder"),
        semantic=VAEConfig.of(raw["semantic_tokenizer_config"], "encoder"),
        audio_ids=_audio_ids(raw),
        eos_ids=_eos_ids(text, generation),
    )


def _lm_config(text: Mapping[str, Any]) -> Qwen2Config:
    if text.get("use_sliding_window") or text.get("rope_scaling"):
        raise ValueError("sliding windows and scaled rotary embeddings are not supported")
    rope = text.get("rope_parameters") or {"rope_type": "default", "rope_theta": text["rope_theta"]}
    if rope["rope_type"] != "default":
        raise ValueError(f"rotary embedding {rope['rope_type']!r} is not supported")
    given = {name: text[name] for name in Qwen2Config.__annotations__ if name not in ("head_dim", "rope_theta")}
    head_dim = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    return Qwen2Config(**given, head_dim=head_dim, rope_theta=float(rope["rope_theta"]))


def _audio_ids(raw: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(raw[f"{name}_token_id"]) for name in _AUDIO_TOKENS if f"{name}_token_id" in raw}


def _eos_ids(text: Mapping[str, Any], generation: Mapping[str, Any]) -> set[int]:
    found: set[int] = set()
    for section in (text, generation):
        ids = section.get("eos_token_id")
        found.update([] if ids is None else ids if isinstance(ids, list) else [ids])
    return found


def _settings(config: Config, encoder: SpeechEncoder, tokenizer_path: Any) -> dict[str, Any]:
    """What the loop in ``actors/families/vibevoice_asr/loop.py`` needs to know of the model."""
    audio_ids, stop_ids = dict(config.audio_ids), set(config.eos_ids)
    if tokenizer_path is not None:
        tokenizer = Tokenizer.from_file(str(tokenizer_path))
        named = {name: tokenizer.token_to_id(token) for name, token in _AUDIO_TOKENS.items()}
        audio_ids = {name: id_ for name, id_ in named.items() if id_ is not None} | audio_ids
        stop_ids.update(id_ for token in _STOP_TOKENS if (id_ := tokenizer.token_to_id(token)) is not None)
    if missing := [token for name, token in _AUDIO_TOKENS.items() if name not in audio_ids]:
        raise ExportError(
            f"neither config.json nor tokenizer.json says which ids {', '.join(missing)} have: put the tokenizer.json of "
            "Qwen/Qwen2.5-7B beside the checkpoint"
        )
    if not stop_ids:
        raise ExportError("neither config.json, generation_config.json nor tokenizer.json names a token that ends an answer")
    lm = config.lm
    positions = lm.max_position_embeddings
    max_new_tokens = min(_MAX_NEW_TOKENS, positions // 2)
    text_tokens = min(_MAX_PROMPT_TEXT_TOKENS, (positions - max_new_tokens) // 2)
    return {
        "vocab_size": lm.vocab_size,
        "hidden_size": lm.hidden_size,
        "num_heads": lm.num_attention_heads,
        "samples_per_frame": encoder.hop,
        "state_size": encoder.state_size,
        "loudness_dbfs": _LOUDNESS_DBFS,
        "audio_token_id": audio_ids["audio"],
        "audio_bos_token_id": audio_ids["audio_bos"],
        "audio_eos_token_id": audio_ids["audio_eos"],
        "stop_token_ids": sorted(stop_ids),
        "max_audio_frames": min(_MAX_AUDIO_FRAMES, positions - max_new_tokens - text_tokens),
        "max_prompt_text_tokens": text_tokens,
        "max_new_tokens": max_new_tokens,
        **PROMPT,
    }


# --- weights -------------------------------------------------------------------------------------------------------

_ENCODER = r"^(acoustic|semantic)_tokenizer_encoder\."
_HUB_KEYS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (_ENCODER + r"stem\.conv\.conv\.", r"model.\1_tokenizer.encoder.downsample_layers.0.0.conv.conv."),
    (_ENCODER + r"stem\.stage\.", r"model.\1_tokenizer.encoder.stages.0."),
    (
        _ENCODER + r"conv_layers\.(\d+)\.conv\.conv\.",
        lambda m: f"model.{m[1]}_tokenizer.encoder.downsample_layers.{int(m[2]) + 1}.0.conv.conv.",
    ),
    (_ENCODER + r"conv_layers\.(\d+)\.stage\.", lambda m: f"model.{m[1]}_tokenizer.encoder.stages.{int(m[2]) + 1}."),
    (_ENCODER + r"head\.conv\.", r"model.\1_tokenizer.encoder.head.conv.conv."),
    (r"\.mixer\.conv\.(weight|bias)$", r".mixer.conv.conv.conv.\1"),
    (r"^multi_modal_projector\.(acoustic|semantic)_linear_([12])\.", r"model.\1_connector.fc\2."),
    (r"^multi_modal_projector\.(acoustic|semantic)_norm\.", r"model.\1_connector.norm."),
    (r"^language_model\.model\.", "model.language_model."),
    (r"^language_model\.lm_head\.", "lm_head."),
)
# Of the original's layout: the speech decoder that it was trained with, and nothing here uses.
_UNUSED = re.compile(r"model\.(acoustic|semantic)_tokenizer\.(decoder\.|fix_std$)|model\.speech_(scaling|bias)_factor$")


def original_key(key: str) -> str:
    """Return the name that a tensor of the hub's layout has in the original's; the original's names stay as they are."""
    for pattern, replacement in _HUB_KEYS:
        key = re.sub(pattern, replacement, key)
    return key


class _Weights:
    """A checkpoint's tensors by their names in the original's layout, and what was read of them."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._files = TensorFiles(checkpoint)
        self._names = {name: key for key in self._files.keys if not _UNUSED.match(name := original_key(key))}
        self._unread = set(self._names)
        self.origin = str(checkpoint.folder)

    def read(self, name: str) -> Tensor:
        """Return a tensor in float32.

        Raises:
            ExportError: the checkpoint has none of this name.
        """
        if name not in self._names:
            raise self.missing(name)
        self._unread.discard(name)
        return self._files.read(self._names[name])

    def read_below(self, prefix: str) -> dict[str, Tensor]:
        """Return all tensors whose names begin so."""
        return {name: self.read(name) for name in self._names if name.startswith(prefix)}

    def rows(self, name: str) -> Rows:
        """Return a matrix that is read in parts.

        Raises:
            ExportError: the checkpoint has none of this name.
        """
        if name not in self._names:
            raise self.missing(name)
        self._unread.discard(name)
        key = self._names[name]
        outer, inner = self._files.shape(key)
        return Rows((outer, inner), lambda first, stop: self._files.rows(key, first, stop).numpy())

    def bytes_below(self, prefix: str) -> int:
        """Return how much memory the tensors whose names begin so take in float32."""
        return sum(4 * math.prod(self._files.shape(key)) for name, key in self._names.items() if name.startswith(prefix))

    def check_all_read(self) -> None:
        """Raise :class:`ExportError` if there are weights nobody asked for."""
        if self._unread:
            raise self.left_over(self._unread)

    def missing(self, name: str) -> ExportError:
        """Return what to raise for a weight that is not there."""
        return ExportError(f"{self.origin} has no weight {name!r}, which config.json asks for (the original's name of it)")

    def left_over(self, names: Iterable[str]) -> ExportError:
        """Return what to raise for weights that nobody asked for."""
        some = ", ".join(self._names[name] for name in sorted(names)[:3])
        return ExportError(f"{self.origin} has weights that config.json says nothing about: {some}, …")


def _encoder_state(config: Config, weights: "_Weights") -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for part, sizes in (("acoustic", config.acoustic), ("semantic", config.semantic)):
        prefix = f"model.{part}_tokenizer.encoder."
        theirs = weights.read_below(prefix)
        try:
            state |= {f"{part}.{name}": tensor for name, tensor in encoder_state(theirs, prefix, sizes).items()}
        except KeyError as error:
            raise weights.missing(error.args[0]) from error
        if theirs:
            raise weights.left_over(theirs)
        connector = connector_state(weights.read, f"model.{part}_connector.")
        state |= {f"{part}_connector.{name}": tensor for name, tensor in connector.items()}
    return state


def _decoder_vectors(config: Config, read: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """Return what is no matrix of the language model, by our names."""
    vectors = backbone_vectors(read, "model.language_model.", config.lm_layers)
    state = {f"backbone.{name}": tensor for name, tensor in vectors.items()}
    return state | {"norm.weight": read("model.language_model.norm.weight")}


def _decoder_matrices(config: Config, weights: _Weights) -> dict[str, Rows]:
    """Return the transposes of the matrices by our names; those of projections that share an input are one."""
    matrices = {"lm_head.weight": weights.rows(_EMBEDDING_KEY if config.tie_word_embeddings else "lm_head.weight")}
    for i in range(config.lm_layers):
        for ours, theirs in MATRICES.items():
            parts = [weights.rows(f"model.language_model.layers.{i}.{name}.weight") for name in theirs]
            matrices[f"backbone.layers.{i}.{ours}.weight"] = stack(parts)
    return matrices


# --- graphs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """A checkpoint as torch modules; ``audio_id`` is the token that stands for a frame of audio."""

    config: Config
    encoder: SpeechEncoder
    decoder: Decoder
    embedding: Rows
    audio_id: int


def _server_graphs(model: Model) -> dict[str, Graph]:
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


def _portable_graphs(model: Model) -> dict[str, Graph]:
    """The three graphs of the public exports, by their names, in standard operators; with a KV cache, which those lack."""
    config, layers = model.config.lm, range(model.config.lm_layers)
    embedding = Embedding(model.embedding, streamed=isinstance(model.decoder, StreamedDecoder))
    features = Port("speech_embeddings", ("batch", "frames", config.hidden_size))
    ids = Port("input_ids", ("batch", "sequence"), "int64")
    logits = Port("logits", ("batch", config.vocab_size))

    def mask(length: str) -> Port:
        return Port("attention_mask", ("batch", length), "int64")

    def caches(name: str, length: str) -> tuple[Port, ...]:
        axes = ("batch", config.num_key_value_heads, length, config.head_dim)
        return tuple(Port(f"{name}.{i}.{part}", axes) for i in layers for part in ("key", "value"))

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
            outputs=(logits, *caches("present", "sequence")),
        ),
        "decoder": Graph(
            "decoder",
            "decoder.onnx",
            PortableDecoder(model.decoder, embedding),
            inputs=(ids, mask("total"), *caches("past_key_values", "past")),
            outputs=(logits, *caches("present", "total")),
        ),
    }
