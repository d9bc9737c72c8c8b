"""Say what is wrong or slow on this machine, and what to do about it. ``python jobs/doctor.py --help``."""

if __name__ == "__main__":  # ends in a sentence where a dependency is missing
    __import__("jobs.requirements" if __package__ else "requirements")

import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnxruntime as ort
import typer

from actors import SynthesisRequest, open_model
from actors.audio.codec import decode, encode
from actors.errors import CoresUnavailableError, SpeechmillError
from actors.runtime.processor import Processor, this_processor
from cluster.cores import CORES_VARIABLE, claim_cores
from cluster.registry import CACHE_VARIABLE, EMBEDDED, EMBEDDED_ASR, REGISTRY_VARIABLE, fetch
from cluster.storage import open_store
from cluster.topology import read_topology
from jobs.console import EXIT_FAILED_ROWS, run_app
from jobs.requirements import dependencies

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

GIB = 1 << 30
# Of each of these less is slow, or too little for something.
_CORE_MEMORY, _SHARED_MEMORY, _CACHE_SPACE, _TEMPORARY_SPACE = 1 * GIB, 1 * GIB, 10 * GIB, 2 * GIB
_SENTENCE = "The mill turns slowly, and the river sings."
_SLOW_SPEECH = 5.0  # times real time: a sentence of the embedded voice on one free core of 2020 is several times that
_CLAIM_S = 0.5  # for another's claim to end
_UNLIMITED = 1 << 60  # what a cgroup without a limit says in its old form


