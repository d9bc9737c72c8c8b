import ast
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from jobs import requirements

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "jobs").glob("*.py") if "run_app(" in path.read_text() and path.stem != "console")


def run(*arguments: object, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python without site-packages, but for what the environment gives it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SPEECHMILL_"))}
    command = [sys.executable, "-S", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=inherited | environment, capture_output=True, text=True, timeout=120)


def check_sentence(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith(f"error: {sys.executable} has no anyascii, av, huggingface-hub, jinja2, lxml, ")
    assert "ray job submit --runtime-env cluster/deploy/runtime_env.yaml" in ended.stderr
    assert "pip install -e ." in ended.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_python_without_our_dependencies_ends_in_a_sentence(script: Path, tmp_path: Path) -> None:
    check_sentence(run(script, "--help", folder=tmp_path))


def test_so_does_one_that_runs_a_module() -> None:
    check_sentence(run("-m", "jobs.synthesize_corpus", "--help"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_script_checks_before_it_imports(script: Path) -> None:
    _, first, *_ = ast.parse(script.read_text()).body
    assert "requirements" in ast.unparse(first)


@pytest.mark.ray
def test_a_clone_that_is_not_installed_finds_itself_and_so_do_its_workers(tmp_path: Path) -> None:
    script, output = ROOT / "jobs" / "synthesize_corpus.py", tmp_path / "out"
    speak = (script, "--workers", 1, "--limit", 1, "--input", ROOT / "jobs" / "demo_sentences.txt", "--output", output)
    packages = os.pathsep.join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    # Found by name, not by the .pth file of an installed clone.
    ended = run(*speak, folder=tmp_path, PYTHONPATH=packages, RAY_AUTH_MODE="disabled")
    assert ended.returncode == 0, ended.stderr
    assert "1 (1 ok, 0 rejected, 0 failed)" in ended.stdout


def test_what_pyproject_lists_is_here_under_the_name_that_is_looked_for() -> None:
    listed = requirements.dependencies()
    assert len(listed) > 10
    assert requirements.missing(listed) == []


def test_only_what_cannot_be_imported_is_missing() -> None:
    assert requirements.missing(["typer>=0.15", "no-such-thing[extra]>=3", "ray[default]>=2.60"]) == ["no-such-thing"]


def test_an_older_python_is_told_which_it_must_be(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 14))
    with pytest.raises(SystemExit) as caught:
        requirements.ensure()
    assert caught.value.code == 2
    assert "jobs need 3.11 or newer" in capsys.readouterr().err
