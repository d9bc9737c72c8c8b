"""Where a report lies, and the link that opens it."""

from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote

from cluster.storage import ObjectStore, Store
from cluster.storage.clouds import endpoint_of
from cluster.storage.uris import parse_uri

# Readers of Parquet folders skip the folder: two underscores are what ``datasets`` and the others skip alike.
REPORT_KEY = "__report/report.html"
BOOKS_REPORT_KEY = "report.html"


def report_link(store: Store, key: str = REPORT_KEY) -> str:
    """Return the link of a file for a browser: ``file://`` for a folder, ``https://`` for S3 and Google's store.

    Objects open for those who may read them: a private bucket wants a signed link, or its console. Nothing is requested, and
    no secret of the store's own URI is in it.
    """
    path = store.local_path(key)
    if path is not None:
        return path.absolute().as_uri()
    if not isinstance(store, ObjectStore):
        return store.uri_of(key)
    bucket, _, prefix = store.root.partition("/")
    name = quote(str(PurePosixPath(prefix, key)))
    return f"{_address(store, bucket)}/{name}"


def _address(store: ObjectStore, bucket: str) -> str:
    """Return the address of a bucket, where an endpoint of its own has it in the path."""
    parts = parse_uri(store.location)
    options = dict(parse_qsl(parts.query))
    if endpoint := endpoint_of(parts):
        scheme, mark, host = endpoint.rpartition("://")
        return f"{scheme if mark else options.get('scheme', 'https')}://{host.rstrip('/')}/{bucket}"
    if parts.scheme == "gs":
        return f"https://storage.googleapis.com/{bucket}"
    region = getattr(store.filesystem, "region", None)
    host = f"s3.{region}.amazonaws.com" if region else "s3.amazonaws.com"
    # A certificate is for one label: a bucket with dots is named in the path.
    return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}"
