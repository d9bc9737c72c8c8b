"""Checkpoints of transformers against what transformers computes, and against the same weights in the original's layout."""

import json
import logging
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

torch = pytest.importorskip("torch", reason="reading a checkpoint needs the 'export' extra")

from safetensors.torch import load_file, save_file  # noqa: E402

from actors.bundle import Source  # noqa: E402
from actors.errors import ExportError, UsageError  # noqa: E402
from actors.families.pocket_tts.loop import Settings  # noqa: E402
from exporter.build import Export  # noqa: E402
from exporter.checkpoints import Checkpoint  # noqa: E402
from exporter.pocket_tts import find_checkpoint, hub, load  # noqa: E402
from exporter.pocket_tts.hub import read_hub  # noqa: E402
from exporter.pocket_tts.weights import load_model  # noqa: E402

FIXTURES = Path(__file__).parents[2] / "fixtures"
TINY = FIXTURES / "pocket_hub_tiny"
ORIGINAL = FIXTURES / "pocket_lsd"
TOLERANCE = 1e-4  # of the largest magnitude; measured: below 1e-6
CODEC = "audio_tokenizer"


@pytest.fixture(scope="module")
def export() -> Export:
    return load(find_checkpoint(str(TINY)), "server")


@pytest.fixture(scope="module")
def arrays() -> Mapping[str, np.ndarray]:
    with np.load(TINY / "oracle.npz") as oracle:
        return dict(oracle)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "checkpoint"))


def change(path: Path, changes: Mapping[str, Any]) -> None:
    """Change keys of a JSON file; ``a.b`` is key ``b`` of the object ``a``, and ``...`` takes a key away."""
    content = json.loads(path.read_bytes())
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = content
        for part in sections:
            section = section[part]
        section[name] = value
        if value is ...:
            del section[name]
    path.write_text(json.dumps(content))


