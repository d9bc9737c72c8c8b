import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import Mock

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from actors.bundle import GraphSpec, TensorSpec
from actors.errors import UsageError
from actors.runtime import session
from actors.runtime.session import Device, DeviceArray, Edge, open_session
from tests.endless import endless_graph

ROOT = Path(__file__).parents[3]
HAS_CUDA = "CUDAExecutionProvider" in ort.get_available_providers()


@pytest.fixture
def doubling_graph(tmp_path: Path) -> Path:
    """A graph that computes ``y = x + x`` for ``x [n]``."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubling", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, tmp_path / "doubling.onnx")
    return tmp_path / "doubling.onnx"


@pytest.fixture
def _every_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    providers = ["CUDAExecutionProvider", "OpenVINOExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort, "get_available_providers", lambda: providers)


@pytest.mark.usefixtures("_every_provider")
@pytest.mark.parametrize(
    ("text", "device", "memory"),
    [
        ("cpu", Device("cpu"), "cpu"),
        ("cuda", Device("cuda", 0), "cuda"),
        ("cuda:3", Device("cuda", 3), "cuda"),
        ("openvino", Device("openvino"), "cpu"),
        ("openvino:lm+decoder", Device("openvino", graphs=("lm", "decoder")), "cpu"),
        ("openvino-ep", Device("openvino-ep"), "cpu"),
    ],
)
def test_parses_the_devices_there_are(text: str, device: Device, memory: str) -> None:
    assert Device.parse(text) == device
    assert Device.parse(text).memory == memory


@pytest.mark.usefixtures("_every_provider")
@pytest.mark.parametrize("text", ["", "gpu", "CPU", "cuda:x", "cuda:-1", "cuda:1:2", "cuda:1.5", "tpu:0", " cpu"])
def test_an_unknown_device_is_a_usage_error_that_lists_the_known_ones(text: str) -> None:
    with pytest.raises(UsageError, match=f"unknown device '{re.escape(text)}': use cpu, cuda"):
        Device.parse(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("cuda:1", "install onnxruntime-gpu in place of onnxruntime"),
        ("openvino-ep", "install onnxruntime-ep-openvino beside onnxruntime"),
    ],
)
def test_a_device_this_onnxruntime_lacks_is_a_usage_error_that_names_the_package(
    monkeypatch: pytest.MonkeyPatch, text: str, hint: str
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr("actors.runtime.session._plugin_devices", lambda _: [])
    with pytest.raises(UsageError, match=hint):
        Device.parse(text)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """A provider's package as ``onnxruntime-ep-openvino`` 1.8 is: a library that onnxruntime loads and asks for its devices."""
    package = ModuleType("onnxruntime_ep_openvino")
    vars(package).update(get_library_path=lambda: "/a/library.so", get_ep_name=lambda: "OpenVINOExecutionProvider")
    monkeypatch.setitem(sys.modules, package.__name__, package)
    register = Mock()
    monkeypatch.setattr(ort, "register_execution_provider_library", register)
    kinds = ort.OrtHardwareDeviceType
    devices = [("OpenVINOExecutionProvider", kinds.GPU), ("OpenVINOExecutionProvider", kinds.CPU), ("Another", kinds.CPU)]
    found = [SimpleNamespace(ep_name=name, device=SimpleNamespace(type=kind)) for name, kind in devices]
    monkeypatch.setattr(ort, "get_ep_devices", lambda: found)
    session._plugin_devices.cache_clear()
    yield register
    session._plugin_devices.cache_clear()


