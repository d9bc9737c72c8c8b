"""The bundle registry on shared storage: publish, resolve, fetch, list, remove (design section 4).

Layout below the registry's root, any URI that :mod:`cluster.storage` opens::

    <name>/<hex of the digest>/…     one bundle, never changed; bundle.json is written last
    <name>/tags/<tag>.json           {"digest": "sha256:…"}, written after the bundle, atomically

A model reference is one of::

    name            name@tag            name@sha256:<hex>      in the registry of the argument or SPEECHMILL_REGISTRY
    s3://bucket/registry/name@tag                              the registry's root before the name
    ./folder        /shared/folder      file:///shared/folder  a bundle folder, used where it is
    hf://org/repo   hf://org/repo@revision                     a repository on the Hugging Face hub
    embedded                                                   the small voice that ships with Speechmill
    embedded-asr                                               the small ear that ships with it

:func:`resolve` pins a reference to a digest; :func:`fetch` brings the bundle to this node's cache, once for all of its
processes.

A bundle's bytes are hashed once a node, too. What was hashed is noted in the cache, in a *mark* that binds the digest to the
identity of every file: inode, size, and the times of its last change, which no program can set back. Whoever finds the
files as the mark has them need not read them; a file that was written to, replaced or touched since is hashed again, as is
one of a copied cache. A mark is trusted only if this user alone can have written it, and is never part of a bundle. What
changes bytes behind the file system's back (a failing disk) is not noticed: remove the marks to have all read again.
"""

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import embedded
from actors.bundle import (
    MANIFEST_NAME,
    Bundle,
    FileEntry,
    Manifest,
    check_name,
    digest_of,
    hash_file,
    load_bundle,
    parse_manifest,
)
from actors.errors import BundleCorruptError, BundleError, BundleNotFoundError, StorageError, UsageError
from cluster import hub
from cluster.storage import Entry, Store, open_store

logger = logging.getLogger(__name__)

REGISTRY_VARIABLE = "SPEECHMILL_REGISTRY"
CACHE_VARIABLE = "SPEECHMILL_CACHE"
EMBEDDED = embedded.VOICE
EMBEDDED_ASR = embedded.EAR
LATEST = "latest"

_REPUBLISH = "publish the bundle again with --repair"
_DIGEST_PREFIX = "sha256:"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]{64}")
_TAG_FILE = re.compile(r"([^/]+)/tags/([^/]+)\.json")
# A file's times advance in steps, of 10 ms at most where kernels are slow. What is written this much later is later by them.
_CLOCK_STEP_S = 0.02
_APPENDED_NAME = re.compile(r"(.*)/([^/?&=@]+@[^/?&=@]+)")


class Origin(Protocol):
    """Where a bundle's files come from."""

    def uri_of(self, member: str) -> str:
        """Return the printable place of a file."""

    def read(self, member: str) -> bytes:
        """Return the content of a small file."""

    def download(self, member: str, promise: FileEntry, target: Path) -> None:
        """Write a file to a local path; raise :class:`BundleCorruptError` if it cannot be what is promised."""


@dataclass(frozen=True)
class RegistryOrigin:
    """A bundle in a registry: ``<name>/<hex>/`` below the store's root."""

    store: Store
    prefix: str

    def uri_of(self, member: str) -> str:
        """Return the printable URI of a file."""
        return self.store.uri_of(f"{self.prefix}/{member}")

    def read(self, member: str) -> bytes:
        """Return the content of a file."""
        return self.store.read_bytes(f"{self.prefix}/{member}")

    def download(self, member: str, promise: FileEntry, target: Path) -> None:
        """Write a file to ``target`` unless the store's own record of its size says that it is not what is promised."""
        key = f"{self.prefix}/{member}"
        entry = self.store.find(key)
        if entry is None:
            raise BundleCorruptError(f"{self.store.uri_of(key)} is missing: publish the bundle again")
        if entry.size != promise.size:
            raise _not_as_promised(self.store.uri_of(key), f"{entry.size} bytes", promise)
        self.store.read_file(key, target)


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


@dataclass(frozen=True)
class Published:
    """A bundle in a registry. ``manifest`` is ``None`` if it cannot be parsed; ``size`` is in bytes."""

    name: str
    digest: str
    tags: tuple[str, ...]
    size: int
    manifest: Manifest | None

    @property
    def reference(self) -> str:
        """``name@sha256:<hex>``."""
        return f"{self.name}@{self.digest}"


