"""What is asked of a bundle's model whatever its family: open it, check a job's choices, clone a voice."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.audio.mono import FloatArray
from actors.batching import Engine
from actors.bundle import MANIFEST_NAME, Bundle, Manifest, load_bundle
from actors.errors import BundleError, RequestError, SpeechmillError, UsageError
from actors.families import FAMILIES, Family, find_family, known_families
from actors.runtime.choice import settle
from actors.runtime.processor import Processor
from actors.runtime.session import Device

DEFAULT_SLOTS = 32


def open_model(
    model: Bundle | Path | str, *, device: str = "cpu", threads: int | None = None, slots: int = DEFAULT_SLOTS
) -> Engine[Any, Any, Any]:
    """Open a bundle on this machine.

    Args:
        model: a loaded bundle, its folder, or a model reference (design section 4), which is fetched and verified.
        device: ``cpu``, ``cuda``, ``cuda:<ordinal>``, ``openvino``, or ``auto``: on the CPU, for each graph what is faster.
        threads: CPU threads of the model; default: the cores this process may use.
        slots: how many utterances decode together.

    Raises:
        BundleError: the bundle breaks its contract, cannot be opened as a model of its family, or this version does not know
            that family.
        BundleNotFoundError: the reference names nothing.
        UsageError: unknown device, or sizes below 1.
    """
    threads = threads if threads is not None else len(os.sched_getaffinity(0))
    if slots < 1 or threads < 1:
        raise UsageError(f"slots and threads must be at least 1, not {slots} and {threads}")
    bundle = model if isinstance(model, Bundle) else _find(model)
    if bundle.manifest.layout != "server":
        raise BundleError(f"{bundle.folder} has layout {bundle.manifest.layout!r}: the engine runs 'server' bundles")
    opened = _open_family(bundle, Device.parse(settle(bundle, device, threads, slots)), threads, slots)
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
        BundleError: this version does not know the model's family.
        UsageError: the model has no (such) voice, or an option is unknown or out of range.
    """
    family = _family(manifest)
    if family.task != "text-to-speech":
        raise UsageError(f"{manifest.name} is a {family.name} model, which does not speak")
    if not manifest.voices:
        how = "add one with 'python jobs/export_models.py voice'" if family.add_clone else "export it again, with --voices"
        raise UsageError(f"{manifest.name} has no voice: {how}")
    if voice is not None and voice not in manifest.voices:
        raise UsageError(f"{manifest.name} has no voice {voice!r}: it has {', '.join(manifest.voices)}")
    _check_options(family, manifest, options)


def spoken_language(manifest: Manifest, voice: str | None) -> str:
    """Return the code of the language that a voice of a model speaks; ``None`` is a voice of which nothing is known.

    Raises:
        BundleError: this version does not know the model's family, or the settings are not the family's.
    """
    return _family(manifest).language(manifest, voice)


def check_transcriber(manifest: Manifest, options: Mapping[str, Any]) -> None:
    """Check what a whole transcription job wants of a model before it starts.

    Raises:
        BundleError: this version does not know the model's family.
        UsageError: the model speaks and does not listen, or an option is unknown or out of range.
    """
    family = _family(manifest)
    if family.task != "automatic-speech-recognition":
        others = " or ".join(other.name for other in FAMILIES.values() if other.task == "automatic-speech-recognition")
        raise UsageError(f"{manifest.name} is a {family.name} model, which does not transcribe: use a {others} one")
    _check_options(family, manifest, options)


def _check_options(family: Family, manifest: Manifest, options: Mapping[str, Any]) -> None:
    try:
        family.parse_options(manifest, options)
    except RequestError as error:
        raise UsageError(str(error)) from error


def clone_voice(bundle: Bundle, name: str, audio: FloatArray, sample_rate: int, folder: Path) -> Bundle:
    """Write a copy of a bundle that has one more voice, that of a recording; see :class:`actors.families.family.AddClone`.

    Raises:
        BundleError: this version does not know the bundle's family, or its layout makes no voices.
        RequestError: no voice can be made of the recording.
        UsageError: the model clones no voices, or has such a voice; the name cannot name one; or the folder is not empty.
    """
    family = _family(bundle.manifest)
    if family.add_clone is None:
        others = " and ".join(other.name for other in FAMILIES.values() if other.add_clone)
        raise UsageError(f"{bundle.manifest.name} is a {family.name} model: only {others} clones voices")
    return family.add_clone(bundle, name, audio, sample_rate, folder)


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
    family = find_family(manifest.family)
    if family is None:
        raise BundleError(
            f"{manifest.name} is a model of the family {manifest.family!r}, which this version of Speechmill does not know "
            f"(it runs {', '.join(known_families())}): use a newer version of Speechmill, or install the package that brings it"
        )
    return family


def _find(reference: Path | str) -> Bundle:
    # A bare name is a model's, though a folder may be called so: in a checkout of ours one is called "embedded".
    folder = Path(reference)
    if isinstance(reference, Path) or (folder / MANIFEST_NAME).is_file() or ("/" in reference and folder.is_dir()):
        return load_bundle(folder)
    # The one arrow from here to cluster/, taken at call time: only a reference that is not a bundle needs the registry.
    from cluster.registry import fetch

    return fetch(str(reference))
