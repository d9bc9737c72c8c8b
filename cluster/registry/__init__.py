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
"""

from cluster.registry.cache import CACHE_VARIABLE, fetch
from cluster.registry.layout import REGISTRY_VARIABLE
from cluster.registry.publishing import publish
from cluster.registry.reference import (
    EMBEDDED,
    EMBEDDED_ASR,
    LATEST,
    Pinned,
    describe,
    embedded_folder,
    local_origin,
    resolve,
)
from cluster.registry.upkeep import Garbage, Published, collect_garbage, list_published, remove

__all__ = [
    "CACHE_VARIABLE",
    "EMBEDDED",
    "EMBEDDED_ASR",
    "LATEST",
    "REGISTRY_VARIABLE",
    "Garbage",
    "Pinned",
    "Published",
    "collect_garbage",
    "describe",
    "embedded_folder",
    "fetch",
    "list_published",
    "local_origin",
    "publish",
    "remove",
    "resolve",
]
