"""What a bundle is: the contract between the exporter and the workers (design section 3).

A bundle is a folder with a ``bundle.json``, ONNX graphs and whatever else the family needs (tokenizer, voices).
``bundle.json`` lists every file with its sha256, so the sha256 of ``bundle.json`` itself, the *digest*, names the
whole bundle. A bundle is untrusted input: parsing is strict, no listed path leaves the folder, and :meth:`Bundle.verify`
compares every byte with its promise.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from actors.errors import BundleCorruptError, BundleError, UsageError
from actors.runtime.external_data import external_locations

MANIFEST_NAME = "bundle.json"

Precision = Literal["fp32", "fp16", "int8", "int4"]
Layout = Literal["server", "portable"]
DType = Literal["float32", "float16", "int64", "int32", "int8", "uint8", "bool"]

FORMAT_VERSION = 1
_SHOWN = 1000  # characters of what is wrong with a manifest
# Beyond what any model has; what a bundle says of sizes is a promise to reserve so much memory.
_LARGEST_AXIS = 1 << 24
_SAMPLE_RATES = (1_000, 768_000)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_name(name: str) -> str:
    """Return ``name`` if it may name a bundle or tag (letters, digits, ``. _ -``).

    Raises:
        UsageError: it may not.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise UsageError(f"{name!r} cannot name a bundle or tag: use letters, digits, '.', '_' and '-' (at most 128)")
    return name


def _check_member(path: str) -> str:
    """Return ``path`` if it stays inside the bundle folder whatever the platform; raise ``ValueError`` otherwise."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or ":" in path or any(p in ("..", ".") for p in parts):
        raise ValueError(f"{path!r} is not a relative path inside the bundle")
    if not path.isprintable() or str(PurePosixPath(path)) != path:
        raise ValueError(f"{path!r} is not in its shortest form, or has control characters")
    return path


BundleName = Annotated[str, AfterValidator(check_name)]
# Whether this version knows the family does not matter until the bundle is opened: actors/families.
FamilyName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
MemberPath = Annotated[str, AfterValidator(_check_member)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TensorSpec(_Strict):
    """One graph input or output. ``axes`` holds a size or the name of a dynamic axis, outermost first."""

    name: str
    dtype: DType
    axes: list[Annotated[int, Field(ge=0, le=_LARGEST_AXIS)] | str]


class GraphSpec(_Strict):
    """One ONNX graph: where it is, its precision and the tensors at its edges.

    ``openvino`` is the same graph as OpenVINO's IR, an ``.xml`` with a ``.bin`` beside it.
    """

    file: MemberPath
    precision: Precision
    openvino: Annotated[MemberPath, Field(pattern=r"\.xml$")] | None = Field(default=None, exclude_if=lambda path: path is None)
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]


class FileEntry(_Strict):
    """The promise about one file: its sha256 (hex) and size in bytes."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class Source(_Strict):
    """Where the weights came from."""

    repo: str
    revision: str | None = None
    licence: str | None = None


class CheckResult(_Strict):
    """One measured comparison of an exported graph, or of the whole bundle, with PyTorch.

    ``floor``/``ceiling`` is the bound; ``value`` is ``None`` where there was nothing to measure, as no speech for PESQ.
    """

    graph: str
    case: str
    metric: Literal["max_abs_diff", "snr_db", "top1_agreement", "eos_agreement", "cosine", "pesq", "stoi"]
    value: float | None
    floor: float | None = None
    ceiling: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the value is within its bound; one that could not be measured is not, if it has one."""
        if self.value is None:
            return self.floor is None and self.ceiling is None
        return (self.floor is None or self.value >= self.floor) and (self.ceiling is None or self.value <= self.ceiling)


class Manifest(_Strict):
    """The content of ``bundle.json``.

    ``settings`` are the model's own constants for its loop (token ids, hop length, sampling defaults): the family's
    ``Settings`` (``actors/families/``) parse them strictly.
    """

    format_version: Literal[1]
    family: FamilyName
    name: BundleName
    precision: Precision
    layout: Layout
    sample_rate: Annotated[int, Field(ge=_SAMPLE_RATES[0], le=_SAMPLE_RATES[1])]
    voices: list[str]
    graphs: dict[str, GraphSpec]
    settings: dict[str, Any]
    files: dict[MemberPath, FileEntry]
    source: Source
    checks: list[CheckResult]
    tools: dict[str, str]

    def to_json(self) -> bytes:
        """Return the canonical bytes of ``bundle.json``."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def parse_manifest(data: bytes, origin: str) -> Manifest:
    """Parse ``bundle.json`` bytes read from ``origin``.

    Raises:
        BundleError: a format that this version does not know, unknown keys, wrong types, a path that leaves the bundle, or a
            graph whose file is not listed.
    """
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        _check_known(data, origin)
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}" for e in error.errors())
        raise BundleError(f"{origin}: not a valid bundle manifest: {problems[:_SHOWN]}. Export the model again.") from error
    for key, graph in manifest.graphs.items():
        if graph.file not in manifest.files:
            raise BundleError(f"{origin}: graph {key!r} names {graph.file!r}, which is not among the listed files")
    return manifest