@dataclass
class Finding:
    """What a look at one thing found.

    Attributes:
        facts: what there is.
        wrong: sentences: what does not work here, and what to do.
        slow: sentences: what works and could be better, and how.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON, for an issue or a program.")] = False,
) -> int:
    """Look at versions, processor, memory, Ray, stores and models, and speak a sentence.

    Exit code: 1 if something is wrong here; what is only slow does not count.
    """
    findings = {name: _look(check) for name, check in CHECKS.items()}
    if as_json:
        typer.echo(json.dumps({name: asdict(found) for name, found in findings.items()}, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(_report(findings)))
    return EXIT_FAILED_ROWS if any(found.wrong for found in findings.values()) else 0


def _look(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except SpeechmillError as error:
        return Finding(wrong=[str(error)])
    except Exception as error:  # noqa: BLE001 - whatever is broken here, the other checks are made
        return Finding(wrong=[f"{type(error).__name__}: {error}"])


def _report(findings: dict[str, Finding]) -> Iterator[str]:
    """Yield lines: facts first, then what to do, the worst last, where a terminal shows it."""
    for name, found in findings.items():
        yield f"{name}: {', '.join(_fact(key, value) for key, value in found.facts.items()) or 'nothing is known'}"
    for label in ("slow", "wrong"):
        for name, found in findings.items():
            yield from (f"{label} ({name}): {' '.join(sentence.split())}" for sentence in getattr(found, label))
    if not any(found.wrong for found in findings.values()):
        yield "nothing is wrong"


def _fact(name: str, value: Any) -> str:
    shown = (" ".join(map(str, value)) or "none") if isinstance(value, list) else "unset" if value is None else str(value)
    return f"{name if name.isupper() else name.replace('_', ' ')} {shown}"


def check_versions(requirements: list[str] | None = None) -> Finding:
    """Compare the packages of workers and jobs with what pyproject.toml asks for."""
    found = Finding({"python": platform.python_version()})
    listed = requirements or dependencies() or _installed_requirements()
    for name in ("speechmill", *(re.split(r"[\[><=]", line)[0] for line in listed)):
        installed = _installed(name)
        if installed or name != "onnxruntime":  # which another build may stand for
            found.facts[name] = installed
    for line in listed:
        name, minimum = re.split(r"[\[><=]", line)[0], line.partition(">=")[2]
        installed = _installed(name)
        if installed and minimum and _numbers(installed) < _numbers(minimum):
            found.wrong.append(f"{name} {installed} is older than {minimum}: pip install '{line}'")
    runtimes = [name for name in ("onnxruntime", "onnxruntime-gpu") if _installed(name)]
    if len(runtimes) > 1:
        found.wrong.append(
            f"{' and '.join(runtimes)} write to the same folder: pip uninstall both, then install the one that you need"
        )
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _installed_requirements() -> list[str]:
    """Return what an installed package asks for, of which there is no pyproject.toml."""
    return [line for line in metadata.requires("speechmill") or () if "extra" not in line]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def check_processor(processor: Processor | None = None) -> Finding:
    """Say which kernels ONNX Runtime has for this processor."""
    processor = processor or this_processor()
    found = Finding({"name": processor.name, "kernels": processor.kernels})
    if not processor.multiplies_bytes:
        found.slow.append(
            f"{processor.name} has no instructions for products of bytes (VNNI): int8 is 1.3 times as fast as fp32 here, with "
            "them up to twice (docs/processors.md)"
        )
    return found


def check_cores() -> Finding:
    """Claim a core as a worker does."""
    topology = read_topology()
    found = Finding({"cores": len(topology.cores), "logical_cpus": os.cpu_count()})
    found.facts[CORES_VARIABLE] = os.environ.get(CORES_VARIABLE)
    try:
        with claim_cores(1, timeout_s=_CLAIM_S) as claim:
            found.facts["pinned"] = bool(claim.cpus)
    except CoresUnavailableError as error:
        found.slow.append(str(error))
        return found
    if not topology.pinnable:
        found.slow.append(
            f"a CPU-time quota leaves {len(topology.cores)} of {os.cpu_count()} CPUs, and workers are not pinned: give the "
            "container whole CPUs (a cpuset) if you can"
        )
    elif not found.facts["pinned"]:
        found.slow.append(
            "in this container workers are not pinned to their cores: mount one folder of the machine (mode 1777) into all of "
            f"its containers and name it in {CORES_VARIABLE}"
        )
    return found


def check_memory(meminfo: Path = Path("/proc/meminfo"), shared: Path = Path("/dev/shm")) -> Finding:  # noqa: S108
    """Compare memory with the cores that will use it."""
    sizes = {name: int(size) << 10 for name, size in re.findall(r"^(\w+): +(\d+) kB$", meminfo.read_text(), re.MULTILINE)}
    limit = min((sizes["MemTotal"], *_cgroup_limits()))
    available = min(sizes["MemAvailable"], limit)
    found = Finding({"total_gib": round(limit / GIB, 1), "available_gib": round(available / GIB, 1)})
    cores = len(read_topology().cores)
    if available < cores * _CORE_MEMORY:
        found.slow.append(
            f"{available / GIB:.1f} GiB are free for {cores} cores: a worker takes what its bundle is large and some hundred "
            "MiB, so start fewer (--workers), or give each more cores (--cores-per-worker)"
        )
    if shared.is_dir():
        found.facts["shared_gib"] = round(shutil.disk_usage(shared).total / GIB, 1)
        if shutil.disk_usage(shared).total < _SHARED_MEMORY:
            found.slow.append(f"Ray keeps its objects on disk, for {shared} is small: start the container with --shm-size=2g")
    return found


def _cgroup_limits(root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        if (root / name).exists() and (text := (root / name).read_text().strip()) != "max" and int(text) < _UNLIMITED:
            yield int(text)


def check_gpu(devices: Path = Path("/dev")) -> Finding:
    """Compare the GPUs that there are with what ONNX Runtime was built for."""
    providers, gpus = ort.get_available_providers(), sorted(path.name for path in devices.glob("nvidia[0-9]*"))
    found = Finding({"gpus": gpus, "providers": providers})
    if gpus and "CUDAExecutionProvider" not in providers:
        found.slow.append("the GPU is not used: install onnxruntime-gpu in place of onnxruntime")
    return found


def check_ray() -> Finding:
    """Connect to the cluster that ``RAY_ADDRESS`` names, and compare every node's versions with ours."""
    address = os.environ.get("RAY_ADDRESS")
    found = Finding({"RAY_ADDRESS": address})
    if address is None:
        return found  # jobs start Ray on this machine
    from cluster.nodes import alive_nodes, ask
    from cluster.ray_pool import connected

    here = node_versions()
    with connected(address):
        answers = ask(alive_nodes(), node_versions)
    found.facts |= {"nodes": len(answers), "RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE")}
    for node, answer in answers.items():
        if isinstance(answer, Exception):
            found.wrong.append(f"node {node.name} cannot run our code: {answer}: submit with --runtime-env (docs/cluster.md)")
        elif answer != here:
            other = ", ".join(f"{name} {answer[name]} and not {here[name]}" for name in here if answer[name] != here[name])
            found.wrong.append(f"node {node.name} has {other}: install the same on all nodes (docs/cluster.md)")
    return found


