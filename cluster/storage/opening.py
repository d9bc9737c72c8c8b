"""Opening the store at a path or URI."""

import os
from pathlib import Path
from urllib.parse import unquote

from actors.errors import UsageError
from cluster.storage.keys import check_key
from cluster.storage.local import open_folder
from cluster.storage.objects import open_bucket
from cluster.storage.store import Store
from cluster.storage.uris import parse_uri, path_of, printed


def open_store(location: str | os.PathLike[str]) -> Store:
    """Return the store at a folder path or a ``file://``, ``s3://`` or ``gs://`` URI (percent-encode ``?`` and ``%``).

    Options are given in the URI's query (``?endpoint_override=http://127.0.0.1:9000&region=us-east-1``); the standard
    variables ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL``, ``AWS_REGION``, ``AWS_DEFAULT_REGION`` and those of the
    credentials hold where the query is silent. Nothing is requested, except where an AWS bucket's region must be found.

    Raises:
        UsageError: the scheme or an option is unknown.
        StorageError: the region of the bucket cannot be found.
    """
    text = os.fspath(location)
    if "://" not in text:
        return open_folder(Path(text).expanduser())
    parts = parse_uri(text)
    if parts.scheme == "file":
        return open_folder(path_of(parts))
    if parts.scheme not in ("s3", "gs"):
        raise UsageError(f"{printed(parts)}: unknown kind of store; use a folder path, file://, s3:// or gs://")
    return open_bucket(text)


def split_uri(location: str | os.PathLike[str]) -> tuple[Store, str]:
    """Return the store of the folder that holds a file, and the file's name in it.

    Raises:
        UsageError: ``location`` names no file, or its scheme or an option is unknown.
    """
    text = os.fspath(location)
    if "://" not in text:
        path = Path(text).expanduser().resolve()
        return open_store(path.parent), check_key(path.name)
    parts = parse_uri(text)
    folder, _, name = parts.path.rpartition("/")
    return open_store(parts._replace(path=folder or "/").geturl()), check_key(unquote(name))


def below(location: str | os.PathLike[str], name: str) -> str:
    """Return the location of a folder or file ``name`` below one; options in a URI's query are its own too."""
    text = os.fspath(location)
    path, mark, query = text.partition("?") if "://" in text else (text, "", "")
    return f"{path.rstrip('/')}/{name}{mark}{query}"
