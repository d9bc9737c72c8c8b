"""Reads a VibeVoice-Realtime checkpoint and declares its bundle."""

import io
import logging
import math
from pathlib import Path

import numpy as np

from actors.bundle import Layout
from actors.families.vibevoice_realtime import FAMILY
from actors.families.vibevoice_realtime.loop import Settings
from exporter.build import Export, GraphExport
from exporter.checkpoints import Checkpoint, download_file, settings_fit
from exporter.graphs import Graph
from exporter.vae import Decoder
from exporter.verify import Case
from exporter.vibevoice_realtime.cases import PortableCases, ServerCases
from exporter.vibevoice_realtime.config import read_config
from exporter.vibevoice_realtime.graphs import COARSE_STAGES, portable_graphs, server_graphs
from exporter.vibevoice_realtime.modules import Model
from exporter.vibevoice_realtime.voices import find_presets, with_presets
from exporter.vibevoice_realtime.weights import load_model

logger = logging.getLogger(__name__)

_TOKENIZER_REPO = "Qwen/Qwen2.5-0.5B"  # whose vocabulary all models of Qwen2.5 share
_SAMPLE_RATE = 24000  # VibeVoiceTokenizerProcessor
# A text that needs more positions than the model has is cut at sentences. Speech is about 2.5 frames a token; twice that is
# room enough for the slowest.
_FRAMES_PER_TOKEN = 5
_VOICE_POSITIONS = 512  # for the prompt; the longest published preset has 303
_LM_SNR_FLOOR_DB = 20.0  # its states are not sound: twenty layers read them, whose decisions are measured too
_NARROW = 128
_MODULATION_IN_TURN = (("modulation.", "cond_proj."), ("modulation.", "cond_proj.", "down_proj."))
# Where latents enter and where they leave (as by connector.fc1): few channels, read by everything behind them, and next to no
# arithmetic.
_HEAD_FROM_INT8 = ("noisy_images_proj.", "final.")


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a VibeVoice-Realtime checkpoint (the files in ``FILES``) and declare its graphs in ``layout``."""
    model = load_model(checkpoint, read_config(checkpoint))
    settings = _settings(checkpoint, model)
    export = Export(
        family=FAMILY.name,
        sample_rate=_SAMPLE_RATE,
        voices=[],
        graphs=_server(model) if layout == "server" else _portable(model),
        example_sizes={"batch": 2, "tokens": 3, "frames": 4, "steps": 16, "max_length": 24, "past": 5, "total": 8},
        settings=settings,
        files=_files(checkpoint, model, layout),
        source=checkpoint.source,
    )
    return with_presets(export, checkpoint.folder, layout) if find_presets(checkpoint.folder) else export


def _server(model: Model) -> list[GraphExport]:
    graphs = server_graphs(model)
    cases = ServerCases(graphs, model.config.backbone.vocab_size, model.config.head.ddpm_num_steps)
    return [
        GraphExport(graphs["lm"], cases.lm(), measured="text", snr_floor_db=_LM_SNR_FLOOR_DB),
        GraphExport(
            graphs["tts_lm"], cases.tts(), cases.tts_speech(), keep_float32=("end.",), keep_from_int8=("connector.fc1.",)
        ),
        _head(graphs["prediction_head"], cases.head()),
        GraphExport(graphs["latent_decoder"], cases.latent_decoder(), cases.latent_decoder_speech(), measured="features"),
        GraphExport(
            graphs["acoustic_decoder"],
            cases.acoustic_decoder(),
            cases.acoustic_decoder_speech(),
            measured="audio",
            keep_from_int8=_narrow_layers(model.decoder),
        ),
    ]


def _portable(model: Model) -> list[GraphExport]:
    graphs = portable_graphs(model)
    examples = PortableCases(graphs, model.config.backbone.vocab_size, model.config.head.ddpm_num_steps)
    cases = examples.all()
    lm, decoder = "lm_with_kv", "acoustic_decoder"
    return [
        GraphExport(graphs[lm], cases[lm], measured="hidden_states", snr_floor_db=_LM_SNR_FLOOR_DB),
        *(GraphExport(graphs[key], cases[key], examples.ends(key)) for key in ("tts_lm_prefill", "tts_lm_step")),
        _head(graphs["prediction_head"], cases["prediction_head"]),
        *(GraphExport(graphs[key], cases[key]) for key in ("acoustic_connector", "eos_classifier")),
        GraphExport(graphs[decoder], cases[decoder], measured="waveform"),
    ]


def _head(graph: Graph, cases: list[Case]) -> GraphExport:
    return GraphExport(
        graph, cases, measured="predicted_noise", keep_from_int8=_HEAD_FROM_INT8, keep_in_turn=_MODULATION_IN_TURN
    )


def _narrow_layers(decoder: Decoder) -> list[str]:
    """Names of the layers that make samples and are so narrow that quantizing their rows takes as long as it saves."""
    _, fine = decoder.split(COARSE_STAGES)
    return [f"fine.layers.{i}." for i, (_, channels) in enumerate(fine.state_shapes) if channels <= _NARROW]


def _files(checkpoint: Checkpoint, model: Model, layout: Layout) -> dict[str, Path | bytes]:
    """The tokenizer, which the original takes from another repository; and the types, for other loops."""
    files: dict[str, Path | bytes] = {}
    if (checkpoint.folder / "tokenizer.json").is_file():
        files["tokenizer.json"] = checkpoint.path("tokenizer.json")
    elif checkpoint.source.revision is not None:  # it comes from the hub, and so can this
        repo = checkpoint.json("preprocessor_config.json", optional=True).get("language_model_pretrained_name")
        files["tokenizer.json"] = download_file(repo or _TOKENIZER_REPO, "tokenizer.json")
    else:
        logger.warning("%s has no tokenizer.json (Qwen2.5's): the bundle will speak token ids only", checkpoint.folder)
    if layout == "portable":
        buffer = io.BytesIO()
        np.save(buffer, model.types.numpy())
        files["type_embeddings.npy"] = buffer.getvalue()
    return files


def _settings(checkpoint: Checkpoint, model: Model) -> Settings:
    config = model.config
    positions = config.backbone.max_position_embeddings
    room = max(positions - _VOICE_POSITIONS, positions // 2)
    with settings_fit(checkpoint):
        return Settings(
            vocab_size=config.backbone.vocab_size,
            hidden_size=config.backbone.hidden_size,
            kv_heads=config.backbone.num_key_value_heads,
            head_dim=config.backbone.head_dim,
            lm_layers=config.lm_layers,
            tts_layers=config.tts_layers,
            latent_dim=config.head.latent_size,
            frame_size=config.decoder.frame_size,
            feature_steps=math.prod(config.decoder.ratios[: COARSE_STAGES - 1]),
            max_positions=positions,
            max_text_tokens=room // (1 + _FRAMES_PER_TOKEN),
            train_steps=config.head.ddpm_num_steps,
            speech_scaling_factor=model.speech_scaling_factor,
            speech_bias_factor=model.speech_bias_factor,
            # modeling_vibevoice_streaming_inference.py, and of the demo what has no default that anybody uses
            text_window=5,  # TTS_TEXT_WINDOW_SIZE
            speech_window=6,  # TTS_SPEECH_WINDOW_SIZE
            cfg_scale=1.5,  # demo/realtime_model_inference_from_file.py
            steps=5,  # the same: set_ddpm_inference_steps
        )