def _check_known(data: bytes, origin: str) -> None:
    """Raise a ``BundleError`` of its own if what is wrong with a manifest is that a newer Speechmill has written it."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    version = document.get("format_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BundleError(
            f"{origin} has format {version}, and this version of Speechmill reads {FORMAT_VERSION}: use a newer version of "
            "Speechmill, or a bundle that this one has exported"
        )


@dataclass(frozen=True)
class Bundle:
    """A bundle folder on local disk with its parsed manifest and digest (``sha256:<hex>``)."""

    folder: Path
    manifest: Manifest
    digest: str

    @property
    def reference(self) -> str:
        """The bundle's pinned name, ``name@sha256:<hex>``."""
        return f"{self.manifest.name}@{self.digest}"

    def path(self, member: str) -> Path:
        """Return the local path of a file that the manifest lists.

        Raises:
            BundleError: the manifest does not list ``member``.
        """
        if member not in self.manifest.files:
            raise BundleError(f"{self.folder / MANIFEST_NAME} lists no file {member!r}")
        return self.folder / member

    def graph(self, key: str) -> GraphSpec:
        """Return what the manifest says of a graph.

        Raises:
            BundleError: it has no such graph.
        """
        if key not in self.manifest.graphs:
            raise BundleError(
                f"{self.folder}: the bundle has no graph {key!r}, which a {self.manifest.family} model needs. Export it again."
            )
        return self.manifest.graphs[key]

    def graph_path(self, key: str) -> Path:
        """Return the path of a graph, all of whose weights are in it or in files that the manifest lists.

        Raises:
            BundleError: it has no such graph, it is not one, or it has weights elsewhere: the digest would not cover them.
        """
        member = self.graph(key).file
        path = self.path(member)
        try:
            locations = external_locations(path)
        except OSError as error:
            raise BundleError(f"{path} cannot be read: {error.strerror}. Fetch or export the bundle again.") from error
        except ValueError as error:
            raise BundleError(f"{path} is not an ONNX graph, or a part of one: {error}. Export the model again.") from error
        beside = PurePosixPath(member).parent
        for location in locations:
            if str(beside / location) not in self.manifest.files or location != str(PurePosixPath(location)):
                raise BundleError(
                    f"{path} keeps weights in {location[:200]!r}, which {MANIFEST_NAME} does not list, so that nothing vouches "
                    "for them. Export the model again, or do not trust it."
                )
        return path

    def openvino_path(self, key: str) -> Path:
        """Return the path of a graph's IR; its weights are beside it.

        Raises:
            BundleError: the bundle has no such graph, or has it not for OpenVINO.
        """
        member = self.graph(key).openvino
        if member is None:
            raise BundleError(f"{self.folder}: the bundle has {key!r} not for OpenVINO. Export it again, with --openvino.")
        self.path(str(PurePosixPath(member).with_suffix(".bin")))
        return self.path(member)

    def verify(self) -> None:
        """Compare every listed file with its promised size and sha256.

        Raises:
            BundleCorruptError: a file is missing, leaves the folder through a link, or has other bytes.
        """
        root = self.folder.resolve()
        for member, entry in self.manifest.files.items():
            path = self.folder / member
            if not path.resolve().is_relative_to(root):
                raise BundleCorruptError(f"{path} is a link that leaves the bundle: fetch the bundle again")
            if not path.is_file():
                raise BundleCorruptError(f"{path} is missing: fetch or publish the bundle again")
            actual = hash_file(path)
            if actual != entry:
                raise BundleCorruptError(
                    f"{path} has {actual.size} bytes with sha256 {actual.sha256}, but bundle.json promises {entry.size} "
                    f"with {entry.sha256}: fetch or publish the bundle again"
                )


def digest_of(manifest_bytes: bytes) -> str:
    """Return the digest (``sha256:<hex>``) that names the bundle with these ``bundle.json`` bytes."""
    return "sha256:" + hashlib.sha256(manifest_bytes).hexdigest()


def hash_file(path: Path) -> FileEntry:
    """Return the sha256 and size of a file, read in one streaming pass."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(sha256=digest, size=path.stat().st_size)


def voice_member(name: str) -> str:
    """Return where a voice that a family keeps as a file lies in its bundle."""
    return f"voices/{name}.safetensors"


def load_bundle(folder: str | Path) -> Bundle:
    """Parse the bundle in ``folder``. File contents are not read: see :meth:`Bundle.verify`.

    Raises:
        BundleError: there is no ``bundle.json`` or it breaks the contract.
    """
    folder = Path(folder)
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST_NAME}")
    data = path.read_bytes()
    return Bundle(folder=folder, manifest=parse_manifest(data, str(path)), digest=digest_of(data))
