import io
from pathlib import Path

import pytest

from actors.audio.codec import decode_mono
from actors.errors import RequestError, StorageError
from tests.actors.audio.recordings import RATE, whole_file


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "/etc/passwd/a.wav", "\udcff.wav"])
def test_a_path_that_can_be_none_is_the_rows_fault(path: str) -> None:
    with pytest.raises(RequestError, match=r"cannot be read|is no path"):
        decode_mono(Path(path), RATE, 99)


@pytest.mark.parametrize("kind", ["flac", "wav", "rifx", "mp3", "mkv"])
def test_a_disk_that_fails_midway_is_not_the_files_fault(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(whole_file(kind))

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 20_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    monkeypatch.setattr(Path, "open", lambda self, _: Failing(self.read_bytes()))
    monkeypatch.setattr(Path, "read_bytes", lambda _: whole_file(kind))
    with pytest.raises(StorageError, match="Input/output error"):
        decode_mono(path, RATE, 99)
