"""The graphs of PocketTTS under the names of the public export (KevinAHM/pocket-tts-onnx), in both layouts."""

from collections.abc import Sequence
from dataclasses import replace

from actors.bundle import Layout
from exporter.graphs import OPSET, Graph, Port
from exporter.mimi import Decoder
from exporter.pocket_tts.modules import Backbone, Model, PortableMain, ServerMain

_OPSET_PORTABLE = 20


def declare(model: Model, layout: Layout) -> dict[str, Graph]:
    """Return the graphs by name: five, or four without encoder."""
    opset = OPSET if layout == "server" else _OPSET_PORTABLE
    d_model = model.config.flow_lm.transformer.d_model
    text_conditioner = Graph(
        "text_conditioner",
        "text_conditioner.onnx",
        model.text,
        inputs=(Port("token_ids", ("batch", "tokens"), "int64"),),
        outputs=(Port("embeddings", ("batch", "tokens", d_model)),),
        opset=opset,
    )
    mimi_encoder = model.encoder and Graph(
        "mimi_encoder",
        "mimi_encoder.onnx",
        model.encoder,
        inputs=(Port("audio", ("batch", 1, "samples")),),
        outputs=(Port("latents", ("batch", "frames", d_model)),),
        opset=opset,
    )
    main = _server_main(model.backbone) if layout == "server" else _portable_main(model.backbone)
    mimi_decoder = _server_decoder(model.decoder) if layout == "server" else _portable_decoder(model.decoder)
    graphs = (text_conditioner, main, _flow(model, opset), mimi_encoder, mimi_decoder)
    return {graph.name: graph for graph in graphs if graph}


def _main_ports(backbone: Backbone) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    config = backbone.config
    inputs = (
        Port("sequence", ("batch", "frames", backbone.latent_dim)),
        Port("text_embeddings", ("batch", "tokens", config.transformer.d_model)),
    )
    return inputs, (Port("conditioning", ("batch", config.conditioning)), Port("eos_logit", ("batch", 1)))


def _server_main(backbone: Backbone) -> Graph:
    config = backbone.config.transformer
    inputs, outputs = _main_ports(backbone)
    cache = ("batch", config.kv_heads, "max_length", config.head_dim)
    names = [f"{part}.{i}" for i in range(config.num_layers) for part in ("key", "value")]
    return Graph(
        "flow_lm_main",
        "flow_lm_main.onnx",
        ServerMain(backbone),
        inputs=(
            *inputs,
            Port("seqlens_k", ("batch",), "int32"),
            Port("total_sequence_length", (), "int32"),
            *(Port(f"past_{name}", cache, half=True) for name in names),
        ),
        outputs=(*outputs, *(Port(f"present_{name}", cache, half=True) for name in names)),
    )


def _portable_main(backbone: Backbone) -> Graph:
    config = backbone.config.transformer
    inputs, outputs = _main_ports(backbone)
    cache = Port("", (2, "batch", "max_length", config.kv_heads, config.head_dim), half=True)
    state = (cache, Port("", ("batch",), "int64")) * config.num_layers
    return Graph(
        "flow_lm_main",
        "flow_lm_main.onnx",
        PortableMain(backbone),
        inputs=(*inputs, *_numbered("state_{}", state)),
        outputs=(*outputs, *_numbered("out_state_{}", state)),
        opset=_OPSET_PORTABLE,
    )


def _flow(model: Model, opset: int) -> Graph:
    config, latent_dim = model.config.flow_lm, model.config.mimi.quantizer.dimension
    times = {"lsd": ("s", "t"), "flow_matching": ("t",)}.get(config.flow.type, ())
    return Graph(
        "flow_lm_flow",
        "flow_lm_flow.onnx",
        model.flow,
        inputs=(
            Port("c", ("batch", config.conditioning)),
            *(Port(time, ("batch", 1)) for time in times),
            Port("x", ("batch", latent_dim)),
        ),
        outputs=(Port("flow_dir", ("batch", latent_dim)),),
        opset=opset,
    )


def _decoder_state(decoder: Decoder) -> tuple[Port, ...]:
    """What the decoder carries from chunk to chunk; zeros at the start."""
    floats = (Port(name, ("batch", *shape), half=True) for name, shape in decoder.state_shapes.items())
    return Port("position", ("batch",), "int64"), *floats


def _server_decoder(decoder: Decoder) -> Graph:
    state = _decoder_state(decoder)
    return Graph(
        "mimi_decoder",
        "mimi_decoder.onnx",
        decoder,
        inputs=(
            Port("latent", ("batch", "frames", decoder.config.quantizer.dimension)),
            *(replace(port, name=f"past_{port.name}") for port in state),
        ),
        outputs=(
            Port("audio", ("batch", 1, "samples")),
            *(replace(port, name=f"present_{port.name}") for port in state),
        ),
    )


def _portable_decoder(decoder: Decoder) -> Graph:
    state = _decoder_state(decoder)
    return Graph(
        "mimi_decoder",
        "mimi_decoder.onnx",
        decoder,
        inputs=(
            Port("latent", ("batch", "frames", decoder.config.quantizer.dimension)),
            *_numbered("state_{}", state),
        ),
        outputs=(Port("audio_frame", ("batch", 1, "samples")), *_numbered("out_state_{}", state)),
        opset=_OPSET_PORTABLE,
    )


def _numbered(template: str, ports: Sequence[Port]) -> tuple[Port, ...]:
    return tuple(replace(port, name=template.format(i)) for i, port in enumerate(ports))
