"""Checkpoints: from a Hugging Face hub id or a folder to tensors, with the files treated as untrusted."""

import json
import logging
import pickle
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml
from huggingface_hub import ModelCard, hf_hub_download, model_info, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from actors.bundle import Source
from actors.errors import ExportError, UsageError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on local disk and where it came from.

    Attributes:
        folder: where its files are.
        source: for the bundle's manifest.
        members: files that are elsewhere, by their name in the checkpoint.
    """

    folder: Path
    source: Source
    members: Mapping[str, Path] = field(default_factory=dict)

    def json(self, name: str, *, optional: bool = False) -> dict[str, Any]:
        """Read a JSON object; an ``optional`` file that is not there reads as ``{}``.

        Raises:
            ExportError: the file is missing or is not a JSON object.
        """
        path = self.folder / name
        if optional and not path.exists():
            return {}
        try:
            content = json.loads(self.path(name).read_bytes())
        except ValueError as error:
            raise ExportError(f"{path} is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise ExportError(f"{path} holds a {type(content).__name__}, not a JSON object")
        return content

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return self.members.get(name, self.folder / name).is_file()

    def path(self, name: str) -> Path:
        """Return the path of a file that must be there.

        Raises:
            ExportError: it is not.
        """
        path = self.members.get(name, self.folder / name)
        if not path.is_file():
            found = ", ".join(sorted([*self.members, *(p.name for p in self.folder.iterdir())])) or "nothing"
            raise ExportError(f"the checkpoint {self.folder} has no {name} (found: {found})")
        return path

    def safetensors(self, name: str = "model.safetensors") -> dict[str, Tensor]:
        """Read a safetensors file, or the shards its ``.index.json`` names, as float32.

        Raises:
            ExportError: a file is missing or damaged.
        """
        index = self.folder / f"{name}.index.json"
        files = sorted(set(self.json(index.name)["weight_map"].values())) if index.exists() else [name]
        try:
            return {key: tensor.float() for file in files for key, tensor in load_file(self.path(file)).items()}
        except SafetensorError as error:
            raise ExportError(f"{self.folder}: {', '.join(files)}: damaged or truncated: {error}") from error

    def pickled(self, name: str) -> dict[str, Tensor]:
        """Read a ``torch.save`` state dict as float32, refusing anything but tensors and plain containers.

        Raises:
            ExportError: the file is missing, damaged, or holds code or anything else that is not a tensor.
        """
        path = self.path(name)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        # PyTorch's own message advises to run the code that it refused.
        except pickle.UnpicklingError as error:
            raise ExportError(
                f"{path} is refused: it holds more than tensors (a pickle can run code), or is damaged"
            ) from error
        except (RuntimeError, EOFError) as error:
            raise ExportError(f"{path} is damaged or truncated: {error}") from error
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise ExportError(f"{self.folder / name} is not a state dict of tensors")
        return {key: tensor.float() for key, tensor in state.items()}


class TensorFiles:
    """The safetensors files of a checkpoint, read one tensor at a time: models may be larger than memory.

    Raises:
        ExportError: a file is missing or damaged.
    """

    def __init__(self, checkpoint: Checkpoint, name: str = "model.safetensors") -> None:
        index = checkpoint.folder / f"{name}.index.json"
        paths = [
            checkpoint.path(file)
            for file in (sorted(set(checkpoint.json(index.name)["weight_map"].values())) if index.exists() else [name])
        ]
        self._paths: dict[str, Path] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        try:
            for path in paths:
                with safe_open(path, "pt") as file:
                    for key in file.keys():  # noqa: SIM118 - it is no mapping
                        self._paths[key] = path
                        self._shapes[key] = tuple(file.get_slice(key).get_shape())
        except SafetensorError as error:
            raise ExportError(f"{path} is damaged or truncated: {error}") from error

    @property
    def keys(self) -> Collection[str]:
        """Names of all tensors."""
        return self._paths.keys()

    def read(self, key: str) -> Tensor:
        """Return a tensor as float32."""
        with self._open(key) as file:
            tensor: Tensor = file.get_tensor(key)
            return tensor.float()

    def shape(self, key: str) -> tuple[int, ...]:
        """Return a tensor's shape; it is not read."""
        return self._shapes[key]

    def rows(self, key: str, first: int, stop: int) -> Tensor:
        """Return some of a tensor's rows as float32."""
        with self._open(key) as file:
            tensor: Tensor = file.get_slice(key)[first:stop]
            return tensor.float()

    def _open(self, key: str) -> Any:
        # Anew for each part: a file that stays mapped keeps what was read of it in this process' memory.
        return safe_open(self._paths[key], "pt")


def open_checkpoint(reference: str, files: Iterable[str]) -> Checkpoint:
    """Open a folder, or download ``files`` (glob patterns) of a hub repository ``org/name[@revision]``.

    Raises:
        UsageError: neither a folder nor a repository that can be reached.
    """
    folder = Path(reference).expanduser()
    if folder.is_dir():
        return Checkpoint(folder, _source_of_folder(folder))
    repo, _, revision = reference.partition("@")
    if repo.count("/") != 1 or reference.startswith((".", "/", "~")):
        raise UsageError(f"checkpoint {reference!r} is neither a folder nor a hub id like org/name[@revision]")
    try:
        info = model_info(repo, revision=revision or None)
        local = snapshot_download(repo, revision=info.sha, allow_patterns=list(files))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError, OSError) as error:
        raise UsageError(
            f"cannot download checkpoint {reference!r} from the Hugging Face hub: {error}. Check the id, your network and, "
            "for gated repositories, HF_TOKEN; or pass a folder."
        ) from error
    licence = info.card_data.get("license") if info.card_data else None
    return Checkpoint(Path(local), Source(repo=repo, revision=info.sha, licence=licence))


def download_file(repo: str, name: str) -> Path:
    """Download one file of a hub repository.

    Raises:
        UsageError: it cannot be reached.
    """
    try:
        return Path(hf_hub_download(repo, name))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UsageError(f"cannot download {name} of {repo} from the Hugging Face hub: {error}. Check your network") from error


def _source_of_folder(folder: Path) -> Source:
    """Read name and licence from the folder's model card (``README.md`` with a YAML head), if it has one.

    Raises:
        ExportError: the card's head is not YAML: the licence it states would get lost.
    """
    card = folder / "README.md"
    try:
        data = ModelCard.load(card).data if card.is_file() else None
    except (ValueError, yaml.YAMLError) as error:
        raise ExportError(f"the head of {card} is not a YAML mapping: {error}") from error
    return Source(repo=getattr(data, "model_name", None) or folder.resolve().name, licence=getattr(data, "license", None))


@contextmanager
def settings_fit(checkpoint: Checkpoint) -> Iterator[None]:
    """Make what the loop cannot run, by its settings, an :class:`ExportError` that names the checkpoint."""
    try:
        yield
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'together'}: {e['msg']}" for e in error.errors())
        raise ExportError(f"{checkpoint.folder} is of a model that no worker could run: {problems}") from error


def load_weights(module: nn.Module, state: dict[str, Tensor], origin: str) -> None:
    """Load ``state`` strictly and freeze the module.

    Raises:
        ExportError: keys are missing or left over, or a shape differs.
    """
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ExportError(f"{origin} does not fit {type(module).__name__}: {error}") from error
    module.requires_grad_(False).eval()
