"""Writes the tables of options into the pages: what stands between ``<!-- options JOB -->`` and ``<!-- /options -->``.

``make docs`` runs it, ``--check`` fails if a page has other tables. JOB is a module of ``jobs`` and, where that has several
commands, one of them.
"""

import inspect
import re
import sys
import typing
from collections.abc import Iterator, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from typer.main import get_command

DOCS = Path(__file__).parent
_MARKED = re.compile(r"<!-- options (\w+) ?([\w-]*) -->\n(.*?)<!-- /options -->", re.DOTALL)


def filled(page: str) -> str:
    """Return a page with its tables of options replaced."""

    def section(found: re.Match[str]) -> str:
        module, command = found[1], found[2]
        return f"<!-- options {' '.join(filter(None, (module, command)))} -->\n{table(module, command)}<!-- /options -->"

    return _MARKED.sub(section, page)


def table(module: str, name: str = "") -> str:
    """Return the table of a job's options and arguments, by the command itself."""
    command: Any = get_command(import_module(f"jobs.{module}").app)
    command = command.commands[name] if name else command
    declared = inspect.signature(command.callback).parameters
    rows = [row(parameter, declared[parameter.name].annotation) for parameter in command.params if parameter.name in declared]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (("Option", "Default", ""), ("---", "---", "---"), *rows))


def row(parameter: Any, kind: Any) -> tuple[str, str, str]:
    """Return the cells of one option: its names, its default, what it does."""
    is_argument = parameter.param_type_name == "argument"
    names = [parameter.name.upper()] if is_argument else [*parameter.opts, *parameter.secondary_opts]
    said = parameter.help or ""
    if choices := [choice.value for enum in enums(kind) for choice in enum]:
        said += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    if parameter.envvar:
        said += f" Else `{parameter.envvar}`."
    return ", ".join(f"`{name}`" for name in names), default(parameter), said.replace("|", "\\|").replace("<", "\\<").strip()


def default(parameter: Any) -> str:
    """Return what holds without the option; nothing where its help says what that is."""
    value = parameter.default
    if parameter.required:
        return "required"
    if isinstance(value, bool):
        return f"`{parameter.opts[0]}`" if value else ""
    if value is None or isinstance(value, Path):  # paths in the repository
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


def enums(kind: Any) -> Iterator[type[Enum]]:
    """Yield the enumerations in a type, as in ``list[Format] | None``."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        yield kind
    for part in typing.get_args(kind):
        yield from enums(part)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the tables, or compare them."""
    check = "--check" in (sys.argv[1:] if arguments is None else arguments)
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text()
        if check and page != filled(page):
            sys.exit(f"{path.name} has not the options that the jobs have: run make docs")
        if not check:
            path.write_text(filled(page))


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))
    main()
