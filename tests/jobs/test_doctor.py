import json
import signal
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actors.errors import BundleCorruptError, CoresUnavailableError
from actors.runtime.processor import Processor
from cluster.nodes import Node
from jobs import doctor
from jobs.console import run_app
from jobs.doctor import GIB, Finding
from tests.jobs.ray_nodes import ray_cluster

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPEECHMILL_CACHE", str(tmp_path / "cache"))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        run_app(doctor.app, arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_here_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    out = capsys.readouterr().out
    assert out.endswith("nothing is wrong\n")
    assert all(f"{name}: " in out for name in doctor.CHECKS)


def test_json_has_all_that_an_issue_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {"python", "speechmill", "onnxruntime", "ray", "numpy", "pyarrow", "av"} <= found["versions"]["facts"].keys()
    assert found["models"]["facts"]["embedded"].startswith("sha256:")
    assert found["speech"]["facts"]["speech_s"] > 2
    assert not any(check["wrong"] for check in found.values())


def break_check(check: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise error

    monkeypatch.setitem(doctor.CHECKS, check, broken)


def test_what_one_check_raises_is_its_finding_and_the_others_are_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in doctor.CHECKS.keys() - {"processor"}:
        monkeypatch.delitem(doctor.CHECKS, name)
    break_check("speech", RuntimeError("a library\nis broken"), monkeypatch)
    break_check("models", BundleCorruptError("decoder.onnx is not what bundle.json promises"), monkeypatch)
    assert run() == 1
    out = capsys.readouterr().out
    assert "wrong (speech): RuntimeError: a library is broken\n" in out
    assert "wrong (models): decoder.onnx is not what bundle.json promises\n" in out
    assert "processor: name " in out
    assert "nothing is wrong" not in out


def test_what_is_slow_is_not_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [*doctor.CHECKS]:
        monkeypatch.delitem(doctor.CHECKS, name)
    monkeypatch.setitem(doctor.CHECKS, "GPU", lambda: Finding(slow=["the GPU is not used"]))
    assert run() == 0
    assert "slow (GPU): the GPU is not used\nnothing is wrong\n" in capsys.readouterr().out


def test_old_packages_and_two_runtimes_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"numpy": "1.26.4", "onnxruntime": "1.32.0", "onnxruntime-gpu": "1.32.0"}
    monkeypatch.setattr(doctor, "_installed", versions.get)
    old, twice = doctor.check_versions(["numpy>=2.0", "ray[default]>=2.60", "onnxruntime>=1.30"]).wrong
    assert old == "numpy 1.26.4 is older than 2.0: pip install 'numpy>=2.0'"
    assert "onnxruntime and onnxruntime-gpu" in twice


def test_the_gpus_runtime_stands_for_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_installed", {"onnxruntime-gpu": "1.32.0"}.get)
    found = doctor.check_versions(["onnxruntime>=1.30"])
    assert not found.wrong
    assert "onnxruntime" not in found.facts


def test_an_installed_package_knows_what_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = doctor.dependencies()
    monkeypatch.setattr(doctor, "dependencies", list)
    assert set(doctor._installed_requirements()) == set(listed)
    assert "onnxruntime" in doctor.check_versions().facts


@pytest.mark.parametrize(("kernels", "slow"), [("avx2", 1), ("avx512-vnni", 0), ("amx", 0)])
def test_a_processor_without_vnni_is_slow_in_int8(kernels: str, slow: int) -> None:
    assert len(doctor.check_processor(Processor("Some CPU", kernels)).slow) == slow


def test_cores_that_others_hold_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise CoresUnavailableError("core 0 belongs to process 7")

    monkeypatch.setattr(doctor, "claim_cores", refuse)
    assert doctor.check_cores().slow == ["core 0 belongs to process 7"]


@pytest.mark.parametrize(("pinnable", "said"), [(False, "quota"), (True, "SPEECHMILL_CORES")])
def test_workers_that_are_not_pinned_are_slow(pinnable: bool, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "claim_cores", lambda *_, **__: nullcontext(SimpleNamespace(cpus=())))
    monkeypatch.setattr(doctor, "read_topology", lambda: SimpleNamespace(cores=(0,), pinnable=pinnable))
    (sentence,) = doctor.check_cores().slow
    assert said in sentence


