"""What other packages bring: objects that are found by the entry points of the installed packages.

A package declares them in its ``pyproject.toml``::

    [project.entry-points."speechmill.families"]
    my-family = "my_package:FAMILY"
"""

from importlib.metadata import entry_points
from typing import TypeVar

from actors.errors import UsageError

T = TypeVar("T")


def installed_names(group: str) -> set[str]:
    """Return the names of a group's entry points. Nothing is imported."""
    return set(entry_points(group=group).names)


def load_installed(group: str, name: str, kind: type[T]) -> T | None:
    """Return the object that an entry point names; ``None`` if no installed package has it.

    Raises:
        UsageError: it cannot be imported, or is no ``kind``.
    """
    point = next(iter(entry_points(group=group, name=name)), None)
    if point is None:
        return None
    try:
        loaded = point.load()
    except Exception as error:  # a stranger's module may raise anything
        raise UsageError(
            f"{name} is installed ({point.value}, {group}), but cannot be imported: {type(error).__name__}: {error}. Repair or "
            "uninstall that package."
        ) from error
    if not isinstance(loaded, kind):
        raise UsageError(f"{point.value}, which is installed as {name} of {group}, is no {kind.__name__}: repair that package")
    return loaded
