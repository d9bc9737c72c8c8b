import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from actors import SynthesisRequest, TranscriptionRequest, open_model
from actors.bundle import Bundle, Precision, load_bundle
from actors.errors import BundleCorruptError, BundleError, UsageError
from actors.runtime.choice import stand_alone
from actors.runtime.graphs import Graphs, openvino_graphs
from actors.runtime.processor import this_processor
from actors.runtime.session import Device, DeviceArray, Edge, Session
from tests.actors.families.whisper.test_loop import GREEDY
from tests.actors.runtime.openvino_graphs import (
    KEYS,
    ROWS,
    Speaker,
    assert_close,
    has_cache,
    in_bfloat16,
    made,
    run_alone,
)

openvino = pytest.importorskip("openvino", reason="the second runtime needs the 'openvino' extra")

from openvino import opset13  # noqa: E402

from actors.runtime.openvino import OpenVINOSession, open_openvino  # noqa: E402

# What the exporter allows a graph against PyTorch; measured here: 2e-5.
TOLERANCE = 1e-4
TRIED_ON = "avx512-vnni"
# Graphs that rows share in the engine; others run one row at a time.
STEPS = [
    ("tiny_bundle", "lm"),
    ("pocket_bundle", "flow_lm_main"),
    ("pocket_bundle", "flow_lm_flow"),
    ("vibevoice_bundle", "tts_lm"),
    ("vibevoice_bundle", "prediction_head"),
    ("asr_bundle", "decoder"),
    ("whisper_bundle", "decoder"),
]
IN_INT8 = [("tiny_bundle", "lm"), ("pocket_bundle", "flow_lm_main"), ("pocket_bundle", "flow_lm_flow")]


@pytest.mark.parametrize(("fixture", "key"), KEYS)
def test_a_graph_computes_what_onnxruntime_does(request: pytest.FixtureRequest, fixture: str, key: str) -> None:
    bundle = made(request, fixture)
    assert bundle.graph(key).openvino == f"{key}.xml"
    if has_cache(bundle.graph(key)):
        ours, theirs = (Speaker(bundle, key, device).say(range(5)) for device in ("openvino", "cpu"))
        for row, said in ours.items():
            assert_close(said, theirs[row], TOLERANCE)
    else:
        for count in (1, 5):
            assert_close(*(run_alone(bundle, key, device)(range(count)) for device in ("openvino", "cpu")), TOLERANCE)


def rows_stand_alone(bundle: Bundle, key: str) -> bool:
    return stand_alone(Graphs(bundle, Device("openvino"), 1).open(key), bundle.graph(key), ROWS)


@pytest.mark.parametrize("kind", ["fp32", "int8", "bfloat16"])
@pytest.mark.parametrize(("fixture", "key"), STEPS)
def test_the_same_row_gives_the_same_bytes(request: pytest.FixtureRequest, fixture: str, key: str, kind: str) -> None:
    """Alone, among others, at another place of the batch, in another slot, and after others were there."""
    if kind == "int8" and (fixture, key) not in IN_INT8:
        pytest.skip("of its matrices in int8 none has a whole group of inputs: they stay float32")
    precision: Precision = "int8" if kind == "int8" else "fp32"
    bundle = made(request, fixture, precision)
    bundle = in_bfloat16(bundle) if kind == "bfloat16" else bundle
    if this_processor().kernels != TRIED_ON and not rows_stand_alone(bundle, key):
        pytest.skip("not so on this processor, and auto leaves the graph to ONNX Runtime: actors/runtime/choice.py tries it")
    if has_cache(bundle.graph(key)):
        lm = Speaker(bundle, key, "openvino")
        whole = lm.say(range(ROWS))
        for rows, first in (([3], 0), ([0], 16), ([4], 5), ([4, 3, 2, 1, 0], 7), ([9, 1], 0)):
            for row, said in lm.say(rows, first).items():
                assert [part.tobytes() for part in said] == [part.tobytes() for part in whole[row]], (rows, first, row)
    else:
        run = run_alone(bundle, key, "openvino")
        (together,) = run(range(ROWS))
        for rows in ([0], [16], [4, 3, 2, 1, 0], [9, 1], [*range(15)]):
            assert run(rows)[0].tobytes() == together[rows].tobytes(), rows


def test_a_run_leaves_the_rows_beside_it_alone(request: pytest.FixtureRequest) -> None:
    lm = Speaker(made(request, "tiny_bundle"), "lm", "openvino")
    lm.say([0, 1, 2], first=4)
    for slot in (0, 3, 7, 16):
        assert not any(part.any() for part in lm.graph.cache.read(slot, 96))
        assert not any(array[slot].any() for array in lm.graph.outputs.values())
    assert np.isfinite(lm.graph.outputs["logits"]).all()