def change_weights(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    state = load_file(folder / "model.safetensors")
    edit(state)
    save_file(state, folder / "model.safetensors")


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= TOLERANCE * np.abs(expected).max()


class TestAgainstTransformers:
    def test_voice(self, export: Export, arrays: Mapping[str, np.ndarray]) -> None:
        made = export.named("mimi_encoder").graph.run({"audio": arrays["voice_wav"]})
        assert_close(made["latents"], arrays["voice_embeddings"])

    def test_backbone(self, export: Export, arrays: Mapping[str, np.ndarray]) -> None:
        """What stands before a voice, the voice, the text, the start of speech and six latents."""
        settings = export.settings
        assert isinstance(settings, Settings)
        before, text = (
            export.named("text_conditioner").graph.run({"token_ids": ids})["embeddings"]
            for ids in (np.array([[settings.bos_before_voice_id]]), arrays["text_ids"])
        )
        prefix = np.concatenate([before, arrays["voice_embeddings"], text], axis=1)
        start = np.full((1, 1, settings.latent_dim), np.nan, np.float32)
        main, length = export.named("flow_lm_main").graph, 0
        sizes = {"batch": 1, "max_length": 32}
        past = {
            port.name: np.zeros([axis if isinstance(axis, int) else sizes[axis] for axis in port.axes], np.float32)
            for port in main.inputs
            if port.name.startswith("past_")
        }
        hidden, logits = [], []
        for latents in (start, *np.split(arrays["latents"], arrays["latents"].shape[1], axis=1)):
            length += prefix.shape[1] + 1
            lengths = {"seqlens_k": np.array([length - 1], np.int32), "total_sequence_length": np.array(length, np.int32)}
            made = main.run({"sequence": latents, "text_embeddings": prefix, **lengths, **past})
            past = {name: made[name.replace("past", "present")] for name in past}
            hidden.append(made["conditioning"])
            logits.append(made["eos_logit"])
            prefix = prefix[:, :0]
        assert_close(np.stack(hidden, axis=1), arrays["hidden"])
        assert_close(np.stack(logits, axis=1), arrays["eos_logits"])

    def test_flow(self, export: Export, arrays: Mapping[str, np.ndarray]) -> None:
        feeds = {"c": arrays["hidden"][0], "s": arrays["flow_s"], "t": arrays["flow_t"], "x": arrays["flow_noise"]}
        assert_close(export.named("flow_lm_flow").graph.run(feeds)["flow_dir"], arrays["flow_direction"])

    def test_a_drifting_head_takes_no_times(self, folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
        change(folder / "config.json", {"flow_head_config.flow_type": "drifting"})
        change_weights(folder, lambda state: [state.pop(key) for key in list(state) if "timestep_embeddings" in key])
        head = load_model(read_hub(find_checkpoint(str(folder)))).flow
        with torch.no_grad():
            made = head(torch.from_numpy(arrays["hidden"][0]), torch.from_numpy(arrays["flow_noise"]))
        assert_close(made.numpy(), arrays["drifting_latents"])

    def test_decoder(self, export: Export, arrays: Mapping[str, np.ndarray]) -> None:
        """In two chunks, whose state is handed on."""
        graph = export.named("mimi_decoder").graph
        state = {
            port.name: np.zeros([axis if isinstance(axis, int) else 1 for axis in port.axes], port.dtype)
            for port in graph.inputs[1:]
        }
        audio = []
        for chunk in np.split(arrays["decoder_latents"], [4], axis=1):
            made = graph.run({"latent": chunk, **state})
            audio.append(made["audio"])
            state = {name: made[name.replace("past", "present")] for name in state}
        assert_close(np.concatenate(audio, axis=2), arrays["audio"])


def test_the_loop_gets_what_the_files_say(export: Export) -> None:
    expected = {
        "temperature": 0.5,
        "eos_threshold": -3.0,
        "frames_after_eos": None,
        "vocab_size": 87,
        "bos_before_voice_id": 88,
        "frame_rate": 12.5,
        "frame_size": 1920,
        "layers": 2,
        "kv_heads": 2,
        "head_dim": 32,
    }
    assert export.settings.model_dump(include=expected.keys()) == expected


def test_no_text_becomes_a_placeholder() -> None:
    tokenizer = read_hub(find_checkpoint(str(TINY))).tokenizer
    assert max(tokenizer.encode("<|audio_bos|> Hello.<|audio_prompt|>").ids) < 87
    original = Tokenizer.from_file(str(ORIGINAL / "tokenizer.json"))
    for text in ("Hello.", "It costs 3.14, and more!", "<|audio_bos|> \u00e9"):
        assert tokenizer.encode(text).ids == original.encode(text).ids


# --- the same weights in both layouts ------------------------------------------------------------------------------

NAMES = (
    (r"^flow_lm\.(emb_(mean|std))$", r"latent_\2"),
    (r"^flow_lm\.bos_emb$", "model.bos_latent"),
    (r"^flow_lm\.speaker_proj_weight$", "model.audio_prompt_proj.weight"),
    (r"^flow_lm\.input_linear\.", "model.audio_latent_proj."),
    (r"^flow_lm\.out_norm\.", "model.norm."),
    (r"^flow_lm\.out_eos\.", "eos_head."),
    (r"^flow_lm\.transformer\.", "model."),
    (r"^flow_lm\.flow_net\.", "flow_head."),
    (r"\.time_embed\.", ".timestep_embeddings."),
    (r"\.mlp\.3\.alpha$", ".norm.weight"),
    (r"\.res_blocks\.", ".layers."),
    (r"\.in_ln\.", ".norm."),
    (r"\.cond_embed\.", ".cond_proj."),
    (r"\.final_layer\.linear\.", ".final_layer.proj."),
    (r"\.adaLN_modulation\.1\.", ".adaln_proj."),
    (r"\.mlp\.0\.", ".fc1."),
    (r"\.mlp\.2\.", ".fc2."),
    (r"^mimi\.(en|de)coder\.model\.", r"mimi.\1coder.\1coder_seanet.layers."),
    (r"^mimi\.((en|de)coder_transformer)\.transformer\.", r"mimi.\2coder.\1."),
    (r"^mimi\.downsample\.conv\.", "mimi.encoder.downsample."),
    (r"^mimi\.upsample\.convtr\.", "mimi.decoder.upsample."),
    (r"^mimi\.quantizer\.output_proj\.", "mimi.latent_proj."),
    (r"\.convtr\.", ".conv."),
    (r"\.norm1\.", ".input_layernorm."),
    (r"\.norm2\.", ".post_attention_layernorm."),
    (r"\.self_attn\.out_proj\.", ".self_attn.o_proj."),
    (r"\.linear([12])\.", r".mlp.fc\1."),
    (r"\.layer_scale_1\.", ".self_attn_layer_scale."),
    (r"\.layer_scale_2\.", ".mlp_layer_scale."),
)


def halves(weight: Any, heads: int) -> Any:
    """Reorder rows as transformers has them: first the even channels of a head, then the odd ones."""
    order = [head * 16 + channel for head in range(heads) for channel in (*range(0, 16, 2), *range(1, 16, 2))]
    return weight[order].contiguous()


def in_hub_layout(state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rename the weights of ``pocket_lsd``: those of the language model, and those of the codec."""
    table, before = state.pop("flow_lm.conditioner.embed.weight"), state.pop("flow_lm.bos_before_voice")[0]
    random = torch.ones(1, table.shape[1])
    renamed = {"model.embed_tokens.weight": torch.cat([table, 2 * random, before, 3 * random])}
    for key, tensor in state.items():
        name = key
        for pattern, replacement in NAMES:
            name = re.sub(pattern, replacement, name)
        if name.endswith("in_proj.weight"):
            parts = tensor.chunk(3)
            heads = len(parts[0]) // 16  # every head of both transformers has 16 channels
            for part, rows in zip("qkv", parts, strict=True):
                renamed[name.replace("in_proj", f"{part}_proj")] = rows.contiguous() if part == "v" else halves(rows, heads)
        else:
            renamed[name] = tensor.contiguous()
    codec = {key.removeprefix("mimi."): renamed.pop(key) for key in list(renamed) if key.startswith("mimi.")}
    return renamed, codec


def test_both_layouts_are_the_same_model(folder: Path) -> None:
    model, codec = in_hub_layout(load_file(ORIGINAL / "model.safetensors"))
    save_file(model | {"loss_weighting.proj.bias": torch.ones(1)}, folder / "model.safetensors")
    save_file(codec, folder / CODEC / "model.safetensors")
    heads = {"num_key_value_heads": 4, "head_dim": 16}
    change(folder / "config.json", {**heads, "intermediate_size": 128, "rope_parameters.rope_theta": 10000.0})
    sizes = {"num_filters": 4, "num_residual_layers": 1, "intermediate_size": 64, "rope_parameters.rope_theta": 10000.0}
    change(folder / CODEC / "config.json", sizes)
    change(folder / "generation_config.json", {"temperature": None, "eos_threshold": ...})
    (folder / "voices").mkdir()
    shutil.copy(ORIGINAL / "voice.safetensors", folder / "voices" / "voice.safetensors")
    shutil.copy(ORIGINAL / "voice_b.safetensors", folder / "voices" / "voice_b.safetensors")
    ours, theirs = (load(find_checkpoint(str(path)), "server") for path in (folder, ORIGINAL))
    assert ours.settings == theirs.settings
    assert ours.voices == theirs.voices == ["voice", "voice_b"]
    for ours_graph, theirs_graph in zip(ours.graphs, theirs.graphs, strict=True):
        assert ours_graph.graph.name == theirs_graph.graph.name
        state, expected = (part.graph.module.state_dict() for part in (ours_graph, theirs_graph))
        assert state.keys() == expected.keys()
        for name, tensor in expected.items():
            # A product, whose last bit depends on how a file lies in memory, on some CPUs.
            tolerance = 1e-6 if name == "latent_proj.bias" else 0.0
            torch.testing.assert_close(state[name], tensor, atol=tolerance, rtol=0.0)


# --- what is not there, and what is not supported ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("config.json", "model_type", "gradium_phonon_tts"),
        ("config.json", "hidden_act", "gelu"),
        ("config.json", "layer_norm_eps", 1e-6),
        ("config.json", "attention_bias", True),
        ("config.json", "frame_rate", 25.0),
        ("config.json", "quantization_config", {"bits": 4}),
        ("config.json", "rope_parameters.rope_type", "linear"),
        ("config.json", "vocab_size", 96),
        ("config.json", "audio_bos_token_id", 4),
        ("config.json", "flow_head_config.flow_type", "pointwise"),
        ("config.json", "flow_head_config.rms_norm_eps", 1e-6),
        ("config.json", "flow_head_config.condition_dim", 32),
        (f"{CODEC}/config.json", "model_type", "mimi"),
        (f"{CODEC}/config.json", "audio_channels", 2),
        (f"{CODEC}/config.json", "pad_mode", "replicate"),
        (f"{CODEC}/config.json", "use_conv_shortcut", True),
        (f"{CODEC}/config.json", "trim_right_ratio", 0.5),
        (f"{CODEC}/config.json", "upsample_groups", 1),
        (f"{CODEC}/config.json", "num_key_value_heads", 1),
        (f"{CODEC}/config.json", "latent_dim", 16),
        (f"{CODEC}/config.json", "decoder_config", None),
        ("generation_config.json", "num_flow_steps", 4),
        ("generation_config.json", "do_sample", False),
        ("processor_config.json", "frames_after_eos", 1),
        ("processor_config.json", "fade_in_duration", 0.0),
        ("processor_config.json", "feature_extractor.pause_duration", 0.5),
        ("processor_config.json", "audio_tokenizer.audio_tokenizer_name_or_path", 3),
    ],
)
def test_what_is_not_supported_is_named(file: str, key: str, value: Any, folder: Path) -> None:
    change(folder / file, {key: value})
    with pytest.raises(ExportError, match=re.escape(f"{key.rpartition('.')[2]} = {value!r}")):
        read_hub(find_checkpoint(str(folder)))


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"head_dim": ...}, "config.json lacks the key 'head_dim'"),
        ("config.json", {"rope_parameters": []}, "lacks the key 'rope_theta'"),
        ("config.json", {"flow_head_config": 3}, "flow_head_config = 3 is not supported, only an object"),
        ("config.json", {"num_hidden_layers": "two"}, r"(?s)is not a PocketTTS model's: .*num_layers"),
        (f"{CODEC}/config.json", {"upsampling_ratios": 6}, "is not a PocketTTS model's"),
        (f"{CODEC}/config.json", {"latent_stride": 0}, "is not a PocketTTS model's"),
    ],
)
def test_other_json_is_refused(file: str, changes: Mapping[str, Any], message: str, folder: Path) -> None:
    change(folder / file, changes)
    with pytest.raises(ExportError, match=message):
        read_hub(find_checkpoint(str(folder)))


@pytest.mark.parametrize(
    "key",
    [
        "latent_std",
        "model.layers.1.self_attn.k_proj.weight",
        "flow_head.timestep_embeddings.1.norm.weight",
        f"{CODEC}:latent_proj.weight",
        f"{CODEC}:encoder.encoder_transformer.layers.0.mlp_layer_scale.scale",
        f"{CODEC}:decoder.decoder_seanet.layers.4.block.3.conv.bias",
    ],
)
def test_missing_weights_are_named(key: str, folder: Path) -> None:
    part, _, name = key.rpartition(":")
    change_weights(folder / part, lambda state: state.pop(name))
    with pytest.raises(ExportError, match=re.escape(f"has no weight {name!r}")):
        read_hub(find_checkpoint(str(folder)))


@pytest.mark.parametrize(
    "key", ["model.layers.2.mlp.fc1.weight", f"{CODEC}:decoder.decoder_seanet.layers.3.shortcut.conv.weight"]
)
def test_weights_left_over_are_named(key: str, folder: Path) -> None:
    part, _, name = key.rpartition(":")
    change_weights(folder / part, lambda state: state.update({name: torch.ones(1)}))
    with pytest.raises(ExportError, match=re.escape(name)):
        read_hub(find_checkpoint(str(folder)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head_dim": 24}, "q_proj.weight has shape .* not the 96 rows"),
        ({"intermediate_size": 95}, "does not fit Backbone"),
        (
            {
                "vocab_size": 92,
                **{f"audio_{name}_token_id": 88 + i for i, name in enumerate(("prompt", "latent", "prompt_bos", "bos"))},
            },
            "embed_tokens.weight has 91 rows",
        ),
    ],
)
def test_wrong_sizes_are_named(changes: Mapping[str, Any], message: str, folder: Path) -> None:
    change(folder / "config.json", changes)
    with pytest.raises(ExportError, match=message):
        load_model(read_hub(find_checkpoint(str(folder))))


@pytest.mark.parametrize(("given", "expected"), [((4, 2), None), ((0, 0), 1), ((3, 3), 4)])
def test_frames_after_the_end_are_counted_as_the_original_does(
    given: tuple[int, int], expected: int | None, folder: Path
) -> None:
    short, long = given
    change(folder / "processor_config.json", {"frames_after_eos_short_text": short, "frames_after_eos": long})
    assert read_hub(find_checkpoint(str(folder))).config.model_recommended_frames_after_eos == expected


class TestCodec:
    def test_it_may_be_anywhere(self, folder: Path, tmp_path: Path) -> None:
        shutil.move(folder / CODEC, tmp_path / "codec")
        for reference in (str(tmp_path / "codec"), "../codec"):
            change(folder / "processor_config.json", {"audio_tokenizer.audio_tokenizer_name_or_path": reference})
            assert "mimi.quantizer.output_proj.weight" in read_hub(find_checkpoint(str(folder))).weights

    def test_it_may_be_a_hub_repository(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.move(folder / CODEC, tmp_path / "codec")
        change(folder / "processor_config.json", {"audio_tokenizer.audio_tokenizer_name_or_path": "org/codec"})
        opened: list[tuple[str, ...]] = []

        def open_checkpoint(reference: str, files: tuple[str, ...]) -> Checkpoint:
            opened.append((reference, *files))
            return Checkpoint(tmp_path / "codec", Source(repo=reference))

        monkeypatch.setattr(hub, "open_checkpoint", open_checkpoint)
        assert "mimi.quantizer.output_proj.weight" in read_hub(find_checkpoint(str(folder))).weights
        assert opened == [("org/codec", "config.json", "*.safetensors", "*.safetensors.index.json")]

    def test_without_one_it_is_said_where_to_put_it(self, folder: Path) -> None:
        shutil.rmtree(folder / CODEC)
        with pytest.raises(UsageError, match=r"'audio_tokenizer' is neither a folder nor a hub id.*; or put what"):
            read_hub(find_checkpoint(str(folder)))
        (folder / "processor_config.json").unlink()
        with pytest.raises(ExportError, match=r"has no codec, and no processor_config\.json that names one: put what"):
            read_hub(find_checkpoint(str(folder)))

    def test_without_encoder_there_is_no_graph_of_it(self, folder: Path) -> None:
        change(folder / CODEC / "config.json", {"encoder_config": None})
        change_weights(folder / CODEC, lambda state: [state.pop(key) for key in list(state) if key.startswith("encoder.")])
        graphs = load(find_checkpoint(str(folder)), "server").graphs
        assert [part.graph.name for part in graphs] == ["text_conditioner", "flow_lm_main", "flow_lm_flow", "mimi_decoder"]


def test_voices_of_another_kind_are_left_out_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "voices").mkdir()
    save_file({"audio_prompt_latents": torch.ones(5, 8)}, folder / "voices" / "alba.safetensors")
    with caplog.at_level(logging.WARNING):
        read_hub(find_checkpoint(str(folder)))
    assert "alba.safetensors" in caplog.text
