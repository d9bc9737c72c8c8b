"""Bringing a bundle to this node, once for all of its processes."""

import errno
import fcntl
import logging
import os
from pathlib import Path

from actors.bundle import MANIFEST_NAME, Bundle, FileEntry, hash_file, load_bundle
from actors.errors import BundleCorruptError, BundleError
from cluster.registry.layout import DIGEST_PREFIX, Origin, not_as_promised, read_manifest
from cluster.registry.marks import Identity, identity, locked, note_verified, verify_once
from cluster.registry.reference import Pinned, Shipped, folder_of, resolve
from cluster.storage import open_store

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "SPEECHMILL_CACHE"


def fetch(reference: str | Pinned, registry: str | None = None, cache: str | Path | None = None) -> Bundle:
    """Return a verified bundle on this node's disk, fetching it if no process of the node has done so.

    A bundle folder is used where it is. Anything else is kept in ``<cache>/<hex>``, which all processes of the node
    share: one fetches while the others wait, and a file that is damaged later is fetched again. Either is read and
    hashed by one process of the node while the others wait, and again when a file of it has changed.

    Args:
        reference: a model reference, or what :func:`~cluster.registry.resolve` made of one.
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
    bundle = load_bundle(folder_of(origin))
    if bundle.digest != digest and isinstance(origin, Shipped):
        raise BundleCorruptError(
            f"this node's code ships {origin.name} as {bundle.digest}, the job was started with {digest}: "
            "every node needs the same version of Speechmill"
        )
    if bundle.digest != digest:
        raise BundleCorruptError(f"{origin} was {digest} and is {bundle.digest} now: start again, or publish bundles")
    verify_once(bundle, root)
    return bundle


def _fetch_cached(origin: Origin, digest: str, root: Path) -> Bundle:
    entry = root / digest.removeprefix(DIGEST_PREFIX)
    lock = entry.with_suffix(".lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with locked(lock, fcntl.LOCK_SH):  # shared: the actors of a node check the cache side by side
            bundle = _open_cached(entry, digest)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS) or not (bundle := _open_cached(entry, digest)):
            raise  # else the cache is part of an image, and nobody changes it
    if bundle:
        return bundle
    with locked(lock, fcntl.LOCK_EX):
        return _open_cached(entry, digest) or _fill(origin, digest, entry)


def _open_cached(entry: Path, digest: str) -> Bundle | None:
    """Return the cached bundle, or ``None`` if it is not there or damaged."""
    if not entry.is_dir():
        return None
    try:
        bundle = load_bundle(entry)
        verify_once(bundle, entry.parent)
    except BundleError as error:
        logger.warning("the cached bundle is damaged and will be fetched again: %s", error)
        return None
    return bundle if bundle.digest == digest else None


def _fill(origin: Origin, digest: str, entry: Path) -> Bundle:
    """Fetch into a temporary folder and rename it, or mend a damaged entry file by file (its files may be mapped)."""
    data, manifest = read_manifest(origin, digest)
    # The lock makes this process the only one, so what is there was left by one that died; its good files are kept.
    folder = entry if entry.is_dir() else entry.with_suffix(".partial")
    logger.info("fetching %s@%s into %s", manifest.name, digest, entry)
    files: dict[str, Identity] = {}
    for member, promise in manifest.files.items():
        path = folder / member
        if not path.is_symlink() and path.is_file():
            files[member] = identity(path)
            if hash_file(path) == promise:
                continue
        _download(origin, member, promise, path)
        files[member] = identity(path)
    open_store(folder).write_bytes(MANIFEST_NAME, data)
    if folder != entry:
        folder.rename(entry)
    bundle = load_bundle(entry)
    note_verified(bundle, entry.parent, files)
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
        raise not_as_promised(origin.uri_of(member), f"{actual.size} bytes with sha256 {actual.sha256}", promise)
    finally:
        partial.unlink(missing_ok=True)