@pytest.fixture
def long_graph(tmp_path: Path) -> Path:
    """A graph that takes many seconds: products of ``x [n, 512]``, one after the other."""
    x = opset13.parameter([-1, 512], np.float32, name="x")
    eye, y = opset13.constant(np.eye(512, dtype=np.float32)), x
    for _ in range(200):
        y = opset13.matmul(y, eye, transpose_a=False, transpose_b=False)
    x.output(0).set_names({"x"})
    y.output(0).set_names({"y"})
    openvino.save_model(openvino.Model([y], [x]), tmp_path / "long.xml", compress_to_fp16=False)
    return tmp_path / "long.xml"


def test_a_run_that_takes_long_can_be_ended_and_none_comes_after_it(long_graph: Path) -> None:
    session = open_openvino(long_graph, 1, "fp32")
    x = np.ones((20_000, 512), np.float32)
    assert session.run(["y"], {"x": x[:2]})[0].tolist() == x[:2].tolist()
    threading.Timer(0.2, session.terminate).start()
    with pytest.raises(RuntimeError, match="canceled"):
        session.run(["y"], {"x": x})
    with pytest.raises(RuntimeError, match="ended"):
        session.run(["y"], {"x": x[:2]})
    with pytest.raises(RuntimeError, match="ended"):
        session.bind({"x": x[:2]}, {"y": np.empty_like(x[:2])}).run({}, {})


def test_a_bound_run_can_be_ended(long_graph: Path) -> None:
    session = open_openvino(long_graph, 1, "fp32")
    x = np.ones((20_000, 512), np.float32)
    threading.Timer(0.2, session.terminate).start()
    with pytest.raises(RuntimeError, match="canceled"):
        session.bind({"x": x}, {"y": np.empty_like(x)}).run({}, {})


def test_threads_share_a_session(request: pytest.FixtureRequest) -> None:
    session = Graphs(made(request, "tiny_bundle"), Device("openvino"), 1).open("decoder")
    inputs = [np.random.default_rng(n).standard_normal((1, 2 + n % 7, 512)).astype(np.float32) for n in range(40)]
    want = [session.run(["audio"], {"hidden": hidden})[0] for hidden in inputs]
    kept = [audio.copy() for audio in want]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda hidden: session.run(["audio"], {"hidden": hidden})[0], inputs))
    for ours, theirs, copy in zip(found, want, kept, strict=True):
        assert ours.tobytes() == theirs.tobytes() == copy.tobytes()


def test_bindings_take_turns_and_write_where_they_are_told(request: pytest.FixtureRequest) -> None:
    session = Graphs(made(request, "tiny_bundle"), Device("openvino"), 1).open("decoder")
    hidden = np.random.default_rng(0).standard_normal((4, 3, 512)).astype(np.float32)
    (want,) = session.run(["audio"], {"hidden": hidden})
    audio = np.zeros_like(want)
    bindings = [session.bind({"hidden": hidden[row : row + 1]}, {"audio": audio[row : row + 1]}) for row in range(3)]
    for row in (2, 0, 2, 1):
        bindings[row].run({}, {})
    session.bind({}, {}).run({"hidden": hidden[3:]}, {"audio": audio[3:]})
    assert audio.tobytes() == want.tobytes()


def test_a_session_says_what_goes_in_and_out(long_graph: Path) -> None:
    session = open_openvino(long_graph, 1, "fp32")
    assert session.inputs == {"x": Edge("float32", [None, 512])}
    assert session.outputs == {"y": Edge("float32", [None, 512])}
    assert session.pages is None


def test_memory_of_another_device_is_not_taken(long_graph: Path) -> None:
    session = open_openvino(long_graph, 1, "fp32")
    with pytest.raises(TypeError, match="runs on the CPU"):
        session.bind({"x": DeviceArray.reserve((2, 512), np.dtype(np.float32), Device("cpu"))}, {})


def test_a_graph_of_other_edges_is_refused(request: pytest.FixtureRequest) -> None:
    bundle = made(request, "tiny_bundle")
    lm = bundle.graph("lm").model_copy(update={"openvino": "decoder.xml"})
    swapped = replace(bundle, manifest=bundle.manifest.model_copy(update={"graphs": {**bundle.manifest.graphs, "lm": lm}}))
    with pytest.raises(BundleError, match=r"decoder.xml has other inputs than bundle.json promises: .*input_ids"):
        Graphs(swapped, Device("openvino"), 1).open("lm")


def test_a_graph_that_is_not_for_openvino_is_run_by_onnxruntime(request: pytest.FixtureRequest) -> None:
    bundle = made(request, "tiny_bundle")
    graphs = Graphs(bundle, Device("openvino", graphs=("decoder",)), 1)
    assert isinstance(graphs.open("decoder"), OpenVINOSession)
    assert isinstance(graphs.open("lm"), Session)
    graphs.terminate()
    with pytest.raises(BundleError, match="the bundle has 'lm' not for OpenVINO"):
        without_ir(bundle).openvino_path("lm")


