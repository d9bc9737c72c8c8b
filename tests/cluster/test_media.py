"""Files named by paths, URIs and names relative to a folder."""

import pickle
from pathlib import Path

import pytest

from actors.errors import RequestError
from cluster.dataset import scan_media
from cluster.media import MediaReader


@pytest.fixture
def reader(tmp_path: Path) -> MediaReader:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "a b.wav").write_bytes(b"a")
    (tmp_path / "other.wav").write_bytes(b"other")
    return MediaReader.of(scan_media(tmp_path / "in"), str(tmp_path))


def test_local_files_are_given_as_paths(reader: MediaReader, tmp_path: Path) -> None:
    for location in (f"{tmp_path}/in/sub/a b.wav", "in/sub/a b.wav", f"file://{tmp_path}/in/sub/a%20b.wav"):
        assert reader(location) == tmp_path / "in" / "sub" / "a b.wav"
    assert pickle.loads(pickle.dumps(reader))("other.wav") == tmp_path / "other.wav"  # noqa: S301 - our own


@pytest.mark.parametrize("location", ["nowhere.wav", "in/sub", "ftp://host/a.wav", "in/"])
def test_what_is_no_file_is_a_reason(reader: MediaReader, location: str) -> None:
    with pytest.raises(RequestError):
        reader(location)
