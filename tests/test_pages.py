"""What pages say of each other and of the sources is true: links, sections that are cited, messages that are explained."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "embedded").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
SOURCES = [path for folder in ("actors", "cluster", "exporter", "jobs") for path in (ROOT / folder).rglob("*.py")]
FOLDERS = ("actors", "benchmarks", "cluster", "docs", "embedded", "exporter", "jobs", "tests", "training")
_SHORTEST = 8  # shorter pieces of a message say nothing


def without_code(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)


def anchors(page: str) -> set[str]:
    """Return the names that GitHub gives to a page's titles."""
    titles = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "NOTICE"], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_exist(page: Path) -> None:
    text = without_code(page.read_text())
    paths = re.findall(rf"(?<![\w/.-])((?:{'|'.join(FOLDERS)})/[\w/.-]*\w)", text)
    scripts = re.findall(r"`(\w+\.py)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [name for name in scripts if not any(any((ROOT / folder).rglob(name)) for folder in FOLDERS)] == []


def test_the_map_has_every_page() -> None:
    page = (DOCS / "index.md").read_text()
    assert [path.name for path in DOCS.glob("*.md") if path.name != "index.md" and f"({path.name})" not in page] == []


def test_sections_that_sources_cite_exist() -> None:
    sections = set(re.findall(r"^## (\d+)\.", (DOCS / "architecture.md").read_text(), re.MULTILINE))
    cited = {path: re.findall(r"design\s+section (\d+)", path.read_text()) for path in SOURCES}
    assert any(cited.values())
    assert {path: numbers for path, numbers in cited.items() if set(numbers) - sections} == {}


def test_the_design_names_every_folder() -> None:
    page = (DOCS / "architecture.md").read_text()
    folders = {path.parent for path in SOURCES if path.name == "__init__.py"}
    families = {path.parent.name for path in (ROOT / "actors" / "families").glob("*/__init__.py")}  # not by name
    named = {folder.relative_to(ROOT).as_posix() for folder in folders if folder.name not in families}
    assert [name for name in sorted(named) if f"`{name}/`" not in page] == []


def messages() -> Iterator[str]:
    """Yield what the troubleshooting page quotes, in the pieces between what differs."""
    for row in re.findall(r"^\| (.+?) \| ", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE):
        for quoted in re.findall(r"`([^`]{16,})`", row):
            yield from (piece.strip(" .:,") for piece in quoted.split("…") if len(piece.strip(" .:,")) >= _SHORTEST)


def texts() -> str:
    """Return all texts in the sources, each as the process has it."""
    trees = (ast.parse(path.read_text()) for path in SOURCES)
    return "\n".join(
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_messages_that_are_explained_are_ours() -> None:
    quoted, ours = [*messages()], texts()
    assert len(quoted) > 40
    assert [piece for piece in quoted if piece not in ours] == []


def test_continuous_integration_is_one_script_from_the_oldest_python_on() -> None:
    (job,) = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"].values()
    assert job["steps"][-1] == {"run": ".ci/run"}
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f">={job['strategy']['matrix']['python'][0]}" == oldest


def test_who_reports_a_bug_is_asked_for_what_explains_it() -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text())
    labels = [part["attributes"].get("label") for part in form["body"]]
    assert {"speechmill doctor --json", "run.json"} <= set(labels)
