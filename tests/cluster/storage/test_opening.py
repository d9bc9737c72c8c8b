import pickle
import time
from datetime import timedelta

import pytest

from actors.errors import StorageError, UsageError
from cluster.storage import clouds, open_store

CLOSED = "http://127.0.0.1:1"


def test_a_small_object_is_one_put(s3_root: str, s3_requests: list[str]) -> None:
    open_store(s3_root).write_bytes("part.parquet", b"x" * 100_000)
    assert s3_requests == ["PUT /bucket/shared%20root/part.parquet"]


def test_endpoint_region_and_credentials_may_stand_in_the_uri(
    s3_root: str, s3_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(s3_root).write_bytes("a", b"x")
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    query = f"endpoint_override={s3_environment}&region=us-east-1"
    assert open_store(f"s3://test:test@bucket/shared%20root?{query}").read_bytes("a") == b"x"


@pytest.mark.usefixtures("s3_environment")
def test_a_missing_bucket_is_an_error() -> None:
    store = open_store("s3://absent/root")
    uses = [store.entries, store.folders, lambda: store.find("a"), lambda: store.write_bytes("a", b"")]
    for use in uses:
        with pytest.raises(StorageError, match="bucket"):
            use()


def test_an_unreachable_store_is_a_quick_error_without_secrets() -> None:
    store = open_store(f"s3://key:p%2Fss@bucket/root?endpoint_override={CLOSED}")
    started = time.monotonic()
    with pytest.raises(StorageError, match=r"s3://bucket/root/a\.txt: .*Check the bucket, AWS_ENDPOINT_URL") as caught:
        store.read_bytes("a.txt")
    assert time.monotonic() - started < 15
    for shown in (str(caught.value), str(store), repr(store)):
        assert "ss@" not in shown
        assert "p%2F" not in shown


def test_an_unreachable_google_store_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "_GCS_RETRY_LIMIT", timedelta(seconds=1))
    store = open_store(f"gs://anonymous@bucket/root?endpoint_override={CLOSED}")
    with pytest.raises(StorageError, match=r"gs://bucket/root/a: .*Google credentials"):
        store.read_bytes("a")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("ftp://host/folder", "unknown kind of store"),
        ("s3://bucket/root?regoin=us-east-1", "regoin in the query; use anonymous, endpoint_override, region, scheme"),
        ("s3:///root", "no valid bucket"),
        ("file://host/root", "three slashes"),
    ],
)
def test_a_location_that_cannot_be_one_is_refused(location: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_store(location)


def test_an_unquoted_secret_is_not_echoed() -> None:
    with pytest.raises(UsageError) as caught:
        open_store("s3://key:sec/ret@bucket/root")
    assert "sec" not in str(caught.value)


def test_a_process_that_is_sent_a_store_need_not_look_for_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    asked: list[str] = []

    def resolve(bucket: str) -> str:
        asked.append(bucket)
        return "eu-north-1"

    monkeypatch.setattr(clouds.fs, "resolve_s3_region", resolve)
    store = open_store("s3://key:p%2Fss@bucket/root %3F")
    assert pickle.loads(pickle.dumps(store)).filesystem.region == "eu-north-1"  # noqa: S301
    assert asked == ["bucket"]
    assert store.root == "bucket/root ?"