@dataclass(frozen=True)
class Garbage:
    """A bundle without a tag (``complete``) or what a publish that died left; ``size`` is in bytes."""

    name: str
    digest: str
    size: int
    complete: bool


# Of a file: inode, size in bytes, times of its last modification and of its last change in ns. Without the device, whose
# number may be another one after a reboot.
_Identity = tuple[int, int, int, int]


class _Mark(BaseModel):
    """The files of a bundle, by member, as they were when their bytes were hashed and found to be those promised."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: dict[str, _Identity]


class _Tag(BaseModel):
    """The content of a tag file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    digest: Annotated[str, Field(pattern=rf"^{_DIGEST.pattern}$")]


def embedded_folder(name: str = EMBEDDED) -> Path:
    """Return the folder of a bundle that ships with Speechmill."""
    return embedded.FOLDERS[name]


# --- publish -----------------------------------------------------------------------------------------------------


def publish(folder: str | Path, registry: str | None = None, tag: str = LATEST, *, repair: bool = False) -> str:
    """Publish a bundle folder under a tag and return its pinned name, ``name@sha256:<hex>``.

    Files that the store already holds in the right size are not sent again. ``bundle.json`` goes last of the bundle's
    files and the tag last of all, so that whatever dies on the way leaves nothing that resolves.

    Args:
        folder: the bundle, or ``embedded`` or ``embedded-asr``.
        registry: the registry's root URI or ``hf://org/repo``; default ``SPEECHMILL_REGISTRY``.
        tag: the tag to set.
        repair: send every file again, to replace corrupt ones in the store.

    Raises:
        BundleError: the folder is not a bundle, its files are not what ``bundle.json`` promises, or a graph has weights in a
            file that it does not list.
        UsageError: no registry is given, or the tag cannot be one.
        StorageError: the registry cannot be reached or is full.
    """
    check_name(tag)
    bundle = load_bundle(embedded_folder(str(folder)) if folder in embedded.FOLDERS else folder)
    bundle.verify()
    for key in bundle.manifest.graphs:
        bundle.graph_path(key)
    root = _registry_root(registry)
    if root.startswith("hf://"):
        pinned = hub.publish(bundle, root, tag)
        logger.info("published %s as hf://%s@%s", bundle.reference, pinned.repo, pinned.commit)
        return bundle.reference
    store = open_store(root)
    _upload(store, bundle, repair=repair)
    if _find_tag(store, bundle.manifest.name, tag) != bundle.digest:
        store.write_bytes(_tag_key(bundle.manifest.name, tag), _Tag(digest=bundle.digest).model_dump_json().encode())
    logger.info("published %s as %s@%s in %s", bundle.reference, bundle.manifest.name, tag, store)
    return bundle.reference


def _upload(store: Store, bundle: Bundle, *, repair: bool) -> None:
    prefix = _prefix(bundle.manifest.name, bundle.digest)
    there = {} if repair else {entry.key: entry.size for entry in store.entries(prefix)}
    for member, promise in sorted(bundle.manifest.files.items()):
        key = f"{prefix}/{member}"
        if there.get(key) != promise.size:
            store.write_file(key, bundle.folder / member)
    manifest = (bundle.folder / MANIFEST_NAME).read_bytes()
    if digest_of(manifest) != bundle.digest:
        raise BundleError(f"{bundle.folder / MANIFEST_NAME} changed while it was published: publish it again")
    if there.get(f"{prefix}/{MANIFEST_NAME}") != len(manifest):
        store.write_bytes(f"{prefix}/{MANIFEST_NAME}", manifest)


# --- resolve -----------------------------------------------------------------------------------------------------


