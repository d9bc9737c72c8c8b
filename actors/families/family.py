"""What a family declares of itself: all that the rest of the house knows of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from actors.audio.mono import FloatArray
from actors.bundle import Bundle, Manifest
from actors.runtime.session import Device

Task = Literal["text-to-speech", "automatic-speech-recognition"]


class OpenBundle(Protocol):
    """Opens a bundle of one family on a device."""

    def __call__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> Any:
        """Return the model that :class:`actors.batching.Engine` runs; its ``graphs`` are all that it has opened."""


class AddClone(Protocol):
    """Clones a voice into a new version of a bundle of one family."""

    def __call__(self, bundle: Bundle, name: str, audio: FloatArray, sample_rate: int, folder: Path) -> Bundle:
        """Write a copy of ``bundle`` that has one more voice, that of a recording, into ``folder``, which is new or empty.

        Args:
            bundle: of the family.
            name: of the voice.
            audio: the recording, float32 ``[samples]``.
            sample_rate: of the recording, in Hz.
            folder: where to.

        Raises:
            RequestError: no voice can be made of the recording.
            BundleError: the bundle is of a layout that makes no voices.
            UsageError: the bundle makes no voices or has such a voice, the name cannot name one, or the folder is not empty.
        """


def _english(manifest: Manifest, voice: str | None) -> str:  # noqa: ARG001 - a family's
    return "en"


@dataclass(frozen=True)
class Family:
    """A model family.

    Attributes:
        name: as in ``bundle.json`` and on command lines.
        task: what its models do, as the Hugging Face hub calls it.
        open: opens a bundle.
        parse_options: returns what a request sets, parsed over the bundle's defaults; raises :class:`RequestError` if an option
            is unknown or out of range.
        int8_gain: how many times as fast as fp32 int8 is, by
            :attr:`actors.runtime.processor.Processor.kernels`: the tables of docs/performance.md, at most slots. Empty: not
            measured.
        add_clone: clones a voice; ``None`` if its models cannot.
        language: returns the code of the language that a voice of a model speaks, even of an unknown one. Default: English.
    """

    name: str
    task: Task
    open: OpenBundle
    parse_options: Callable[[Manifest, Mapping[str, Any]], Any]
    int8_gain: Mapping[str, float] = field(default_factory=dict)
    add_clone: AddClone | None = None
    language: Callable[[Manifest, str | None], str] = _english
