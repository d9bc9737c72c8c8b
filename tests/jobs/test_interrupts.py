"""Jobs that are asked to stop while native code runs that does not listen."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.bundle import MANIFEST_NAME, hash_file, load_bundle
from cluster.registry import embedded_folder
from tests.endless import endless_graph

ROOT = Path(__file__).parents[2]
SENTENCE = "ended without waiting for what runs: run the same command again to go on"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python in the repository; what was started ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def end(process: "subprocess.Popen[str]", *signals: signal.Signals) -> tuple[int, str, float]:
    """Send signals, and return exit code, what was printed and the seconds that the end took."""
    started = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.2)
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err, time.monotonic() - started


def test_ctrl_c_among_imports_prints_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    for name in ("requirements.py", "__init__.py"):
        shutil.copy(ROOT / "jobs" / name, tmp_path / "jobs" / name)
    script = tmp_path / "jobs" / "slow.py"
    script.write_text('__import__("requirements")\nprint("here", flush=True)\nimport time\ntime.sleep(60)\n')
    process = start(script)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    assert end(process, signal.SIGINT)[:2] == (-signal.SIGINT, "")


def test_a_graph_that_never_returns_ends_with_the_first_ctrl_c(start: Start, tmp_path: Path) -> None:
    shutil.copytree(embedded_folder(), tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    (tmp_path / "bundle" / "lm.onnx").write_bytes(endless_graph(bundle.graph("lm")))
    files = {**bundle.manifest.files, "lm.onnx": hash_file(tmp_path / "bundle" / "lm.onnx")}
    (tmp_path / "bundle" / MANIFEST_NAME).write_bytes(bundle.manifest.model_copy(update={"files": files}).to_json())
    (tmp_path / "in.txt").write_text("The mill turns.\n")
    arguments = ("--input", tmp_path / "in.txt", "--output", tmp_path / "out", "--model", tmp_path / "bundle")
    process = start("jobs/synthesize_corpus.py", "--no-ray", *arguments)
    deadline = time.monotonic() + 60
    while not any((tmp_path / "out").glob("*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2.0)  # until the model is open and runs
    code, printed, took_s = end(process, signal.SIGINT)
    assert code == 130, printed
    assert "interrupted: run the same command again to go on" in printed
    assert "Traceback" not in printed
    assert took_s < 10
    (record,) = (tmp_path / "out").rglob("run.json")
    assert json.loads(record.read_bytes())["state"] == "stopped"


# A command whose threads are in native code that no signal reaches, in the main thread or beside it.
DEAF = """
import ctypes, sys, typer
from concurrent.futures import ThreadPoolExecutor
from jobs import interrupts
from jobs.console import run_app
interrupts._GRACE_S, interrupts._TERMINATION_S = 0.5, 1.0

def sleep():
    print("asleep", flush=True)
    while True:
        ctypes.CDLL(None).sleep(60)

def command():
    asleep = ThreadPoolExecutor().submit(sleep)
    if sys.argv[1] == "main":  # a lock that is taken twice waits on after a signal, and Python is never asked
        mutex = ctypes.create_string_buffer(64)
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
    asleep.result()

app = typer.Typer()
app.command()(command)
run_app(app, [])
"""


@pytest.mark.parametrize(
    ("place", "signals"), [("main", (signal.SIGINT, signal.SIGINT)), ("beside", (signal.SIGTERM,))], ids=["main", "beside"]
)
def test_native_code_that_does_not_listen_ends_soon(start: Start, place: str, signals: tuple[signal.Signals, ...]) -> None:
    process = start("-c", DEAF, place)
    assert process.stdout
    assert process.stdout.readline() == "asleep\n"
    time.sleep(0.3)
    code, printed, took_s = end(process, *signals)
    assert code == 130, printed
    assert SENTENCE in printed
    assert "Traceback" not in printed
    assert took_s < 10
