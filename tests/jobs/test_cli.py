import subprocess
import sys
from pathlib import Path

import pytest

from jobs.cli import JOBS, main

ROOT = Path(__file__).parents[2]
SCRIPTS = {path.stem for path in (ROOT / "jobs").glob("*.py") if "run_app(" in path.read_text()}
NOT_A_SUBCOMMAND = {"cli", "console", "train_embedded"}  # training has targets of the Makefile


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from jobs.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_every_job_is_a_subcommand() -> None:
    assert {job.module for job in JOBS.values()} == SCRIPTS - NOT_A_SUBCOMMAND


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_lists_the_jobs_and_imports_none(arguments: tuple[str, ...]) -> None:
    script = "import sys; from jobs.cli import main; main(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    text, modules = done.stdout.rsplit("\n", 2)[:2]
    assert all(f"  {name} " in text for name in JOBS)
    assert not {"torch", "ray", "typer", "onnxruntime"} & set(modules.split())


@pytest.mark.parametrize("name", JOBS)
def test_a_jobs_help_is_its_own_under_the_commands_name(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"speechmill {name}" in done.stdout


def test_a_job_gets_its_arguments_and_its_exit_code_counts(tmp_path: Path) -> None:
    speech = ("--limit", "1", "--no-ray", "--output", str(tmp_path / "out"))
    done = run("synthesize", "--input", str(ROOT / "jobs" / "demo_sentences.txt"), *speech)
    assert done.returncode == 0, done.stderr
    assert "1 (1 ok, 0 rejected, 0 failed)" in done.stdout
    assert run("extract-audio", str(tmp_path / "out"), "--to", str(tmp_path / "listen")).returncode == 0
    assert len(list((tmp_path / "listen").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("synthesise",), "no such job: synthesise: did you mean synthesize?"),
        (("--input", "x"), "no such job: --input: there are synthesize, transcribe, "),
        (("synthesize", "--nonsense"), "No such option: --nonsense"),
        (("registry", "list"), "no registry is given"),
    ],
)
def test_wrong_usage_is_one_line_and_2(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out.startswith("speechmill ")
