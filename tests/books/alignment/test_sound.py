import io
from pathlib import Path

import av
import numpy as np
import pytest

from actors.audio.codec import decode, encode
from actors.errors import RequestError
from books.alignment.sound import pauses_of, write_epub_audio
from books.binding.encoder import AUDIO_KINDS, Labels, write_audio

RATE = 16_000


def speech() -> np.ndarray:
    """Return two seconds of noise with a second of silence between them."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    noise[RATE : 2 * RATE] = 0
    return noise.astype(np.float32)


def m4a(folder: Path) -> bytes:
    path = folder / "made"
    write_audio(path, AUDIO_KINDS["m4a"], [speech()], RATE, Labels())
    return path.read_bytes()


def test_pauses_are_where_players_are_silent() -> None:
    assert list(pauses_of(encode(speech(), RATE, "flac"), 10.0).spans) == [pytest.approx((1.0, 2.0), abs=0.011)]


@pytest.mark.parametrize(
    ("kind", "media_type"), [("mp3", "audio/mpeg"), ("opus", "audio/ogg; codecs=opus"), ("m4a", "audio/mp4")]
)
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "bytes"])
def test_what_epubs_may_hold_is_copied(kind: str, media_type: str, as_file: bool, tmp_path: Path) -> None:
    content = m4a(tmp_path) if kind == "m4a" else encode(speech(), RATE, kind)  # type: ignore[arg-type]
    (tmp_path / "in").write_bytes(content)
    assert write_epub_audio(tmp_path / "in" if as_file else content, tmp_path / "out", 10.0) == media_type
    assert (tmp_path / "out").read_bytes() == content


def test_other_audio_becomes_aac_at_the_same_times(tmp_path: Path) -> None:
    assert write_epub_audio(encode(speech(), RATE, "flac"), tmp_path / "out", 10.0) == "audio/mp4"
    with av.open(str(tmp_path / "out")) as container:
        assert (container.streams.audio[0].codec_context.name, container.streams.audio[0].rate) == ("aac", RATE)
    audio, _ = decode(tmp_path / "out")
    assert abs(audio[0, RATE + 800 : 2 * RATE - 800]).max() < 0.01
    assert abs(audio[0, 2 * RATE + 400 : 2 * RATE + 2_000]).max() > 0.1


def test_of_a_film_only_the_sound_is_taken(tmp_path: Path) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width = video.height = 16
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(speech()[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = RATE
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    assert write_epub_audio(file.getvalue(), tmp_path / "out", 10.0) == "audio/mp4"
    with av.open(str(tmp_path / "out")) as container:
        assert [stream.type for stream in container.streams] == ["audio"]


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"the audio \(12 bytes\) cannot be opened as audio"):
        write_epub_audio(b"this is text", tmp_path / "out", 10.0)
