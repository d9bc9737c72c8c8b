"""The pyarrow filesystems of S3 and Google Cloud Storage, as a URI's query and the environment describe them."""

import os
from datetime import timedelta
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode

from pyarrow import fs

from actors.errors import UsageError
from cluster.storage.uris import bucket_of, printed

# A dead endpoint is an error within seconds. Arrow's default of 3 s without a byte is too short for a store that
# assembles a large multipart upload.
_CONNECT_TIMEOUT_S = 5.0
_STALL_TIMEOUT_S = 20.0
_ATTEMPTS = 3
_GCS_RETRY_LIMIT = timedelta(seconds=15)

_S3_OPTIONS = frozenset({"endpoint_override", "scheme", "region", "anonymous"})
_GCS_OPTIONS = frozenset({"endpoint_override", "scheme", "anonymous"})
_ENDPOINT_VARIABLES = {"s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), "gs": ("STORAGE_EMULATOR_HOST",)}


def make_filesystem(parts: SplitResult) -> fs.FileSystem:
    """Return the filesystem of an ``s3://`` or ``gs://`` URI. Nothing is requested.

    Raises:
        UsageError: an option in the query is unknown.
    """
    return _s3_filesystem(parts) if parts.scheme == "s3" else _gcs_filesystem(parts)


def _options(parts: SplitResult, known: frozenset[str]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - known):
        raise UsageError(f"{printed(parts)}: unknown option {', '.join(unknown)} in the query; use {', '.join(sorted(known))}")
    return options


def endpoint_of(parts: SplitResult) -> str:
    """Return the endpoint that the query or the environment names; empty for the cloud's own."""
    named = dict(parse_qsl(parts.query)).get("endpoint_override")
    return named or next(filter(None, map(os.environ.get, _ENDPOINT_VARIABLES[parts.scheme])), "")


def _endpoint(parts: SplitResult, options: dict[str, str]) -> dict[str, str]:
    """Return Arrow's ``endpoint_override`` and ``scheme`` for ``http://host:port`` or ``host:port``; empty if unset."""
    endpoint = endpoint_of(parts)
    if not endpoint:
        return {}
    scheme, separator, host = endpoint.rpartition("://")
    return {"endpoint_override": host.rstrip("/"), "scheme": scheme if separator else options.get("scheme", "https")}


def with_region(parts: SplitResult) -> SplitResult:
    """Return an ``s3://`` URI with the bucket's region if nothing else says it: who gets the store need not ask again.

    Raises:
        UsageError: an option in the query is unknown.
        OSError: the region cannot be found.
    """
    if parts.scheme != "s3":
        return parts
    options = _options(parts, _S3_OPTIONS)
    named = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if named or endpoint_of(parts):
        return parts
    return parts._replace(query=urlencode({**options, "region": fs.resolve_s3_region(bucket_of(parts))}))


def _s3_filesystem(parts: SplitResult) -> fs.FileSystem:
    options = _options(parts, _S3_OPTIONS)
    region = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    credentials = {}
    if parts.username and parts.password:
        credentials = {"access_key": unquote(parts.username), "secret_key": unquote(parts.password)}
    return fs.S3FileSystem(
        **_endpoint(parts, options),
        **credentials,
        region=region,
        anonymous=options.get("anonymous") == "true",
        connect_timeout=_CONNECT_TIMEOUT_S,
        request_timeout=_STALL_TIMEOUT_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        allow_delayed_open=True,  # small files become one PUT
        # Arrow remembers the failure of a part only then, and else completes the upload without it: half an object.
        background_writes=True,
    )


def _gcs_filesystem(parts: SplitResult) -> fs.FileSystem:
    options = _options(parts, _GCS_OPTIONS)
    return fs.GcsFileSystem(
        anonymous=options.get("anonymous") == "true" or parts.username == "anonymous",
        retry_time_limit=_GCS_RETRY_LIMIT,
        **_endpoint(parts, options),
    )
