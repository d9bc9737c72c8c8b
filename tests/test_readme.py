"""Every command and every line of Python in the README and in docs/ runs as it is printed.

Those that need a network at least name real options.
"""

import ast
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKE = {"make demo", "make test"}  # tests/test_makefile.py


def _blocks(page: Path, kind: str) -> str:
    return "\n".join(re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE))


def _commands(page: Path, kind: str) -> list[str]:
    lines = _blocks(page, kind).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#.*$", "", line).strip() for line in lines if line.strip()]


@pytest.mark.ray
@pytest.mark.parametrize("page", [pytest.param(page, marks=pytest.mark.xdist_group(page.name), id=page.name) for page in PAGES])
def test_commands_run_as_printed(page: Path, tmp_path: Path, embedded_environment: dict[str, str]) -> None:
    for name in ("jobs", "exporter", "actors", "books", "cluster", "embedded", "reports", "training"):
        (tmp_path / name).symlink_to(ROOT / name)
    for command in _commands(page, "sh"):
        if command in MAKE or command.startswith(". .venv"):
            continue
        program, arguments = command.split(maxsplit=1)
        assert program == "python", command
        done = subprocess.run(  # noqa: S602 - commands read and write files with < and >
            f"{shlex.quote(sys.executable)} {arguments}",
            shell=True,
            cwd=tmp_path,
            env=embedded_environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    if code := _blocks(page, "python"):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=embedded_environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_that_needs_a_network_imports_what_exists(page: Path) -> None:
    for node in ast.walk(ast.parse(_blocks(page, "python no-run"))):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_need_a_network_name_options_that_exist(page: Path) -> None:
    for command in _commands(page, "sh no-run"):
        words = shlex.split(command)
        script = next(word for word in words if word.startswith("jobs/"))
        first, *rest = words[words.index(script) + 1 :]
        options = [word for word in (first, *rest) if word.startswith("--")]
        # `export_models.py --family …` is `export_models.py export --family …`.
        name = [] if first.startswith("--") and "export_models" not in script else [first.replace("--family", "export")]
        help_text = subprocess.run(
            [sys.executable, str(ROOT / script), *name, "--help"],
            capture_output=True,
            text=True,
            env={"COLUMNS": "300"},
            check=True,
        ).stdout
        missing = [option for option in options if option not in help_text]
        assert options, command
        assert not missing, f"{command}: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_need_a_cloud_name_files_and_options_that_exist(page: Path) -> None:
    for command in _commands(page, "sh cloud"):
        words = shlex.split(command)
        files = [word.removeprefix("/app/") for word in words if re.fullmatch(r"[\w./]+\.(py|yaml|worker)", word)]
        assert [file for file in files if not (ROOT / file).exists()] == [], command
        if "ray" not in words:
            continue
        ray = words[words.index("ray") :]
        options = [word for word in (ray[: ray.index("--")] if "--" in ray else ray) if word.startswith("--")]
        name = [word for word in ray[1:3] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        shown = subprocess.run(
            [sys.executable, "-m", "ray.scripts.scripts", *name, "--help"], capture_output=True, text=True, check=True
        )
        assert [option for option in options if option not in shown.stdout] == [], command
