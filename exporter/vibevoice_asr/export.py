"""Reads a VibeVoice-ASR checkpoint and declares its bundle."""

from pathlib import Path

from tokenizers import Tokenizer

from actors.bundle import Layout
from actors.errors import ExportError
from actors.families.vibevoice_asr import FAMILY
from actors.families.vibevoice_asr.loop import Settings
from exporter.build import Export, GraphExport
from exporter.checkpoints import Checkpoint, settings_fit
from exporter.graphs import Graph
from exporter.streaming import Rows
from exporter.vae import Block
from exporter.verify import Case
from exporter.vibevoice_asr.cases import PortableCases, ServerCases
from exporter.vibevoice_asr.config import AUDIO_TOKENS, Config, read_config
from exporter.vibevoice_asr.graphs import Model, portable_graphs, server_graphs
from exporter.vibevoice_asr.modules import SpeechEncoder
from exporter.vibevoice_asr.portable import LOUDNESS_DBFS
from exporter.vibevoice_asr.streamed import StreamedDecoder
from exporter.vibevoice_asr.weights import EMBEDDING_KEY, Weights, load_decoder, load_encoder

EMBEDDING_FILE = "embedding.npy"

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
_SAMPLE_RATE = 24_000

_STOP_TOKENS = ("<|im_end|>", "<|endoftext|>")

_SPOKEN_TOKENS = 24  # of the answers that are compared
_MIN_INT8_CHANNELS = 256  # of a block: below, quantizing activations takes longer than the MatMul saves
_SENSITIVE = ("lm_head", "down_proj", "qkv_proj")  # in 4 bits these cost the most accuracy


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a checkpoint in either layout (the files in ``FILES``) and declare its graphs in ``layout``."""
    config = read_config(checkpoint)
    weights = Weights(checkpoint)
    encoder = load_encoder(config, weights)
    embedding = weights.rows(EMBEDDING_KEY)
    decoder = load_decoder(config, weights)
    weights.check_all_read()
    tokenizer = checkpoint.folder / "tokenizer.json"
    settings = _settings(checkpoint, config, encoder, tokenizer if tokenizer.exists() else None)
    model = Model(config, encoder, decoder, embedding, settings.audio_token_id)
    return Export(
        family=FAMILY.name,
        sample_rate=_SAMPLE_RATE,
        voices=[],
        graphs=_server(model) if layout == "server" else _portable(model),
        example_sizes={
            "batch": 2, "frames": 3, "samples": 3 * encoder.hop + 7, "sequence": 3, "max_length": 8, "past": 5, "total": 8,
        },
        settings=settings,
        files={"tokenizer.json": tokenizer} if tokenizer.exists() else {},
        source=checkpoint.source,
        arrays={EMBEDDING_FILE: embedding} if layout == "server" else {},
    )  # fmt: skip


def _server(model: Model) -> list[GraphExport]:
    graphs = server_graphs(model)
    encoder, decoder = graphs["speech_encoder"], graphs["decoder"]
    cases = ServerCases(graphs, model.embedding, _spoken(model))
    decoding = GraphExport(
        decoder, cases.decoder(), cases.decoder_speech(), sensitive=_SENSITIVE, streamed=_matrices(model, "module.")
    )
    return [_encoder(model, encoder, cases.encoder()), decoding]


def _portable(model: Model) -> list[GraphExport]:
    """4-bit weights have no operator in the standard."""
    graphs = portable_graphs(model)
    cases = PortableCases(graphs, model.config.lm.vocab_size, model.encoder.hop, model.audio_id, _spoken(model))
    streamed = _matrices(model, "module.decoder.")
    tables = {"module.embedding.weight": model.embedding} if streamed else {}
    encoder, prefill, decoder = (graphs[name] for name in ("speech_encoder", "decoder_with_speech", "decoder"))
    return [
        _encoder(model, encoder, cases.encoder()),
        GraphExport(prefill, cases.prefill(), cases.prefill_speech(), streamed=streamed, tables=tables),
        GraphExport(decoder, cases.decoder(), cases.decoder_speech(), streamed=streamed, tables=tables),
    ]


def _encoder(model: Model, graph: Graph, cases: list[Case]) -> GraphExport:
    return GraphExport(graph, cases, measured=graph.outputs[0].name, keep_from_int8=_kept_from_int8(model.encoder))


def _spoken(model: Model) -> int:
    return 1 if isinstance(model.decoder, StreamedDecoder) else _SPOKEN_TOKENS


def _matrices(model: Model, prefix: str) -> dict[str, Rows]:
    """The language model's matrices where it is larger than memory, by their names in a graph that has it under ``prefix``."""
    if not isinstance(model.decoder, StreamedDecoder):
        return {}
    return {f"{prefix}{name}": rows for name, rows in model.decoder.matrices.items()}


