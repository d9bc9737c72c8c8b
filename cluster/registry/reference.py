"""Model references: what they name, and pinning them to a digest (:mod:`cluster.registry` has their forms)."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import embedded
from actors.bundle import MANIFEST_NAME, Manifest, check_name, digest_of, load_bundle, parse_manifest
from actors.errors import BundleNotFoundError, UsageError
from cluster import hub
from cluster.registry.layout import (
    DIGEST,
    DIGEST_PREFIX,
    Origin,
    RegistryOrigin,
    find_tag,
    prefix_of,
    read_manifest,
    registry_root,
)
from cluster.storage import Store, open_store

EMBEDDED = embedded.VOICE
EMBEDDED_ASR = embedded.EAR
LATEST = "latest"

_APPENDED_NAME = re.compile(r"(.*)/([^/?&=@]+@[^/?&=@]+)")


@dataclass(frozen=True)
class Shipped:
    """A bundle that comes with the code, wherever that is unpacked: :func:`embedded_folder` finds it by its reference."""

    name: str


@dataclass(frozen=True)
class Pinned:
    """A model reference that can no longer move; it may be sent to other processes.

    Attributes:
        name: the bundle's name.
        digest: ``sha256:<hex>``.
        origin: where the files are; a path is a bundle folder on this node, used where it is.
    """

    name: str
    digest: str
    origin: Path | Shipped | Origin = field(compare=False)

    @property
    def reference(self) -> str:
        """``name@sha256:<hex>``."""
        return f"{self.name}@{self.digest}"


def embedded_folder(name: str = EMBEDDED) -> Path:
    """Return the folder of a bundle that ships with Speechmill."""
    return embedded.FOLDERS[name]


def resolve(reference: str, registry: str | None = None) -> Pinned:
    """Pin a model reference (see :mod:`cluster.registry`) to the digest it names now.

    Raises:
        UsageError: the reference has none of the known forms, or needs a registry and none is given.
        BundleNotFoundError: it names nothing that is published.
        BundleError: what it names breaks the contract.
        StorageError: the registry or hub cannot be reached.
    """
    if reference in embedded.FOLDERS:
        return _pin_folder(embedded_folder(reference))
    if reference.startswith("hf://"):
        return _pin_origin(hub.pin(reference))
    if reference.startswith("file://"):
        reference = str(open_store(reference).local_path())
    if "://" not in reference and (folder := _as_folder(reference)):
        return _pin_folder(folder)
    root, name, version = split_reference(reference)
    return _pin_published(open_store(registry_root(root or registry)), name, version)


def describe(reference: str, registry: str | None = None) -> tuple[Pinned, Manifest]:
    """Resolve a reference and return its manifest too, without fetching the bundle; raises as :func:`resolve`."""
    pinned = resolve(reference, registry)
    if isinstance(pinned.origin, Path | Shipped):
        return pinned, load_bundle(folder_of(pinned.origin)).manifest
    return pinned, read_manifest(pinned.origin, pinned.digest)[1]


def local_origin(pinned: Pinned) -> Path | None:
    """Return where a model is if that is a path, which other machines may not have; ``None`` for what all can reach."""
    if isinstance(pinned.origin, RegistryOrigin):
        return pinned.origin.store.local_path(pinned.origin.prefix)
    return pinned.origin if isinstance(pinned.origin, Path) else None


def _as_folder(reference: str) -> Path | None:
    """Return the bundle folder that a path names, or ``None`` if the reference is a name below a registry's root."""
    if "/" not in reference and reference not in (".", "..", "~"):
        return None
    path = Path(reference).expanduser()
    if path.is_dir():
        return None if (path / "tags").is_dir() else path
    if "@" in path.name:
        return None
    raise BundleNotFoundError(f"{reference}: there is no such folder. Write name@tag for a published bundle.")


def _pin_folder(folder: Path) -> Pinned:
    bundle, place = load_bundle(folder), folder.resolve()
    origin = next((Shipped(name) for name in embedded.FOLDERS if embedded_folder(name) == place), place)
    return Pinned(bundle.manifest.name, bundle.digest, origin)


def folder_of(origin: Path | Shipped) -> Path:
    """Return the folder of a bundle that is used where it is."""
    return embedded_folder(origin.name) if isinstance(origin, Shipped) else origin


def _pin_origin(origin: Origin) -> Pinned:
    data = origin.read(MANIFEST_NAME)
    return Pinned(parse_manifest(data, origin.uri_of(MANIFEST_NAME)).name, digest_of(data), origin)


def _pin_published(store: Store, name: str, version: str) -> Pinned:
    digest = version if version.startswith(DIGEST_PREFIX) else find_tag(store, name, version)
    if digest is None:
        raise BundleNotFoundError(f"{store} has no {name}@{version}. {published_hint(store, name)}")
    prefix = prefix_of(name, digest)
    if not store.exists(f"{prefix}/{MANIFEST_NAME}"):
        raise BundleNotFoundError(f"{store} has no finished bundle {name}@{digest}. {published_hint(store, name)}")
    return Pinned(name, digest, RegistryOrigin(store, prefix))


def published_hint(store: Store, name: str) -> str:
    """Say what a registry has, for whoever asked for what it has not."""
    tags = [entry.key.rpartition("/")[2].removesuffix(".json") for entry in store.entries(f"{name}/tags")]
    if tags:
        return f"Its tags are: {', '.join(tags)}."
    names = store.folders()
    return f"Published names are: {', '.join(names)}." if names else "Nothing is published there."


def split_reference(reference: str) -> tuple[str | None, str, str]:
    """Return registry root (if the reference carries one), name, and tag or digest.

    Raises:
        UsageError: the reference has none of the known forms.
    """
    root, spec = split_root(reference)
    name, separator, version = spec.partition("@")
    if not separator:
        version = LATEST
    try:
        check_name(name)
        if not DIGEST.fullmatch(version):
            check_name(version)
    except ValueError as error:
        raise UsageError(
            f"{spec!r} is not a model reference: write name, name@tag, name@sha256:<64 hex digits>, "
            f"a folder path, hf://org/repo[@revision], or {EMBEDDED}"
        ) from error
    return root, name, version


def split_root(reference: str) -> tuple[str | None, str]:
    """Split ``<root>/name@version``; the query of a root URI may stand before or after the name."""
    base, mark, query = reference.partition("?") if "://" in reference else (reference, "", "")
    if appended := _APPENDED_NAME.fullmatch(query):
        return f"{base}?{appended[1]}", appended[2]
    root, separator, spec = base.rpartition("/")
    if root.endswith(":/"):
        raise UsageError(f"{root}/{spec} names a store but no bundle in it: write {root}/bucket/name@tag")
    return (f"{root or '/'}{mark}{query}" if separator else None), spec
