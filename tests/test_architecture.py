"""Which folder may import what (design section 2), in the sources and in running processes."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"actors", "books", "cluster", "embedded", "exporter", "jobs", "reports", "training"}

# Dependencies point one way.
MAY_IMPORT = {
    "actors": {"actors"},
    "books": {"actors", "books", "cluster"},
    "cluster": {"actors", "cluster", "embedded"},
    "embedded": set(),
    "exporter": {"actors", "exporter"},
    "jobs": OURS,
    "reports": {"actors", "books", "cluster", "reports"},
    "training": {"actors", "exporter", "training"},
}
# The one arrow against it, taken when a model reference is no bundle's folder.
EXCEPTIONS = {("actors/models.py", "cluster.registry"), ("actors/models.py", "cluster.registry.fetch")}

# What the rooms of a folder may use of one another. Families, and their exporters, know none.
ROOMS: dict[str, set[str]] = {
    "actors.audio": {"actors.runtime"},
    "actors.families": {"actors.audio", "actors.runtime"},
    "actors.runtime": set(),
    "actors.text": set(),
    "books.alignment": {"books.binding"},
    "books.binding": set(),
    "books.direction": set(),
    "books.reading": set(),
    "cluster.dataset": {"cluster.storage"},
    "cluster.output": {"cluster.dataset", "cluster.storage"},
    "cluster.ray_pool": set(),
    "cluster.registry": {"cluster.storage"},
    "cluster.storage": set(),
    "exporter.pocket_tts": set(),
    "exporter.soprano": set(),
    "exporter.vibevoice_asr": set(),
    "exporter.vibevoice_realtime": set(),
    "exporter.whisper": set(),
    "training.ear": {"training.voice"},
    "training.voice": set(),
}
LONGEST_MODULE = 450  # lines
MEDIAN_FUNCTION = 7

HEAVY = {"torch", "ray", "onnx", "onnxscript", "transformers", "typer", "lxml", "matplotlib", "jinja2"}


def imports(path: Path) -> Iterator[str]:
    """Yield the absolute names of all modules that a source file imports, in functions too, but not for type checks."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import in line {child.lineno}"
                assert child.module
                yield child.module
                yield from (f"{child.module}.{alias.name}" for alias in child.names)
            elif isinstance(child, ast.Call) and ast.unparse(child.func) in ("importlib.import_module", "__import__"):
                names = [node.value for node in ast.walk(child.args[0]) if isinstance(node, ast.Constant)]
                assert names, f"{path}: line {child.lineno} imports what it does not name"
                yield from (name for name in names if isinstance(name, str))
            elif isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                yield from walk(ast.Module(child.orelse, []))
                continue
            yield from walk(child)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")))


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def imported_by(folder: str) -> set[tuple[str, str]]:
    """Return pairs of a file of ``folder`` and a module that it imports."""
    return {(path.relative_to(ROOT).as_posix(), name) for path in sources(folder) for name in imports(path)}


def package(name: str) -> str:
    return name.partition(".")[0]


def modules_of(folder: str) -> list[str]:
    paths = (path.relative_to(ROOT).with_suffix("") for path in sources(folder))
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


def loaded_after(*statements: str) -> set[str]:
    """Return the names of the packages in memory after a new process ran ``statements``."""
    script = "\n".join([*statements, "import sys", "print(*{name.partition('.')[0] for name in sys.modules})"])
    command = [sys.executable, "-c", script]
    return set(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout.split())


def test_the_scan_sees_every_form_of_import(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        "import a.b as c\n"
        "from d import e\n"
        "if TYPE_CHECKING:\n    import hidden\nelse:\n    import f\n"
        "def function():\n    try:\n        import g\n    finally:\n        importlib.import_module('h.i')\n"
        "class Class:\n    if True:\n        from j.k import l\n"
    )
    assert list(imports(tmp_path / "module.py")) == ["a.b", "d", "d.e", "f", "g", "h.i", "j.k", "j.k.l"]


@pytest.mark.parametrize("folder", sorted(OURS))
def test_dependencies_point_one_way(folder: str) -> None:
    against = {
        (path, name) for path, name in imported_by(folder) if package(name) in OURS and package(name) not in MAY_IMPORT[folder]
    }
    assert against == (EXCEPTIONS if folder == "actors" else set())


