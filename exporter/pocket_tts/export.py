"""Reads a PocketTTS checkpoint and declares its bundle."""

from tokenizers import Tokenizer

from actors.bundle import Layout
from actors.families.pocket_tts import FAMILY
from actors.families.pocket_tts.loop import Settings
from exporter.build import Export, GraphExport
from exporter.checkpoints import Checkpoint, settings_fit
from exporter.pocket_tts.cases import Cases
from exporter.pocket_tts.config import Config, Contents, read_config
from exporter.pocket_tts.graphs import declare
from exporter.pocket_tts.hub import is_hub_layout, read_hub
from exporter.pocket_tts.modules import MAX_POSITIONS, Model
from exporter.pocket_tts.voices import find_voices, with_voices
from exporter.pocket_tts.weights import load_model
from exporter.sentencepiece_model import convert_sentencepiece

_MAX_TEXT_TOKENS = 256  # of one utterance. The original only warns above 50, so that longer clauses than that are spoken too


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a PocketTTS checkpoint (:func:`exporter.pocket_tts.find_checkpoint`) and declare its graphs in ``layout``."""
    contents = read_hub(checkpoint) if is_hub_layout(checkpoint) else _read_original(checkpoint)
    config, tokenizer = contents.config, contents.tokenizer
    model = load_model(contents)
    settings = _settings(checkpoint, model)
    export = Export(
        family=FAMILY.name,
        sample_rate=config.mimi.sample_rate,
        voices=[],
        graphs=_graphs(model, layout, tokenizer),
        example_sizes={
            "batch": 2,
            "tokens": 3,
            "frames": 4,
            "max_length": 24,
            "samples": 2 * config.mimi.frame_size + 5,
        },
        settings=settings,
        files={"tokenizer.json": tokenizer.to_str().encode()},
        source=checkpoint.source,
    )
    return with_voices(export, checkpoint.folder, layout) if find_voices(checkpoint.folder) else export


def _graphs(model: Model, layout: Layout, tokenizer: Tokenizer) -> list[GraphExport]:
    graphs = declare(model, layout)
    cases = Cases(model.config, graphs, layout, tokenizer)
    main, flow, decoder = (graphs[name] for name in ("flow_lm_main", "flow_lm_flow", "mimi_decoder"))
    exports = [
        GraphExport(graphs["text_conditioner"], cases.text_conditioner(), exact=True),
        # input_linear, input_proj: what latents enter by, a few channels that everything behind them reads.
        GraphExport(main, cases.main(), cases.main_speech(), keep_float32=("out_eos.",), keep_from_int8=("input_linear.",)),
        GraphExport(flow, cases.flow(), measured="flow_dir", keep_float32=("final.",), keep_from_int8=("input_proj.",)),
    ]
    if "mimi_encoder" in graphs:
        exports.append(GraphExport(graphs["mimi_encoder"], cases.encoder(), exact=True))
    decoder_export = GraphExport(
        decoder,
        cases.decoder(),
        cases.decoder_speech(),
        measured=decoder.outputs[0].name,
        snr_floor_db=40.0,  # below, quantized codecs are known to hiss
        # The last convolution makes the samples: quantized, it alone costs 10 dB, and in float32 next to no time.
        keep_from_int8=(_layer(model, -1),),
        keep_in_turn=[(_layer(model, -3),), ("latent_proj.", ".model.")],  # the block before it too; the transformer alone
    )
    return [*exports, decoder_export]


def _layer(model: Model, index: int) -> str:
    """Return what the names of a decoder layer's weights have in common; ``index`` is negative."""
    return f".model.{len(model.decoder.model) + index}."


def _read_original(checkpoint: Checkpoint) -> Contents:
    return Contents(
        config=read_config(checkpoint),
        weights=checkpoint.safetensors(),
        tokenizer=_read_tokenizer(checkpoint),
        has_encoder=True,
        origin=str(checkpoint.folder / "model.safetensors"),
    )


def _read_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer, which some checkpoints have as a SentencePiece model."""
    if checkpoint.has("tokenizer.model") and not checkpoint.has("tokenizer.json"):
        return convert_sentencepiece(checkpoint.path("tokenizer.model"))
    return Tokenizer.from_file(str(checkpoint.path("tokenizer.json")))


def _settings(checkpoint: Checkpoint, model: Model) -> Settings:
    config = model.config
    backbone = config.flow_lm.transformer
    with settings_fit(checkpoint):
        return Settings(
            latent_mean=model.latent_mean.tolist(),
            latent_std=model.latent_std.tolist(),
            layers=backbone.num_layers,
            kv_heads=backbone.kv_heads,
            head_dim=backbone.head_dim,
            d_model=backbone.d_model,
            conditioning=config.flow_lm.conditioning,
            latent_dim=config.mimi.quantizer.dimension,
            vocab_size=config.flow_lm.lookup_table.n_bins,
            bos_before_voice_id=_bos_before_voice_id(config),
            flow_type=config.flow_lm.flow.type,
            frame_rate=config.mimi.frame_rate,
            frame_size=config.mimi.frame_size,
            max_positions=MAX_POSITIONS,
            max_text_tokens=_MAX_TEXT_TOKENS,
            max_tokens_per_chunk=50,  # tts_model.py: MAX_TOKEN_PER_CHUNK
            tokens_per_second=3.0,  # tts_model.py: _TOKENS_PER_SECOND_ESTIMATE
            padding_s=2.0,  # tts_model.py: _GEN_SECONDS_PADDING
            min_frames_before_eos=6,  # tts_model.py: _MIN_FRAMES_BEFORE_EOS
            fade_in_s=0.005,  # tts_model.py: _decode_audio_worker
            # default_parameters.py: DEFAULT_SAMPLER_DECODE_STEPS; ot_decode's
            lsd_steps=16 if config.flow_lm.flow.type == "flow_matching" else 1,
            temperature=config.default_temperature,
            eos_threshold=config.default_eos_threshold,
            frames_after_eos=config.model_recommended_frames_after_eos,
            pad_with_spaces_for_short_inputs=config.pad_with_spaces_for_short_inputs,
            remove_semicolons=config.remove_semicolons,
            append_terminal_punctuation=config.append_terminal_punctuation,
            capitalize_first_letter=config.capitalize_first_letter,
            replace_characters=config.replace_characters,
            language=config.language,
        )


def _bos_before_voice_id(config: Config) -> int | None:
    return config.flow_lm.lookup_table.n_bins + 1 if config.flow_lm.insert_bos_before_voice else None