def test_little_memory_and_little_shared_memory_are_slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       16000000 kB\nMemAvailable:     100000 kB\n")
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(64 << 20, 0, 64 << 20))
    workers, shared = doctor.check_memory(meminfo, tmp_path).slow
    assert "0.1 GiB are free" in workers
    assert "--shm-size" in shared


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{2 * GIB}\n")
    assert [*doctor._cgroup_limits(tmp_path)] == [2 * GIB]
    (tmp_path / "memory.max").write_text("max\n")
    assert not [*doctor._cgroup_limits(tmp_path)]
    monkeypatch.setattr(doctor, "_cgroup_limits", lambda: [GIB // 2])
    assert doctor.check_memory().facts["available_gib"] <= 0.5


def test_a_gpu_that_no_provider_uses_is_slow(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    (sentence,) = doctor.check_gpu(tmp_path).slow
    assert "onnxruntime-gpu" in sentence


def test_a_cluster_that_does_not_answer_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    for name in doctor.CHECKS.keys() - {"Ray"}:
        monkeypatch.delitem(doctor.CHECKS, name)
    assert run() == 1
    assert "wrong (Ray): there is no Ray cluster at 127.0.0.1:1" in capsys.readouterr().out


def test_nodes_with_other_versions_or_without_our_code_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    here = doctor.node_versions()
    nodes = [Node(name, name, {}) for name in ("like", "old", "bare")]
    answers = dict(zip(nodes, (here, here | {"numpy": "2.0.0"}, ModuleNotFoundError("No module named 'jobs'")), strict=True))

    @contextmanager
    def connected(_: str) -> Iterator[bool]:
        yield True

    monkeypatch.setenv("RAY_ADDRESS", "somewhere:6379")
    monkeypatch.setattr("cluster.ray_pool.connected", connected)
    monkeypatch.setattr("cluster.nodes.alive_nodes", lambda: nodes)
    monkeypatch.setattr("cluster.nodes.ask", lambda _, __: answers)
    found = doctor.check_ray()
    assert found.facts["nodes"] == 3
    old, bare = found.wrong
    assert f"node old has numpy 2.0.0 and not {here['numpy']}" in old
    assert "node bare cannot run our code" in bare


@pytest.mark.ray
def test_a_cluster_that_is_like_us_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    with ray_cluster("--num-cpus=1") as cluster:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        found = doctor.check_ray()
    assert found.facts["nodes"] == 1
    assert not found.wrong


def test_a_cache_that_is_no_folder_is_wrong_and_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPEECHMILL_CACHE", str(tmp_path / "file" / "cache"))
    found = doctor.check_stores()
    assert "SPEECHMILL_CACHE" in found.wrong[0]
    assert "temporary_folder" in found.facts


def test_a_full_disk_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(GIB, GIB, 0))
    cache, temporary = doctor.check_stores().slow
    assert "SPEECHMILL_CACHE" in cache
    assert "TMPDIR" in temporary


def test_the_registry_is_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models" / "a-voice" / "tags").mkdir(parents=True)
    (tmp_path / "models" / "a-voice" / "tags" / "latest.json").touch()
    monkeypatch.setenv("SPEECHMILL_REGISTRY", str(tmp_path / "models"))
    assert doctor.check_stores().facts["published"] == ["a-voice"]


def test_a_registry_that_is_no_place_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHMILL_REGISTRY", "nonsense://models")
    (sentence,) = doctor.check_stores().wrong
    assert sentence.startswith("SPEECHMILL_REGISTRY: ")


def speech_by(change: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> Finding:
    """Return what is found where the engine's results are changed."""
    result = SimpleNamespace(audio=np.sin(np.arange(32_000) / 10).astype(np.float32), sample_rate=16_000, finish_reason="eos")
    engine = SimpleNamespace(generate=lambda _: [change(result)])
    monkeypatch.setattr(doctor, "open_model", lambda *_, **__: nullcontext(engine))
    return doctor.check_speech()


def test_speech_that_is_none_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not speech_by(lambda result: result, monkeypatch).wrong
    silent = speech_by(lambda result: SimpleNamespace(**vars(result) | {"audio": 0 * result.audio}), monkeypatch)
    endless = speech_by(lambda result: SimpleNamespace(**vars(result) | {"finish_reason": "length"}), monkeypatch)
    assert "no sentence" in silent.wrong[0]
    assert "by length" in endless.wrong[0]


def test_a_codec_that_gives_other_samples_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "decode", lambda _: (np.zeros((1, 32_000), np.float32), 16_000))
    assert "FLAC" in speech_by(lambda result: result, monkeypatch).wrong[0]
