"""Publishing a bundle."""

import logging
from pathlib import Path

import embedded
from actors.bundle import MANIFEST_NAME, Bundle, check_name, digest_of, load_bundle
from actors.errors import BundleError
from cluster import hub
from cluster.registry.layout import find_tag, prefix_of, registry_root, write_tag
from cluster.registry.reference import LATEST, embedded_folder
from cluster.storage import Store, open_store

logger = logging.getLogger(__name__)


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
    root = registry_root(registry)
    if root.startswith("hf://"):
        pinned = hub.publish(bundle, root, tag)
        logger.info("published %s as hf://%s@%s", bundle.reference, pinned.repo, pinned.commit)
        return bundle.reference
    store = open_store(root)
    _upload(store, bundle, repair=repair)
    if find_tag(store, bundle.manifest.name, tag) != bundle.digest:
        write_tag(store, bundle.manifest.name, tag, bundle.digest)
    logger.info("published %s as %s@%s in %s", bundle.reference, bundle.manifest.name, tag, store)
    return bundle.reference


def _upload(store: Store, bundle: Bundle, *, repair: bool) -> None:
    prefix = prefix_of(bundle.manifest.name, bundle.digest)
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