def _kept_from_int8(encoder: SpeechEncoder) -> list[str]:
    """Name the weights that int8 would not make faster, or too wrong: all but the feed-forward ones of the wide blocks."""
    kept = ["_connector."]
    for part, module in (("acoustic", encoder.acoustic), ("semantic", encoder.semantic)):
        for i, layer in enumerate(module.layers):
            if not isinstance(layer, Block) or layer.linear1.weight.shape[0] < _MIN_INT8_CHANNELS:
                kept.append(f"{part}.layers.{i}.")
    return kept


def _settings(checkpoint: Checkpoint, config: Config, encoder: SpeechEncoder, tokenizer: Path | None) -> Settings:
    audio_ids, stop_ids = _token_ids(config, tokenizer)
    lm = config.lm
    positions = lm.max_position_embeddings
    max_new_tokens = min(_MAX_NEW_TOKENS, positions // 2)
    text_tokens = min(_MAX_PROMPT_TEXT_TOKENS, (positions - max_new_tokens) // 2)
    with settings_fit(checkpoint):
        return Settings(
            vocab_size=lm.vocab_size,
            hidden_size=lm.hidden_size,
            num_heads=lm.num_attention_heads,
            samples_per_frame=encoder.hop,
            state_size=encoder.state_size,
            loudness_dbfs=LOUDNESS_DBFS,
            audio_token_id=audio_ids["audio"],
            audio_bos_token_id=audio_ids["audio_bos"],
            audio_eos_token_id=audio_ids["audio_eos"],
            stop_token_ids=stop_ids,
            max_audio_frames=min(_MAX_AUDIO_FRAMES, positions - max_new_tokens - text_tokens),
            max_prompt_text_tokens=text_tokens,
            max_new_tokens=max_new_tokens,
            **PROMPT,
        )


def _token_ids(config: Config, tokenizer: Path | None) -> tuple[dict[str, int], list[int]]:
    """Return the ids of ``AUDIO_TOKENS``, and those that end an answer."""
    audio_ids, stop_ids = dict(config.audio_ids), set(config.eos_ids)
    if tokenizer is not None:
        vocabulary = Tokenizer.from_file(str(tokenizer))
        named = {name: vocabulary.token_to_id(token) for name, token in AUDIO_TOKENS.items()}
        audio_ids = {name: id_ for name, id_ in named.items() if id_ is not None} | audio_ids
        stop_ids.update(id_ for token in _STOP_TOKENS if (id_ := vocabulary.token_to_id(token)) is not None)
    if missing := [token for name, token in AUDIO_TOKENS.items() if name not in audio_ids]:
        raise ExportError(
            f"neither config.json nor tokenizer.json says which ids {', '.join(missing)} have: put the tokenizer.json of "
            "Qwen/Qwen2.5-7B beside the checkpoint"
        )
    if not stop_ids:
        raise ExportError("neither config.json, generation_config.json nor tokenizer.json names a token that ends an answer")
    return audio_ids, sorted(stop_ids)
