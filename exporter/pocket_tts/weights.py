"""PocketTTS's weights, from pocket-tts' names and orientation to ours."""

import torch
from torch import Tensor

from actors.errors import ExportError
from exporter.checkpoints import load_weights
from exporter.mimi import load_mimi
from exporter.pocket_tts.config import Config, Contents, FlowConfig, FlowLMConfig
from exporter.pocket_tts.modules import Backbone, FlowHead, Model, TextConditioner


def load_model(contents: Contents) -> Model:
    """Build the modules of a checkpoint, whose weights are taken out of ``contents``.

    Raises:
        ExportError: a weight is missing or left over, or its shape is not the config's.
    """
    state = contents.weights
    try:
        model = _fill(contents, state)
    except KeyError as error:
        raise ExportError(f"{contents.origin} lacks the key {error}, which config.yaml asks for") from error
    if state:
        some = ", ".join(sorted(state)[:3])
        raise ExportError(f"{contents.origin} has weights that config.yaml says nothing about: {some}, …")
    return model


def _fill(contents: Contents, state: dict[str, Tensor]) -> Model:
    """Build the modules and load ``state`` into them, emptying it."""
    config, origin = contents.config, contents.origin
    lm, latent_dim = config.flow_lm, config.mimi.quantizer.dimension
    text_state = {"table.weight": _text_table(state, config)}
    flow_state = _flow_state(state, lm.flow)
    codec = {key.removeprefix("mimi."): state.pop(key) for key in list(state) if key.startswith("mimi.")}
    mean, deviation = state.pop("flow_lm.emb_mean"), state.pop("flow_lm.emb_std")
    codec |= {"speaker_proj_weight": state.pop("flow_lm.speaker_proj_weight"), "emb_mean": mean, "emb_std": deviation}
    encoder, decoder = load_mimi(config.mimi, lm.transformer.d_model, codec, origin, with_encoder=contents.has_encoder)
    frequencies = len(flow_state["time_embed.0.freqs"]) if lm.flow.times else 0
    model = Model(
        config,
        TextConditioner(len(text_state["table.weight"]), lm.transformer.d_model),
        Backbone(lm, latent_dim),
        FlowHead(lm, latent_dim, frequencies),
        encoder,
        decoder,
        mean,
        deviation,
    )
    load_weights(model.text, text_state, origin)
    load_weights(model.backbone, _backbone_state(state, lm), origin)
    load_weights(model.flow, flow_state, origin)
    state |= {f"mimi.{key}": tensor for key, tensor in codec.items()}
    return model


def _text_table(state: dict[str, Tensor], config: Config) -> Tensor:
    """The embedding of every id: those of the tokenizer, the padding, and what stands before a voice."""
    table = state.pop("flow_lm.conditioner.embed.weight")
    if config.flow_lm.lookup_table.rank is not None:
        table = table @ state.pop("flow_lm.conditioner.proj.weight").T
    if config.flow_lm.insert_bos_before_voice:
        table = torch.cat((table, state.pop("flow_lm.bos_before_voice")[0]))
    return table


def _backbone_state(state: dict[str, Tensor], config: FlowLMConfig) -> dict[str, Tensor]:
    renamed = {"bos_emb": state.pop("flow_lm.bos_emb"), "out_eos.bias": state.pop("flow_lm.out_eos.bias")}
    linears = ["input_linear", "out_eos", *(["z_proj"] if config.z_dim is not None else [])]
    renamed |= {f"{name}.weight": state.pop(f"flow_lm.{name}.weight").T.contiguous() for name in linears}
    norms = {"out_norm": "flow_lm.out_norm"}
    for i in range(config.transformer.num_layers):
        theirs, ours = f"flow_lm.transformer.layers.{i}", f"layers.{i}"
        norms |= {f"{ours}.{norm}": f"{theirs}.{norm}" for norm in ("norm1", "norm2")}
        for linear in ("self_attn.in_proj", "self_attn.out_proj", "linear1", "linear2"):
            weight = state.pop(f"{theirs}.{linear}.weight")
            renamed[f"{ours}.{linear.removeprefix('self_attn.')}.weight"] = weight.T.contiguous()
    for ours, theirs in norms.items():
        renamed |= {f"{ours}.{part}": state.pop(f"{theirs}.{part}") for part in ("weight", "bias")}
    return renamed


def _flow_state(state: dict[str, Tensor], config: FlowConfig) -> dict[str, Tensor]:
    prefix = "flow_lm.flow_net"
    renamed: dict[str, Tensor] = {}

    def linear(ours: str, theirs: str) -> None:
        renamed[f"{ours}.weight"] = state.pop(f"{prefix}.{theirs}.weight").T.contiguous()
        renamed[f"{ours}.bias"] = state.pop(f"{prefix}.{theirs}.bias")

    for i in range(config.times):
        ours, theirs = f"time_embed.{i}", f"time_embed.{i}"
        linear(f"{ours}.linear1", f"{theirs}.mlp.0")
        linear(f"{ours}.linear2", f"{theirs}.mlp.2")
        renamed[f"{ours}.freqs"] = state.pop(f"{prefix}.{theirs}.freqs")
        renamed[f"{ours}.alpha"] = state.pop(f"{prefix}.{theirs}.mlp.3.alpha")
    linear("cond_embed", "cond_embed")
    linear("input_proj", "input_proj")
    linear("final", "final_layer.linear")
    weights, biases = [], []
    for i in range(config.depth):
        theirs = f"{prefix}.res_blocks.{i}"
        linear(f"linear1.{i}", f"res_blocks.{i}.mlp.0")
        linear(f"linear2.{i}", f"res_blocks.{i}.mlp.2")
        renamed |= {f"norms.{i}.{part}": state.pop(f"{theirs}.in_ln.{part}") for part in ("weight", "bias")}
        weights.append(state.pop(f"{theirs}.adaLN_modulation.1.weight"))
        biases.append(state.pop(f"{theirs}.adaLN_modulation.1.bias"))
    weights.append(state.pop(f"{prefix}.final_layer.adaLN_modulation.1.weight"))
    biases.append(state.pop(f"{prefix}.final_layer.adaLN_modulation.1.bias"))
    one = torch.cat([torch.zeros(config.dim), torch.ones(config.dim), torch.zeros(config.dim)])  # shift, scale, gate
    biases = [bias + one[: len(bias)] for bias in biases]
    return renamed | {"modulation.weight": torch.cat(weights).T.contiguous(), "modulation.bias": torch.cat(biases)}
