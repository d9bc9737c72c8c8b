"""How a bundle sounds beside its original: whole utterances through the engine and through PyTorch, sample by sample.

Both say the same tokens, those that the bundle chooses: audio that drifts apart in time cannot be compared. Whether PyTorch
would choose them too is what the checks of the graphs measure.

Sources: PESQ is ITU-T P.862.2 (wide band, 16 kHz; the package ``pesq``), STOI is Taal et al. 2010 (the package ``pystoi``).
"""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np

from actors.audio.codec import resample
from actors.bundle import Bundle, CheckResult, Layout, Manifest, digest_of
from actors.errors import ExportError, UsageError
from actors.models import open_model
from actors.requests import SynthesisRequest, SynthesisResult
from exporter.verify import Tolerance, relative_difference, snr_db

logger = logging.getLogger(__name__)

Quality = Literal["off", "measure", "require"]

# The embedded voice reaches 4.6 and 0.999 in int8; 4.64 is the best that there is.
PESQ_FLOOR = 4.0
STOI_FLOOR = 0.95
_RATE = 16_000  # of PESQ's wide band
# P.862 is made for 8 to 20 s, and the package overwrites its stack with more than 50 utterances (ludlows/PESQ issue 18).
_LONGEST_S = 20
_PACKAGES = {"pesq": "PESQ", "pystoi": "STOI"}  # who measures what


@dataclass(frozen=True)
class Utterance:
    """What a bundle is asked to say, and how PyTorch says it after the bundle.

    Attributes:
        request: for the engine.
        follow: returns PyTorch's audio ``[samples]`` of the choices in the trace of the bundle's result.
    """

    request: SynthesisRequest
    follow: Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Pair:
    """An utterance of the original and of the bundle: float32 ``[samples]`` each, as many, at ``rate`` Hz."""

    original: np.ndarray
    exported: np.ndarray
    rate: int

    def at_pesqs_rate(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first 20 s of both at 16 kHz."""
        longest = _LONGEST_S * self.rate
        original, exported = (resample(audio[:longest], self.rate, _RATE) for audio in (self.original, self.exported))
        return original, exported


def check_can_measure(family: str, utterances: Sequence[Utterance], layout: Layout, quality: Quality) -> None:
    """Check that quality can be measured as it is asked for, before minutes of export.

    Raises:
        UsageError: the family has no utterances to compare, our engine does not run the layout, or a bar is required and the
            package that measures it is not there.
    """
    if not utterances:
        raise UsageError(f"the quality of {family} models is not measured: leave out --quality")
    if layout != "server":
        raise UsageError("quality is measured of what our engine says: use --layout server, or leave out --quality")
    missing = [name for name in _PACKAGES if name not in find_packages()]
    if missing and quality == "require":
        raise UsageError(f"--quality require needs {' and '.join(missing)}: pip install 'speechmill[quality]'")
    for name in missing:
        logger.warning("%s is not measured: it needs %s (pip install 'speechmill[quality]')", _PACKAGES[name], name)


def with_quality(folder: Path, manifest: Manifest, utterances: Sequence[Utterance], *, required: bool) -> Manifest:
    """Return the manifest of a bundle's files in ``folder`` with what was measured of whole utterances.

    Raises:
        ExportError: the audio is not as long as PyTorch's or not finite; or a bar is ``required`` and missed.
    """
    bundle = Bundle(folder, manifest, digest_of(manifest.to_json()))
    with open_model(bundle) as engine:
        results = engine.generate([utterance.request for utterance in utterances], trace=True)
    pairs = [_pair(result, one.follow(result.trace or {})) for one, result in zip(utterances, results, strict=True)]
    checks = measure(pairs, exact=manifest.precision == "fp32", case=f"{manifest.precision} against PyTorch")
    for check in checks:
        judge(check, required=required)
    return manifest.model_copy(update={"checks": [*manifest.checks, *checks]})


def measure(pairs: Sequence[Pair], *, exact: bool, case: str) -> list[CheckResult]:
    """Return the worst of each metric over utterances; PESQ and STOI only where their packages are installed.

    Args:
        pairs: at least one.
        exact: whether both should be the same but for rounding, as every exported graph is.
        case: for messages and the card.
    """
    bounds = Tolerance()
    worst_difference = max(relative_difference(pair.exported, pair.original) for pair in pairs)
    worst_snr = min(snr_db(pair.original, pair.exported) for pair in pairs)
    checks = [
        _check(case, "max_abs_diff", worst_difference, ceiling=bounds.max_abs_diff if exact else None),
        _check(case, "snr_db", worst_snr, floor=bounds.snr_db if exact else None),
    ]
    packages = find_packages()
    if "pesq" in packages:
        checks.append(_check(case, "pesq", _lowest(_pesq, packages["pesq"], pairs), floor=PESQ_FLOOR))
    if "pystoi" in packages:
        checks.append(_check(case, "stoi", _lowest(_stoi, packages["pystoi"], pairs), floor=STOI_FLOOR))
    return checks


def find_packages() -> dict[str, Any]:
    """Return those of the optional packages that are installed, by name."""
    found = {}
    with suppress(ModuleNotFoundError):
        found["pesq"] = import_module("pesq")
    with suppress(ModuleNotFoundError):
        found["pystoi"] = import_module("pystoi")
    return found


def _pair(result: SynthesisResult, original: np.ndarray) -> Pair:
    if original.shape != result.audio.shape:
        raise ExportError(f"utterance {result.id}: the bundle says {result.audio.shape} samples, PyTorch {original.shape}")
    if not np.isfinite(original).all():
        raise ExportError(f"utterance {result.id}: PyTorch's audio holds values that are not finite")
    return Pair(original, result.audio, result.sample_rate)


def _check(
    case: str, metric: str, value: float | None, *, floor: float | None = None, ceiling: float | None = None
) -> CheckResult:
    return CheckResult.model_validate(
        {"graph": "whole bundle", "case": case, "metric": metric, "value": value, "floor": floor, "ceiling": ceiling}
    )


def _lowest(metric: Callable[[Any, Pair], float | None], package: Any, pairs: Sequence[Pair]) -> float | None:
    spoken = (pair for pair in pairs if pair.original.any())  # PESQ's package divides by the peak
    return min((value for pair in spoken if (value := metric(package, pair)) is not None), default=None)


def _pesq(package: Any, pair: Pair) -> float | None:
    """Return PESQ as a mean opinion score, 1 to 4.64; ``None`` if it hears nobody speak, as in noise."""
    try:
        return float(package.pesq(_RATE, *pair.at_pesqs_rate(), "wb"))
    except (package.NoUtterancesError, package.BufferTooShortError):
        return None


def _stoi(package: Any, pair: Pair) -> float | None:
    """Return STOI, at most 1; ``None`` of less than 0.4 s of speech."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(package.stoi(*pair.at_pesqs_rate(), _RATE))
        except RuntimeWarning:
            return None


def judge(check: CheckResult, *, required: bool) -> None:
    """Log what was measured.

    Raises:
        ExportError: it is required and does not hold.
    """
    shown = "nothing that could be measured" if check.value is None else f"{check.value:.4g}"
    said = f"{check.graph} ({check.case}): {check.metric} is {shown}"
    if check.holds:
        logger.info("checked %s", said)
        return
    bar = f"at least {check.floor}" if check.floor is not None else f"at most {check.ceiling}"
    if required:
        raise ExportError(f"{said}, it must be {bar}. Nothing was published.")
    logger.warning("%s, it should be %s", said, bar)
