"""Reads a Whisper checkpoint and declares its bundle."""

from collections.abc import Mapping
from pathlib import Path

from tokenizers import Tokenizer

from actors.bundle import Layout
from actors.errors import ExportError
from actors.families.whisper import FAMILY
from actors.families.whisper.settings import Settings
from exporter.build import Export, GraphExport
from exporter.checkpoints import Checkpoint, settings_fit
from exporter.graphs import Graph
from exporter.verify import Case, Tolerance
from exporter.whisper.cases import PortableCases, ServerCases
from exporter.whisper.config import Config, read_config
from exporter.whisper.graphs import Model, portable_graphs, server_graphs
from exporter.whisper.modules import PANEL
from exporter.whisper.weights import load as load_modules

TOKENIZER = "tokenizer.json"
# What int8 leaves alone: the filters of the spectrogram are no weights; the first convolution reads decibels.
_KEPT = ("mel_filters", "cosine", "sine", "conv1.")

# Trained encoders have few channels that are far larger than all others: in float32 PyTorch and we are 2e-4 apart, at 100 dB.
_TOLERANCE = Tolerance(max_abs_diff=1e-3, snr_db=80.0)

# In int8 random sounds keep 11 dB and speech 17: feed-forward layers have channels a hundred times as large as the others. What
# is heard stays the same (word errors: benchmarks/real.py); a broken graph has 0 dB.
_INT8_FLOOR_DB = 8.0

# By what the vocabulary calls them: openai/whisper tokenizer.py.
_SPECIAL = {
    "sot_id": "<|startoftranscript|>",
    "transcribe_id": "<|transcribe|>",
    "translate_id": "<|translate|>",
    "previous_id": "<|startofprev|>",
    "no_timestamps_id": "<|notimestamps|>",
}
_NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a checkpoint (the files in ``FILES``) and declare its graphs in ``layout``."""
    config = read_config(checkpoint)
    tokenizer = checkpoint.path(TOKENIZER)
    settings = _settings(checkpoint, config, tokenizer)
    model = Model(config, *load_modules(config, checkpoint))
    return Export(
        family=FAMILY.name,
        sample_rate=config.mel.sampling_rate,
        voices=[],
        graphs=_server(model) if layout == "server" else _portable(model),
        example_sizes={
            "batch": 2, "samples": 8 * config.mel.hop_length, "frames": 8, "panels": 2, "heard": 4, "sequence": 3,
            "max_length": 8, "past": 5, "past_heard": 4,
        },
        settings=settings,
        files={TOKENIZER: tokenizer},
        source=checkpoint.source,
    )  # fmt: skip


def _server(model: Model) -> list[GraphExport]:
    graphs = server_graphs(model)
    cases = ServerCases(graphs, model.config)
    return [
        GraphExport(graphs["log_mel"], cases.log_mel(), exact=True),
        _encoder(graphs["encoder"], cases.encoder()),
        GraphExport(graphs["decoder"], cases.decoder(), cases.speech()),
    ]


def _portable(model: Model) -> list[GraphExport]:
    graphs = portable_graphs(model)
    cases = PortableCases(graphs, model.config)
    return [
        GraphExport(graphs["log_mel"], cases.log_mel(), exact=True),
        _encoder(graphs["encoder_model"], cases.encoder()),
        GraphExport(graphs["decoder_model_merged"], cases.decoder(), cases.speech()),
    ]


def _encoder(graph: Graph, cases: list[Case]) -> GraphExport:
    return GraphExport(
        graph,
        cases,
        measured=graph.outputs[-1].name,
        tolerance=_TOLERANCE,
        snr_floor_db=_INT8_FLOOR_DB,
        keep_from_int8=_KEPT,
        keep_in_turn=[["fc2"]],
    )


def _settings(checkpoint: Checkpoint, config: Config, tokenizer: Path) -> Settings:
    try:
        vocabulary = Tokenizer.from_file(str(tokenizer)).get_vocab(with_added_tokens=True)
    except Exception as error:  # tokenizers raises nothing more specific
        raise ExportError(f"{tokenizer} is damaged or no tokenizer: {error}") from error
    special = {name: vocabulary[token] for name, token in _SPECIAL.items() if token in vocabulary}
    if missing := [token for name, token in _SPECIAL.items() if name not in special]:
        raise ExportError(f"{tokenizer} has no {', '.join(missing)}: take the tokenizer.json of the same openai/whisper model")
    with settings_fit(checkpoint):
        return Settings(
            vocab_size=config.vocab_size,
            num_mel_bins=config.num_mel_bins,
            hop_length=config.mel.hop_length,
            panel_frames=PANEL,
            max_source_positions=config.max_source_positions,
            max_target_positions=config.max_target_positions,
            alignment_heads=len(config.alignment_heads),
            eos_id=config.eos_token_id,
            no_speech_id=next((vocabulary[token] for token in _NO_SPEECH if token in vocabulary), None),
            languages={token.strip("<|>"): i for token, i in sorted(_languages(config, vocabulary, special).items())},
            suppress_tokens=sorted(config.suppress_tokens),
            begin_suppress_tokens=sorted(config.begin_suppress_tokens),
            max_initial_timestamp_index=config.max_initial_timestamp_index,
            **special,
        )


def _languages(config: Config, vocabulary: Mapping[str, int], special: Mapping[str, int]) -> Mapping[str, int]:
    """Tokens by id: of the tokenizer where ``generation_config.json`` names none; none of a model of English alone."""
    if not config.is_multilingual:
        return {}
    first, last = special["sot_id"], min(special["translate_id"], special["transcribe_id"])
    return config.lang_to_id or {token: i for token, i in vocabulary.items() if first < i < last}