def node_versions() -> dict[str, str | None]:
    """Return what must be the same on all nodes of a cluster."""
    return {"python": platform.python_version(), **{name: _installed(name) for name in ("ray", "onnxruntime", "numpy")}}


def check_stores() -> Finding:
    """List the registry, write to the cache and to the folder for temporary files."""
    root, cache = os.environ.get(REGISTRY_VARIABLE), os.environ.get(CACHE_VARIABLE)
    found = Finding({REGISTRY_VARIABLE: root, CACHE_VARIABLE: cache})
    try:
        if root is not None:
            found.facts["published"] = open_store(root).folders()
    except SpeechmillError as error:
        found.wrong.append(f"{REGISTRY_VARIABLE}: {error}")
    bundles = Path(cache or "~/.cache/speechmill/bundles").expanduser()
    _look_at_folder(found, "cache", bundles, _CACHE_SPACE, CACHE_VARIABLE)
    _look_at_folder(found, "temporary", Path(tempfile.gettempdir()), _TEMPORARY_SPACE, "TMPDIR")
    return found


def _look_at_folder(found: Finding, name: str, folder: Path, enough: int, variable: str) -> None:
    """Note whether a folder can be written to, and whether ``enough`` bytes are free there."""
    try:
        free = _writable_space(folder)
    except OSError as error:
        found.wrong.append(f"{folder} cannot be written to ({error.strerror}): name another folder in {variable}")
        return
    found.facts |= {f"{name}_folder": str(folder), f"{name}_free_gib": round(free / GIB, 1)}
    if free < enough:
        found.slow.append(f"{folder} has {free / GIB:.1f} GiB free: name a folder on a larger disk in {variable}")


def _writable_space(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0")
    return shutil.disk_usage(folder).free


def check_models() -> Finding:
    """Verify the bundles that ship with us, byte by byte."""
    return Finding({name: fetch(name).digest for name in (EMBEDDED, EMBEDDED_ASR)})


def check_speech() -> Finding:
    """Speak a sentence with the embedded voice on one core, and write and read it as FLAC."""
    with open_model(fetch(EMBEDDED), threads=1, slots=1) as engine:
        engine.generate([SynthesisRequest("warm-up", "Hi.")])
        started = time.perf_counter()
        (result,) = engine.generate([SynthesisRequest("doctor", _SENTENCE)])
        seconds = time.perf_counter() - started
    read, rate = decode(encode(result.audio, result.sample_rate, "flac"))
    duration = len(result.audio) / result.sample_rate
    found = Finding({"speech_s": round(duration, 2), "times_real_time": round(duration / seconds, 1)})
    if result.finish_reason != "eos" or not np.abs(result.audio).max() > 0.1:
        found.wrong.append(f"the embedded voice says no sentence here (it ended by {result.finish_reason}): please report it")
    if rate != result.sample_rate or not np.allclose(read[0], result.audio, atol=1e-3):
        found.wrong.append("FLAC is not read as it was written: pip install --force-reinstall soundfile av")
    if duration / seconds < _SLOW_SPEECH:
        found.slow.append("speech is slower than it should be on a free core: look what else runs here, and at CPU quotas")
    return found


CHECKS: dict[str, Callable[[], Finding]] = {
    "versions": check_versions,
    "processor": check_processor,
    "cores": check_cores,
    "memory": check_memory,
    "GPU": check_gpu,
    "Ray": check_ray,
    "stores": check_stores,
    "models": check_models,
    "speech": check_speech,
}


if __name__ == "__main__":
    run_app(app)