def test_a_plugin_is_loaded_once_and_runs_on_its_cpu(
    plugin: Mock, doubling_graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    device = Device.parse("openvino-ep")
    assert Device.parse("openvino-ep") == device == Device("openvino-ep")
    plugin.assert_called_once_with("openvino-ep", "/a/library.so")
    options, opened = Mock(), Mock(return_value=Mock(get_inputs=list, get_outputs=list))
    monkeypatch.setattr(ort, "SessionOptions", lambda: options)
    monkeypatch.setattr(session, "sums_saturate", lambda: False)
    monkeypatch.setattr(ort, "InferenceSession", opened)
    open_session(doubling_graph, device, threads=1)
    ((devices, _),) = (call.args for call in options.add_provider_for_devices.call_args_list)
    assert [one.device.type for one in devices] == [ort.OrtHardwareDeviceType.CPU]
    assert opened.call_args.kwargs["providers"] is None


def test_opens_a_graph_with_as_many_threads_as_asked(doubling_graph: Path) -> None:
    session = open_session(doubling_graph, Device.parse("cpu"), threads=3)
    options = session._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert session._session.get_providers() == ["CPUExecutionProvider"]
    assert session.run(["y"], {"x": np.array([1, 2], np.float32)})[0].tolist() == [2, 4]


def test_an_onnxruntime_that_would_end_the_process_is_refused(doubling_graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("1.29.3", "1.9.0"):
        monkeypatch.setattr(ort, "__version__", version)
        with pytest.raises(UsageError, match=f"onnxruntime {version} is too old: install 1.30 or newer"):
            open_session(doubling_graph, Device("cpu"), threads=1)
    monkeypatch.setattr(ort, "__version__", "2.0.0+cu12")
    open_session(doubling_graph, Device("cpu"), threads=1)


def test_denormal_numbers_are_the_same_on_every_thread(doubling_graph: Path) -> None:
    # In a process of its own: ONNX Runtime can flush denormals to zero only on some threads, which then compute other bits.
    script = """
import sys, threading
import numpy as np
from pathlib import Path
from actors.runtime.session import Device, open_session

def run():
    doubled = session.run(["y"], {"x": denormals})[0]
    print(np.count_nonzero(doubled.view(np.int32)))

denormals = np.full(100_000, 1000, np.int32).view(np.float32)
session = open_session(Path(sys.argv[1]), Device.parse("cpu"), 2)
run()
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    command = [sys.executable, "-c", script, str(doubling_graph)]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    assert output.split() == ["100000", "100000"]


def test_a_run_that_never_ends_can_be_ended(tmp_path: Path) -> None:
    tensor = TensorSpec(name="x", dtype="float32", axes=["n"])
    spec = GraphSpec(file="endless.onnx", precision="fp32", inputs=[tensor], outputs=[tensor.model_copy(update={"name": "y"})])
    (tmp_path / "endless.onnx").write_bytes(endless_graph(spec))
    session = open_session(tmp_path / "endless.onnx", Device("cpu"), threads=1)
    threading.Timer(0.2, session.terminate).start()
    with pytest.raises(Exception, match="terminate flag"):
        session.run(["y"], {"x": np.zeros(1, np.float32)})
    x, y = np.zeros((2, 1), np.float32)
    with pytest.raises(Exception, match="terminate flag"):
        session.bind({"x": x}, {"y": y}).run({}, {})


def test_a_gpu_that_onnxruntime_cannot_use_is_not_replaced_by_the_cpu(
    monkeypatch: pytest.MonkeyPatch, doubling_graph: Path
) -> None:
    on_the_cpu = Mock(get_providers=lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(session, "sums_saturate", lambda: False)
    monkeypatch.setattr(ort, "InferenceSession", lambda *_, **__: on_the_cpu)
    monkeypatch.setattr(ort, "preload_dlls", Mock())
    with pytest.raises(UsageError, match="cannot use the GPU"):
        open_session(doubling_graph, Device("cuda"), threads=1)


def test_onnxruntimes_other_format_is_not_opened(doubling_graph: Path, tmp_path: Path) -> None:
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "doubling.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(doubling_graph), options, providers=["CPUExecutionProvider"])
    ort.InferenceSession(str(tmp_path / "doubling.ort"))
    with pytest.raises(Exception, match="INVALID_PROTOBUF"):
        open_session(tmp_path / "doubling.ort", Device("cpu"), threads=1)


on_a_gpu = [pytest.mark.gpu, pytest.mark.skipif(not HAS_CUDA, reason="this onnxruntime has no CUDAExecutionProvider")]


@pytest.mark.parametrize("kind", ["cpu", pytest.param("cuda", marks=on_a_gpu)])
def test_slices_of_an_array_of_a_device_are_read_and_written_in_place(kind: str, doubling_graph: Path) -> None:
    session = open_session(doubling_graph, Device(kind), threads=1)
    numbers = DeviceArray.reserve((4,), np.dtype(np.float32), Device(kind))
    session.bind({}, {"y": numbers}).run({"x": np.array([1, 2, 3, 4], np.float32)}, {})
    middle = session.bind({"x": numbers[1:3]}, {"y": numbers[1:3]})
    for _ in range(2):
        middle.run({}, {})
    shown = np.empty(4, np.float32)
    session.bind({"x": numbers}, {}).run({}, {"y": shown})
    assert shown.tolist() == [4, 32, 48, 16]


def test_slices_of_an_array_of_a_device_are_those_of_numpy() -> None:
    numbers = np.zeros((5, 2, 3), np.float16)
    array = DeviceArray(Device("cpu"), numbers.dtype, numbers.shape, numbers.ctypes.data, numbers)
    for rows in (slice(0, 5), slice(2, 3), slice(1, 4)):
        assert (array[rows].shape, array[rows].address) == (numbers[rows].shape, numbers[rows].ctypes.data)
    assert array[1:4][1:2].address == numbers[2:].ctypes.data


def test_a_session_says_what_goes_in_and_out(doubling_graph: Path) -> None:
    session = open_session(doubling_graph, Device("cpu"), threads=1)
    assert session.inputs == {"x": Edge("float32", ["n"])}
    assert session.outputs == {"y": Edge("float32", ["n"])}


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="this onnxruntime has no CUDAExecutionProvider")
def test_opens_a_graph_on_a_gpu(doubling_graph: Path) -> None:
    session = open_session(doubling_graph, Device.parse("cuda:0"), threads=1)
    assert session._session.get_providers()[0] == "CUDAExecutionProvider"
    assert session.run(["y"], {"x": np.array([1, 2], np.float32)})[0].tolist() == [2, 4]
