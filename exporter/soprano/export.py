"""Reads a Soprano checkpoint and declares its bundle."""

from tokenizers import Tokenizer

from actors.bundle import Layout
from actors.families.soprano import FAMILY
from actors.families.soprano.loop import Settings
from exporter.build import TOP1_AGREEMENT, Export, GraphExport, Speech
from exporter.checkpoints import Checkpoint, settings_fit
from exporter.soprano.cases import Cases
from exporter.soprano.config import MAX_NEW_TOKENS, MAX_PROMPT_TOKENS, DecoderConfig, LMConfig
from exporter.soprano.decoder import load_decoder
from exporter.soprano.graphs import portable_decoder, portable_lm, server_decoder, server_lm
from exporter.soprano.lm import load_lm


def load(checkpoint: Checkpoint, layout: Layout) -> Export:
    """Read a Soprano checkpoint (the files in ``FILES``) and declare its graphs in ``layout``."""
    tokenizer = Tokenizer.from_file(str(checkpoint.path("tokenizer.json")))
    lm = load_lm(checkpoint)
    decoder = load_decoder(checkpoint, lm.config)
    settings = _settings(checkpoint, lm.config, decoder.config)
    cases = Cases(lm, tokenizer)
    if layout == "server":
        graphs, lm_cases, drive = (server_lm(lm), server_decoder(decoder)), cases.server_lm(), cases.server_logits
    else:
        graphs, lm_cases, drive = (portable_lm(lm), portable_decoder(decoder)), cases.portable_lm(), cases.portable_logits
    lm_graph, decoder_graph = graphs
    return Export(
        family=FAMILY.name,
        sample_rate=decoder.config.sample_rate,
        voices=["default"],
        graphs=[
            GraphExport(lm_graph, lm_cases, speech=Speech(cases.logits, drive, TOP1_AGREEMENT)),
            GraphExport(decoder_graph, cases.decoder(decoder_graph), measured="audio", keep_float32=("istft.", ".out.")),
        ],
        example_sizes={"batch": 2, "sequence": 3, "max_length": 8, "past": 5, "total": 8, "tokens": 6},
        settings=settings,
        files={"tokenizer.json": checkpoint.path("tokenizer.json")},
        source=checkpoint.source,
        utterances=cases.utterances(portable_lm(lm).run, server_decoder(decoder).run),
    )


def _settings(checkpoint: Checkpoint, lm: LMConfig, decoder: DecoderConfig) -> Settings:
    tokenizer = checkpoint.json("tokenizer_config.json", optional=True)
    with settings_fit(checkpoint):
        return Settings(
            vocab_size=lm.vocab_size,
            hidden_size=lm.hidden_size,
            num_layers=lm.num_hidden_layers,
            num_kv_heads=lm.num_key_value_heads,
            head_dim=lm.head_dim,
            eos_token_id=lm.eos_token_id,
            max_prompt_tokens=MAX_PROMPT_TOKENS,
            max_new_tokens=MAX_NEW_TOKENS,
            samples_per_token=decoder.upscale * decoder.hop_length,
            receptive_field_tokens=4,  # soprano-tts tts.py: RECEPTIVE_FIELD
            prompt_prefix="[STOP][TEXT]",  # soprano-tts tts.py: _preprocess_text
            prompt_suffix="[START]",
            min_sentence_chars=30,  # soprano-tts tts.py: _preprocess_text
            max_sentence_chars=int(tokenizer.get("max_sentence_chars", 300)),  # soprano-tts utils/text_splitter.py
            temperature=0.0,  # soprano-tts tts.py: infer_batch, as are the next two
            top_p=0.95,
            repetition_penalty=1.2,
            top_k=50,  # transformers GenerationConfig.top_k, which infer_batch leaves at its default
            hallucination_distance=300.0,  # soprano-tts tts.py: hallucination_detector DIFF_THRESHOLD
            hallucination_run=16,  # and MAX_RUNLENGTH
        )