def test_no_family_knows_another() -> None:
    """What two of them need lies above them, in actors/."""
    rooms = {path.parent.name for path in sources("actors/families")} - {"families"}
    assert len(rooms) >= 4
    for room in rooms:
        imported = {name for _, name in imported_by(f"actors/families/{room}") if name.startswith("actors.families.")}
        assert {name.split(".")[2] for name in imported} & rooms <= {room}


@pytest.mark.parametrize(("library", "homes"), [("ray", {"cluster"}), ("torch", {"exporter", "training"})])
def test_one_folder_knows_the_library(library: str, homes: set[str]) -> None:
    users = {folder: {path for path, name in imported_by(folder) if package(name) == library} for folder in OURS}
    assert all(users.pop(home) for home in homes)
    assert not any(users.values()), users


def test_one_module_of_the_workers_knows_the_runtime() -> None:
    assert {path for path, name in imported_by("actors") if package(name) == "onnxruntime"} == {"actors/runtime/session.py"}


def test_actors_load_neither_torch_nor_ray() -> None:
    loaded = loaded_after(*(f"import {module}" for module in modules_of("actors")))
    assert "onnxruntime" in loaded
    assert not loaded & (HEAVY | OURS - {"actors"})


def test_a_worker_that_fetches_and_runs_a_model_loads_neither_torch_nor_ray() -> None:
    """What happens in a job without Ray, with the embedded voice: the whole way from a reference to audio."""
    loaded = loaded_after(
        "from actors import SynthesisRequest, open_model",
        "with open_model('embedded', threads=1, slots=1) as engine:",
        "    result, = engine.generate([SynthesisRequest('a', text='Hi.', options={'max_new_tokens': 3})])",
        "assert result.frames",
    )
    assert {"onnxruntime", "cluster"} <= loaded
    assert not loaded & (HEAVY | {"exporter", "jobs"})


def test_the_cluster_without_its_ray_pool_loads_no_ray() -> None:
    """A job's own process and ``--no-ray`` runs go without it: only what is imported on demand may bring it."""
    loaded = loaded_after(*(f"import {module}" for module in ("cluster.registry", "cluster.runner", "cluster.output")))
    assert not loaded & {"torch", "ray"}


def rooms_used(room: str) -> set[str]:
    """Return the other rooms of its folder from which a room imports."""
    names = {".".join(name.split(".")[:2]) for _, name in imported_by(room.replace(".", "/")) if package(name) == package(room)}
    return names & ROOMS.keys() - {room}


def test_every_package_in_a_folder_is_a_room() -> None:
    packages = {path.parent.relative_to(ROOT) for folder in OURS for path in (ROOT / folder).glob("*/__init__.py")}
    assert {".".join(package.parts) for package in packages} == ROOMS.keys()


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_a_folder_use_those_below_them(room: str) -> None:
    assert rooms_used(room) <= ROOMS[room]


def paths_named(path: Path) -> Iterator[str]:
    """Yield the folders of ours that are named by strings other than docstrings: as a name or a path."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            first, slash, _ = node.value.partition("/")
            if first in OURS and (slash or node.value == first):
                yield first


@pytest.mark.parametrize("folder", sorted(OURS - {"jobs"}))
def test_no_arrow_goes_by_a_path(folder: str) -> None:
    """A folder that is found by its name is used as much as one that is imported."""
    against = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in sources(folder)
        for name in paths_named(path)
        if name not in MAY_IMPORT[folder]
    }
    assert against == ({("embedded/__init__.py", "embedded")} if folder == "embedded" else set())  # there it names a model


def test_modules_and_functions_are_short() -> None:
    paths = [path for folder in (*(OURS - {"training"}), "benchmarks") for path in sources(folder)]
    assert {path.relative_to(ROOT).as_posix() for path in paths if len(path.read_text().splitlines()) > LONGEST_MODULE} == set()
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert statistics.median((node.end_lineno or node.lineno) - node.lineno + 1 for node in functions) <= MEDIAN_FUNCTION
