"""The model families: the one table of those that this version knows. Each is declared in its own room, as ``FAMILY``.

A family of another package joins by :func:`register`, for this process; or, for the workers of a cluster too, by being
installed on every node with an entry point of its name in the group ``speechmill.families`` (:mod:`actors.families.installed`).
"""

from actors.errors import UsageError
from actors.families import pocket_tts, soprano, vibevoice_asr, vibevoice_realtime, whisper
from actors.families.family import Family
from actors.families.installed import installed_names, load_installed

__all__ = ["FAMILIES", "Family", "find_family", "known_families", "register"]

_GROUP = "speechmill.families"

FAMILIES: dict[str, Family] = {
    module.FAMILY.name: module.FAMILY for module in (pocket_tts, soprano, vibevoice_asr, vibevoice_realtime, whisper)
}


def register(family: Family) -> None:
    """Add a family to those that this process knows.

    Raises:
        UsageError: there is another one of this name.
    """
    if FAMILIES.setdefault(family.name, family) is not family:
        raise UsageError(f"there is a family {family.name!r} already: choose another name")


def find_family(name: str) -> Family | None:
    """Return a family; ``None`` if this version does not have it and no installed package brings it.

    Raises:
        UsageError: an installed package that should bring it cannot be imported.
    """
    if name not in FAMILIES and (family := load_installed(_GROUP, name, Family)):
        FAMILIES[name] = family
    return FAMILIES.get(name)


def known_families() -> list[str]:
    """Return the names of all families, those that installed packages bring among them."""
    return sorted(FAMILIES.keys() | installed_names(_GROUP))