def resolve(reference: str, registry: str | None = None) -> Pinned:
    """Pin a model reference (see the module's docstring) to the digest it names now.

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
    root, name, version = _split_reference(reference)
    return _pin_published(open_store(_registry_root(root or registry)), name, version)


def describe(reference: str, registry: str | None = None) -> tuple[Pinned, Manifest]:
    """Resolve a reference and return its manifest too, without fetching the bundle; raises as :func:`resolve`."""
    pinned = resolve(reference, registry)
    if isinstance(pinned.origin, Path | Shipped):
        return pinned, load_bundle(_folder_of(pinned.origin)).manifest
    return pinned, _read_manifest(pinned.origin, pinned.digest)[1]


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


def _folder_of(origin: Path | Shipped) -> Path:
    return embedded_folder(origin.name) if isinstance(origin, Shipped) else origin


def _pin_origin(origin: Origin) -> Pinned:
    data = origin.read(MANIFEST_NAME)
    return Pinned(parse_manifest(data, origin.uri_of(MANIFEST_NAME)).name, digest_of(data), origin)


def _pin_published(store: Store, name: str, version: str) -> Pinned:
    digest = version if version.startswith(_DIGEST_PREFIX) else _find_tag(store, name, version)
    if digest is None:
        raise BundleNotFoundError(f"{store} has no {name}@{version}. {_published_hint(store, name)}")
    prefix = _prefix(name, digest)
    if not store.exists(f"{prefix}/{MANIFEST_NAME}"):
        raise BundleNotFoundError(f"{store} has no finished bundle {name}@{digest}. {_published_hint(store, name)}")
    return Pinned(name, digest, RegistryOrigin(store, prefix))


def _published_hint(store: Store, name: str) -> str:
    tags = [entry.key.rpartition("/")[2].removesuffix(".json") for entry in store.entries(f"{name}/tags")]
    if tags:
        return f"Its tags are: {', '.join(tags)}."
    names = store.folders()
    return f"Published names are: {', '.join(names)}." if names else "Nothing is published there."


def _split_reference(reference: str) -> tuple[str | None, str, str]:
    """Return registry root (if the reference carries one), name, and tag or digest.

    Raises:
        UsageError: the reference has none of the known forms.
    """
    root, spec = _split_root(reference)
    name, separator, version = spec.partition("@")
    if not separator:
        version = LATEST
    try:
        check_name(name)
        if not _DIGEST.fullmatch(version):
            check_name(version)
    except ValueError as error:
        raise UsageError(
            f"{spec!r} is not a model reference: write name, name@tag, name@sha256:<64 hex digits>, "
            f"a folder path, hf://org/repo[@revision], or {EMBEDDED}"
        ) from error
    return root, name, version


def _split_root(reference: str) -> tuple[str | None, str]:
    """Split ``<root>/name@version``; the query of a root URI may stand before or after the name."""
    base, mark, query = reference.partition("?") if "://" in reference else (reference, "", "")
    if appended := _APPENDED_NAME.fullmatch(query):
        return f"{base}?{appended[1]}", appended[2]
    root, separator, spec = base.rpartition("/")
    if root.endswith(":/"):
        raise UsageError(f"{root}/{spec} names a store but no bundle in it: write {root}/bucket/name@tag")
    return (f"{root or '/'}{mark}{query}" if separator else None), spec


def _registry_root(registry: str | None) -> str:
    root = registry or os.environ.get(REGISTRY_VARIABLE)
    if not root:
        raise UsageError(
            f"no registry is given: pass --registry URI or set {REGISTRY_VARIABLE} "
            "(for a bundle folder write its path, as in ./folder)"
        )
    return root


def _prefix(name: str, digest: str) -> str:
    return f"{name}/{digest.removeprefix(_DIGEST_PREFIX)}"


def _tag_key(name: str, tag: str) -> str:
    return f"{name}/tags/{tag}.json"


def _find_tag(store: Store, name: str, tag: str) -> str | None:
    """Return the digest a tag names, or ``None`` if there is no such tag."""
    key = _tag_key(name, tag)
    return _read_tag(store, key) if store.exists(key) else None


def _read_tag(store: Store, key: str) -> str:
    try:
        return _Tag.model_validate_json(store.read_bytes(key)).digest
    except ValidationError as error:
        raise BundleCorruptError(f"{store.uri_of(key)} is not a valid tag: remove it or publish it again") from error


def _read_manifest(origin: Origin, digest: str) -> tuple[bytes, Manifest]:
    """Return ``bundle.json``, as bytes and parsed, after comparing its digest."""
    where = origin.uri_of(MANIFEST_NAME)
    data = origin.read(MANIFEST_NAME)
    if digest_of(data) != digest:
        raise BundleCorruptError(f"{where} has digest {digest_of(data)}, not {digest}: {_REPUBLISH}")
    return data, parse_manifest(data, where)


def _not_as_promised(where: str, actual: str, promise: FileEntry) -> BundleCorruptError:
    promised = f"{promise.size} bytes with sha256 {promise.sha256}"
    return BundleCorruptError(f"{where} has {actual}, but bundle.json promises {promised}: {_REPUBLISH}")


# --- fetch -------------------------------------------------------------------------------------------------------


def fetch(reference: str | Pinned, registry: str | None = None, cache: str | Path | None = None) -> Bundle:
    """Return a verified bundle on this node's disk, fetching it if no process of the node has done so.

    A bundle folder is used where it is. Anything else is kept in ``<cache>/<hex>``, which all processes of the node
    share: one fetches while the others wait, and a file that is damaged later is fetched again. Either is read and
    hashed by one process of the node while the others wait, and again when a file of it has changed.

    Args:
        reference: a model reference, or what :func:`resolve` made of one.
        registry: the registry's root URI; default ``SPEECHMILL_REGISTRY``.
        cache: the cache folder; default ``SPEECHMILL_CACHE``, else ``~/.cache/speechmill/bundles``.

    Raises:
        BundleCorruptError: the folder, or a file in the store, is not what ``bundle.json`` promises; names the file.
        BundleError: ``bundle.json`` breaks the contract.
        BundleNotFoundError: the reference names nothing that is published.
        UsageError: the reference has none of the known forms, or needs a registry and none is given.
        StorageError: the registry or hub cannot be reached, or the cache cannot be written.
    """
    pinned = reference if isinstance(reference, Pinned) else resolve(reference, registry)
    root = Path(cache or os.environ.get(CACHE_VARIABLE) or "~/.cache/speechmill/bundles").expanduser()
    if isinstance(pinned.origin, Path | Shipped):
        return _open_folder(pinned.origin, pinned.digest, root)
    with open_store(root).errors("use the cache"):
        return _fetch_cached(pinned.origin, pinned.digest, root)


def _open_folder(origin: Path | Shipped, digest: str, root: Path) -> Bundle:
    bundle = load_bundle(_folder_of(origin))
    if bundle.digest != digest and isinstance(origin, Shipped):
        raise BundleCorruptError(
            f"this node's code ships {origin.name} as {bundle.digest}, the job was started with {digest}: "
            "every node needs the same version of Speechmill"
        )
    if bundle.digest != digest:
        raise BundleCorruptError(f"{origin} was {digest} and is {bundle.digest} now: start again, or publish bundles")
    _verify(bundle, root)
    return bundle


def _fetch_cached(origin: Origin, digest: str, root: Path) -> Bundle:
    entry = root / digest.removeprefix(_DIGEST_PREFIX)
    lock = entry.with_suffix(".lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(lock, fcntl.LOCK_SH):  # shared: the actors of a node check the cache side by side
            bundle = _open_cached(entry, digest)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS) or not (bundle := _open_cached(entry, digest)):
            raise  # else the cache is part of an image, and nobody changes it
    if bundle:
        return bundle
    with _locked(lock, fcntl.LOCK_EX):
        return _open_cached(entry, digest) or _fill(origin, digest, entry)


@contextlib.contextmanager
def _locked(path: Path, operation: int) -> Iterator[None]:
    """Hold a lock between the processes of a node; the kernel releases it if its owner dies."""
    with path.open("a+b") as file:
        fcntl.flock(file, operation)
        yield


def _open_cached(entry: Path, digest: str) -> Bundle | None:
    """Return the cached bundle, or ``None`` if it is not there or damaged."""
    if not entry.is_dir():
        return None
    try:
        bundle = load_bundle(entry)
        _verify(bundle, entry.parent)
    except BundleError as error:
        logger.warning("the cached bundle is damaged and will be fetched again: %s", error)
        return None
    return bundle if bundle.digest == digest else None


def _fill(origin: Origin, digest: str, entry: Path) -> Bundle:
    """Fetch into a temporary folder and rename it, or mend a damaged entry file by file (its files may be mapped)."""
    data, manifest = _read_manifest(origin, digest)
    # The lock makes this process the only one, so what is there was left by one that died; its good files are kept.
    folder = entry if entry.is_dir() else entry.with_suffix(".partial")
    logger.info("fetching %s@%s into %s", manifest.name, digest, entry)
    files: dict[str, _Identity] = {}
    for member, promise in manifest.files.items():
        path = folder / member
        if not path.is_symlink() and path.is_file():
            files[member] = _identity(path)
            if hash_file(path) == promise:
                continue
        _download(origin, member, promise, path)
        files[member] = _identity(path)
    open_store(folder).write_bytes(MANIFEST_NAME, data)
    if folder != entry:
        folder.rename(entry)
    bundle = load_bundle(entry)
    if marks := _open_marks(entry.parent):
        _write_mark(_mark_path(marks, bundle), files)
    return bundle


def _download(origin: Origin, member: str, promise: FileEntry, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    try:
        for attempt in (1, 2):
            origin.download(member, promise, partial)
            actual = hash_file(partial)
            if actual == promise:
                partial.replace(target)
                return
            logger.warning("attempt %d to fetch %s brought other bytes than promised", attempt, origin.uri_of(member))
        raise _not_as_promised(origin.uri_of(member), f"{actual.size} bytes with sha256 {actual.sha256}", promise)
    finally:
        partial.unlink(missing_ok=True)


# --- marks of what was verified ------------------------------------------------------------------------------------


def _verify(bundle: Bundle, root: Path) -> None:
    """Verify a bundle, unless a process of this node has done so and its files are the same since.

    Raises:
        BundleCorruptError: see :meth:`Bundle.verify`.
    """
    marks = _open_marks(root)
    if marks is None:
        bundle.verify()
        return
    mark = _mark_path(marks, bundle)
    if _holds(mark, bundle):
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_locked(mark.with_suffix(".lock"), fcntl.LOCK_EX))
        except OSError as error:
            logger.debug("bundles are hashed by every process: %s", error)
        if _holds(mark, bundle):  # another process has hashed it meanwhile
            return
        before = _identities(bundle)
        time.sleep(_CLOCK_STEP_S)  # what is written while the bytes are read must not have the times seen before
        bundle.verify()
        if before is not None:
            _write_mark(mark, before)


def _open_marks(root: Path) -> Path | None:
    """Return the folder of this user's marks; ``None`` if it cannot be used, or others could have written there."""
    marks = root / f"verified-{os.geteuid()}"
    try:
        marks.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = marks.lstat()
    except OSError as error:
        logger.debug("bundles are hashed by every process: %s", error)
        return None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
        logger.warning("%s is not this user's alone: bundles are hashed by every process. Remove it.", marks)
        return None
    return marks


