"""Files at a URI: a local folder, NFS, S3 or Google Cloud Storage behind one small interface.

Every write is atomic: a reader sees the whole file or none. A local writer fills a temporary file in the same folder,
syncs it and renames it; an object store gets one PUT (or one multipart upload, which shows only when it completes).
Printed URIs never carry the user information or query of the URI that was opened: both may hold secrets.

An object store that is away, overloaded or cut off for a while ends no job (:mod:`cluster.storage.patience`).
"""

from cluster.storage.keys import Entry, check_key, existing_path, mtime_of, printable
from cluster.storage.local import LocalStore
from cluster.storage.objects import ObjectStore
from cluster.storage.opening import below, open_store, split_uri
from cluster.storage.patience import is_refusal
from cluster.storage.store import Store, StoredFile

__all__ = [
    "Entry",
    "LocalStore",
    "ObjectStore",
    "Store",
    "StoredFile",
    "below",
    "check_key",
    "existing_path",
    "is_refusal",
    "mtime_of",
    "open_store",
    "printable",
    "split_uri",
]
