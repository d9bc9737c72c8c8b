"""Which settings decide the result of a job: all of them, but for those that are marked."""

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# The metadata of a dataclass' field without which the rows of a job are the same.
NOT_DECIDING = {"decides": False}
# That of a field which is told only where it is not its default: outputs that are older than the field can go on.
TOLD_IF_SET = {"told": "if set"}


def deciding_arguments(settings: "DataclassInstance", *, with_defaults: bool = True) -> dict[str, Any]:
    """Return what of a dataclass decides the result: what a job must have in common with the one that it resumes.

    Args:
        settings: every field counts that is not marked with :data:`NOT_DECIDING`, so that none can be forgotten. Of a field
            that is a dataclass itself, whose defaults do nothing, only what is not its default; and so of one that is marked
            with :data:`TOLD_IF_SET`.
        with_defaults: whether fields of ``settings`` count that have their defaults.
    """
    found: dict[str, Any] = {}
    for field in fields(settings):
        value = vars(settings)[field.name]
        told_always = with_defaults and "told" not in field.metadata
        if not field.metadata.get("decides", True) or not (told_always or value != field.default):
            continue
        is_nested = is_dataclass(value) and not isinstance(value, type)
        told = deciding_arguments(value, with_defaults=False) if is_nested else value
        if told or not is_nested:
            found[field.name] = told
    return found