def _mark_path(marks: Path, bundle: Bundle) -> Path:
    """Return where the mark of a bundle in its folder is: another digest, or another place, has another mark."""
    return marks / f"{hashlib.sha256(f'{bundle.digest} {bundle.folder.resolve()}'.encode()).hexdigest()}.json"


def _holds(mark: Path, bundle: Bundle) -> bool:
    """Say whether the bundle's files are those that were verified."""
    try:
        files = _Mark.model_validate_json(mark.read_bytes()).files
    except (OSError, ValidationError):
        return False
    return files == _identities(bundle)


def _write_mark(mark: Path, files: dict[str, _Identity]) -> None:
    try:
        open_store(mark.parent).write_bytes(mark.name, _Mark(files=files).model_dump_json().encode())
    except StorageError as error:  # a full disk, say: the bundle is good all the same
        logger.debug("bundles are hashed by every process: %s", error)


def _identities(bundle: Bundle) -> dict[str, _Identity] | None:
    """Return the identity of every file of a bundle; ``None`` if one is missing."""
    try:
        return {member: _identity(bundle.folder / member) for member in bundle.manifest.files}
    except OSError:
        return None


def _identity(path: Path) -> _Identity:
    if not path.is_file():
        raise FileNotFoundError(path)  # who opens a pipe waits for a writer
    with path.open("rb") as file:  # NFS asks the server only when a file is opened
        status = os.fstat(file.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


# --- list, remove, collect garbage ---------------------------------------------------------------------------------


def list_published(registry: str | None = None) -> list[Published]:
    """Return every bundle of a registry that resolves, by name.

    Raises:
        BundleCorruptError: a tag file is not valid.
        StorageError: the registry cannot be reached.
    """
    store = open_store(_registry_root(registry))
    entries = store.entries()
    tags = _tags_of(store, entries)
    published = []
    for (name, digest), files in sorted(_bundles_of(entries).items()):
        if not _is_complete(files):
            continue
        names = tuple(sorted(tag for (owner, tag), target in tags.items() if (owner, target) == (name, digest)))
        size = sum(entry.size for entry in files)
        published.append(Published(name, digest, names, size, _try_manifest(store, name, digest)))
    return published


def remove(reference: str, registry: str | None = None, *, force: bool = False) -> None:
    """Remove a tag (``name@tag``: the bundle stays) or a bundle (``name@sha256:<hex>``).

    Args:
        reference: what to remove; a bare name is not enough.
        registry: the registry's root URI; default ``SPEECHMILL_REGISTRY``.
        force: remove a bundle even if tags name it, and the tags with it.

    Raises:
        UsageError: the reference is no name in a registry, or tags name the bundle and ``force`` is not set.
        BundleNotFoundError: there is no such tag or bundle.
        StorageError: the registry cannot be reached.
    """
    root, name, version = _split_reference(reference)
    if "@" not in _split_root(reference)[1]:
        raise UsageError(f"{name!r} does not say what to remove: write {name}@tag or {name}@sha256:<hex>")
    store = open_store(_registry_root(root or registry))
    if version.startswith(_DIGEST_PREFIX):
        _remove_bundle(store, name, version, force=force)
        return
    if not store.exists(_tag_key(name, version)):
        raise BundleNotFoundError(f"{store} has no {name}@{version}. {_published_hint(store, name)}")
    store.delete(_tag_key(name, version))


def collect_garbage(
    registry: str | None = None, *, older_than: timedelta = timedelta(days=1), dry_run: bool = False
) -> list[Garbage]:
    """Remove bundles that no tag names and what publishes that died left behind.

    Only what was not written to for ``older_than`` goes, so that a publish under way is left alone. A job that runs on
    a bundle whose tag moved loses it for nodes that have yet to fetch it: choose ``older_than`` accordingly.

    Args:
        registry: the registry's root URI; default ``SPEECHMILL_REGISTRY``.
        older_than: the age below which nothing is removed.
        dry_run: only say what would go.

    Returns:
        What was removed, or would be.

    Raises:
        BundleCorruptError: a tag file is not valid; nothing is removed, since it may name any bundle.
        StorageError: the registry cannot be reached.
    """
    store = open_store(_registry_root(registry))
    entries = store.entries()
    tagged = {(name, digest) for (name, _), digest in _tags_of(store, entries).items()}
    limit = datetime.now(UTC) - older_than
    garbage = []
    for (name, digest), files in sorted(_bundles_of(entries).items()):
        if (name, digest) in tagged or max(entry.mtime for entry in files) > limit:
            continue
        if not dry_run:
            if digest in _tags_of(store, store.entries(f"{name}/tags")).values():  # tagged since the listing
                continue
            _delete_bundle(store, name, digest)
        garbage.append(Garbage(name, digest, sum(entry.size for entry in files), _is_complete(files)))
    if not dry_run:
        store.delete_temporaries(older_than.total_seconds())
    return garbage


def _remove_bundle(store: Store, name: str, digest: str, *, force: bool) -> None:
    tags = _tags_of(store, store.entries(f"{name}/tags"))
    naming = [tag for (_, tag), target in tags.items() if target == digest]
    if naming and not force:
        raise UsageError(f"{name}@{digest} is tagged {', '.join(naming)}: remove the tags first, or use --force")
    if not naming and not store.entries(_prefix(name, digest)):
        raise BundleNotFoundError(f"{store} has no {name}@{digest}. {_published_hint(store, name)}")
    for tag in naming:
        store.delete(_tag_key(name, tag))
    _delete_bundle(store, name, digest)


def _delete_bundle(store: Store, name: str, digest: str) -> None:
    prefix = _prefix(name, digest)
    store.delete(f"{prefix}/{MANIFEST_NAME}")  # first: a bundle that is half gone must not resolve
    store.delete_tree(prefix)


def _bundles_of(entries: list[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Group the files of a registry by the name and digest of their bundle."""
    bundles: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        name, _, rest = entry.key.partition("/")
        hexadecimal, _, member = rest.partition("/")
        if member and _HEX.fullmatch(hexadecimal):
            bundles.setdefault((name, _DIGEST_PREFIX + hexadecimal), []).append(entry)
    return bundles


def _is_complete(files: list[Entry]) -> bool:
    """Say whether a bundle's files include its manifest, which is written last."""
    return any(entry.key.count("/") == 2 and entry.key.endswith(f"/{MANIFEST_NAME}") for entry in files)


def _tags_of(store: Store, entries: list[Entry]) -> dict[tuple[str, str], str]:
    """Return the digest of every tag among the files of a registry, by name and tag."""
    matches = (_TAG_FILE.fullmatch(entry.key) for entry in entries)
    return {(match[1], match[2]): _read_tag(store, match[0]) for match in matches if match}


def _try_manifest(store: Store, name: str, digest: str) -> Manifest | None:
    try:
        return _read_manifest(RegistryOrigin(store, _prefix(name, digest)), digest)[1]
    except BundleError as error:
        logger.warning("%s", error)
        return None