def test_graphs_that_a_bundle_has_not_for_openvino_are_a_usage_error(request: pytest.FixtureRequest) -> None:
    bundle = made(request, "tiny_bundle")
    with pytest.raises(UsageError, match="has no graph 'vocoder' for OpenVINO: it has lm, decoder"):
        Graphs(bundle, Device("openvino", graphs=("lm", "vocoder")), 1)
    with pytest.raises(UsageError, match="has no graph for OpenVINO: export it again with --openvino"):
        Graphs(without_ir(bundle), Device("openvino"), 1)


def without_ir(bundle: Bundle) -> Bundle:
    graphs = {key: spec.model_copy(update={"openvino": None}) for key, spec in bundle.manifest.graphs.items()}
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"graphs": graphs}))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("decoder.xml", lambda content: content[: len(content) // 2]),
        ("decoder.xml", lambda _: b"<net>"),
        ("decoder.xml", lambda _: b""),
        ("decoder.xml", lambda content: content.replace(b'offset="0"', b'offset="99999999999"')),
        ("decoder.xml", lambda content: content.replace(b'type="MatMul"', b'type="MatMuck"')),
        ("decoder.bin", lambda content: content[: len(content) // 2]),
        ("decoder.bin", lambda _: b""),
        ("decoder.bin", None),
    ],
)
def test_a_broken_graph_is_a_bundle_error(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, damage: Callable[[bytes], bytes] | None
) -> None:
    bundle = replace(made(request, "tiny_bundle"), folder=tmp_path)
    for part in ("decoder.xml", "decoder.bin"):
        shutil.copyfile(made(request, "tiny_bundle").folder / part, tmp_path / part)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(damage(content)) if damage else (tmp_path / name).unlink()
    with pytest.raises(BundleError, match=r"decoder.xml cannot be opened: .*Export the model again"):
        Graphs(bundle, Device("openvino"), 1).open("decoder")


def test_an_onnx_file_is_no_ir(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Its weights could be in files that the manifest does not list."""
    bundle = made(request, "tiny_bundle")
    shutil.copyfile(bundle.path("decoder.onnx"), tmp_path / "decoder.xml")
    shutil.copyfile(bundle.path("decoder.onnx.data"), tmp_path / "decoder.onnx.data")
    (tmp_path / "decoder.bin").touch()
    with pytest.raises(BundleError, match=r"decoder.xml cannot be opened"):
        Graphs(replace(bundle, folder=tmp_path), Device("openvino"), 1).open("decoder")


def test_weights_that_are_not_listed_or_were_tampered_with_are_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    bundle = made(request, "tiny_bundle")
    files = {name: entry for name, entry in bundle.manifest.files.items() if name != "decoder.bin"}
    with pytest.raises(BundleError, match=r"lists no file 'decoder.bin'"):
        replace(bundle, manifest=bundle.manifest.model_copy(update={"files": files})).openvino_path("decoder")
    folder = Path(shutil.copytree(bundle.folder, tmp_path / "bundle"))
    content = bytearray((folder / "decoder.bin").read_bytes())
    content[-1] ^= 1
    (folder / "decoder.bin").write_bytes(content)
    with pytest.raises(BundleCorruptError, match=r"decoder.bin has .* bundle.json promises"):
        load_bundle(folder).verify()


@pytest.mark.parametrize(("fixture", "precision"), [("pocket_bundle", "int8"), ("vibevoice_bundle", "fp32")])
def test_an_utterance_is_the_same_alone_and_among_others(
    request: pytest.FixtureRequest, fixture: str, precision: Precision
) -> None:
    bundle = made(request, fixture, precision)
    if this_processor().kernels != TRIED_ON and not all(rows_stand_alone(bundle, key) for key in openvino_graphs(bundle)):
        pytest.skip(
            "not so on this processor, and auto leaves such graphs to ONNX Runtime: actors/runtime/choice.py tries them"
        )
    said = [SynthesisRequest(id=str(n), text=text) for n, text in enumerate(["Good morning.", "It rains.", "Hello there."])]
    with open_model(bundle, device="openvino", threads=2, slots=3) as engine:
        together = engine.generate(said)
        for one, among in zip(said, together, strict=True):
            (alone,) = engine.generate([one])
            assert alone.audio.tobytes() == among.audio.tobytes()


def test_whisper_hears_what_it_hears_with_onnxruntime(
    request: pytest.FixtureRequest, whisper_recordings: list[np.ndarray]
) -> None:
    """Its encoder writes to where its decoder reads."""
    heard = []
    for device in ("openvino", "cpu"):
        with open_model(made(request, "whisper_bundle"), device=device, threads=2, slots=2) as engine:
            recordings = [TranscriptionRequest(str(n), audio, options=GREEDY) for n, audio in enumerate(whisper_recordings)]
            heard.append([result.trace["tokens"].tolist() for result in engine.generate(recordings, trace=True)])
    assert heard[0] == heard[1]
    assert all(heard[0])
