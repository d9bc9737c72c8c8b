"""Opens a bundle as an engine: the one place that knows which class runs which family."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from actors.batching import Engine
from actors.bundle import MANIFEST_NAME, Bundle, Manifest, load_bundle
from actors.errors import BundleError, RequestError, SpeechmillError, UsageError
from actors.families.pocket_tts import loop as pocket_tts
from actors.families.soprano import loop as soprano
from actors.families.vibevoice_asr import loop as vibevoice_asr
from actors.families.vibevoice_realtime import loop as vibevoice_realtime
from actors.runtime.processor import Processor
from actors.runtime.session import Device


class OpenFamily(Protocol):
    """Opens a bundle of one family on a device."""

    def __call__(self, bundle: Bundle, device: Device, threads: int, slots: int) -> Any:
        """Return the model that :class:`actors.batching.Engine` runs."""


class ParseOptions(Protocol):
    """Parses the options of a request to one family."""

    def __call__(self, manifest: Manifest, values: Mapping[str, Any]) -> Any:
        """Return the options; raise :class:`RequestError` if one is unknown or out of range."""


@dataclass(frozen=True)
class Family:
    """What a family's module offers to the rest.

    Attributes:
        open: opens a bundle.
        parse_options: parses what a request sets.
        int8_gain: how many times as fast as fp32 int8 is, by
            :attr:`actors.runtime.processor.Processor.kernels`: the README's tables, at most slots.
    """

    open: OpenFamily
    parse_options: ParseOptions
    int8_gain: Mapping[str, float]


FAMILIES = {
    "pocket-tts": Family(pocket_tts.PocketTTS, pocket_tts.parse_options, {"avx2": 1.27}),
    "soprano": Family(soprano.Soprano, soprano.parse_options, {"avx2": 1.25}),
    "vibevoice-asr": Family(vibevoice_asr.VibeVoiceASR, vibevoice_asr.parse_options, {"avx2": 1.38}),
    "vibevoice-realtime": Family(vibevoice_realtime.VibeVoiceRealtime, vibevoice_realtime.parse_options, {"avx2": 1.31}),
}

TRANSCRIBERS = ("vibevoice-asr",)

DEFAULT_SLOTS = 32


def open_model(
    model: Bundle | Path | str, *, device: str = "cpu", threads: int | None = None, slots: int = DEFAULT_SLOTS
) -> Engine[Any, Any, Any]:
    """Open a bundle on this machine.

    Args:
        model: a loaded bundle, its folder, or a model reference (design section 4), which is fetched and verified.
        device: ``cpu``, ``cuda``, ``cuda:<ordinal>`` or ``openvino``.
        threads: CPU threads of the model; default: the cores this process may use.
        slots: how many utterances decode together.

    Raises:
        BundleError: the bundle breaks its contract, or cannot be opened as a model of its family.
        BundleNotFoundError: the reference names nothing.
        UsageError: unknown device, no such family here, or sizes below 1.
    """
    threads = threads if threads is not None else len(os.sched_getaffinity(0))
    if slots < 1 or threads < 1:
        raise UsageError(f"slots and threads must be at least 1, not {slots} and {threads}")
    bundle = model if isinstance(model, Bundle) else _find(model)
    opened = _open_family(bundle, Device.parse(device), threads, slots)
    return Engine(opened, interrupt=opened.graphs.terminate)


def _open_family(bundle: Bundle, device: Device, threads: int, slots: int) -> Any:
    family = _family(bundle.manifest)
    try:
        return family.open(bundle, device, threads, slots)
    except (SpeechmillError, MemoryError):
        raise
    except Exception as error:
        if device.kind != "cpu":  # it may be the device's fault
            raise
        raise BundleError(
            f"{bundle.folder} cannot be opened as a {bundle.manifest.family} model: {type(error).__name__}: {error}. "
            "Export it again."
        ) from error


def check_choices(manifest: Manifest, voice: str | None, options: Mapping[str, Any]) -> None:
    """Check what a whole job wants of a model before it starts.

    Raises:
        UsageError: the model has no (such) voice, or an option is unknown or out of range.
    """
    if manifest.family in TRANSCRIBERS:
        raise UsageError(f"{manifest.name} is a {manifest.family} model, which does not speak")
    if not manifest.voices:
        raise UsageError(f"{manifest.name} has no voice: add one with 'python jobs/export_models.py voice'")
    if voice is not None and voice not in manifest.voices:
        raise UsageError(f"{manifest.name} has no voice {voice!r}: it has {', '.join(manifest.voices)}")
    try:
        _family(manifest).parse_options(manifest, options)
    except RequestError as error:
        raise UsageError(str(error)) from error


def check_transcriber(manifest: Manifest, options: Mapping[str, Any]) -> None:
    """Check what a whole transcription job wants of a model before it starts.

    Raises:
        UsageError: the model speaks and does not listen, or an option is unknown or out of range.
    """
    if manifest.family not in TRANSCRIBERS:
        raise UsageError(f"{manifest.name} is a {manifest.family} model, which does not transcribe: use a vibevoice-asr one")
    try:
        _family(manifest).parse_options(manifest, options)
    except RequestError as error:
        raise UsageError(str(error)) from error


def int8_note(manifest: Manifest, processor: Processor) -> str | None:
    """Return what there is to say of an int8 bundle on a processor that has no instructions for it; ``None`` if nothing."""
    gain = _family(manifest).int8_gain.get(processor.kernels)
    if manifest.precision != "int8" or processor.multiplies_bytes or gain is None:
        return None
    where = f"this processor has no VNNI ({processor.name}, {processor.kernels})"
    if gain < 1:
        return f"{where}: fp32 is {1 / gain:.2g} times as fast as int8, export the model in fp32"
    return f"{where}: int8 is {gain:.2g} times as fast as fp32 here, and more than that where there is VNNI"


def _family(manifest: Manifest) -> Family:
    if manifest.family not in FAMILIES:
        raise UsageError(f"{manifest.name} is a {manifest.family} model, which this version cannot run")
    return FAMILIES[manifest.family]


def _find(reference: Path | str) -> Bundle:
    # A folder alone is none: in a checkout of ours there is one that is called "embedded", as the model is.
    if isinstance(reference, Path) or (Path(reference) / MANIFEST_NAME).is_file():
        return load_bundle(reference)
    # The one arrow from here to cluster/, taken at call time: only a reference that is not a bundle needs the registry.
    from cluster.registry import fetch

    return fetch(str(reference))
