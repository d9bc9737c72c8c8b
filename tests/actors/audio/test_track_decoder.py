"""What is missing in a file is said, and what follows keeps its time."""

import io
import re
from collections.abc import Callable

import av
import pytest

from actors.audio.codec import decode
from actors.errors import RequestError
from tests.actors.audio.recordings import RATE, WHOLE, cut_out, hear, is_at, mux, ogg_pages, whole_file, without_page, zeros

Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_at_half_says_so(kind: str) -> None:
    data = whole_file(kind)
    whole = hear(data)
    assert whole.damage is None
    assert len(whole.samples) / RATE == pytest.approx(6.0, abs=0.1)
    part = hear(data[: len(data) // 2])
    assert re.search(r"it is truncated: its audio breaks off at [123]\.\d\d s", part.damage or "")
    assert is_at(whole.samples, part.samples, 0.5)
    with pytest.raises(RequestError, match="is damaged: it is truncated"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("make", "damage"),
    [
        (lambda: mux("flac", "flac"), zeros),
        (lambda: mux("flac", "flac"), lambda data: cut_out(data, size=40_000)),
        (lambda: mux("ogg", "libopus"), without_page),
        (lambda: mux("ogg", "libopus"), lambda data: zeros(data, size=50)),
        (lambda: mux("mp3", "libmp3lame"), zeros),
        (lambda: mux("mp3", "libmp3lame", write_xing="0"), zeros),
        (lambda: mux("adts", "aac"), zeros),
        (lambda: mux("ipod", "aac"), zeros),
        (lambda: mux("matroska", "aac", cluster_time_limit="500"), zeros),
        (lambda: mux("matroska", "libopus", cluster_time_limit="500"), zeros),
        (lambda: mux("webm", "libopus", cluster_time_limit="500"), cut_out),
        (lambda: mux("flv", "aac"), cut_out),
        (lambda: mux("mpegts", "aac"), cut_out),
        (lambda: mux("mpeg", "mp2"), zeros),
        (lambda: mux("asf", "wmav2", rate=44_100), zeros),
    ],
)
def test_a_hole_is_said_and_what_follows_keeps_its_time(make: Callable[[], bytes], damage: Damage) -> None:
    data = make()
    whole, heard = hear(data), hear(damage(data))
    assert whole.damage is None
    found = re.match(r"(\d+\.\d\d) s at (\d+\.\d\d) s", heard.damage or "")
    assert found, heard.damage
    assert 0.02 < float(found[1]) < 1.6
    assert 2.0 < float(found[2]) < 4.0
    assert len(heard.samples) == pytest.approx(len(whole.samples), abs=0.1 * RATE)
    assert is_at(whole.samples, heard.samples, 1.0)
    assert is_at(whole.samples, heard.samples, 5.0)


@pytest.mark.parametrize("container", ["ipod", "adts"])
def test_one_bad_frame_costs_one_frame(container: str) -> None:
    data = mux(container, "aac")
    with av.open(io.BytesIO(data)) as file:
        packet = next(packet for packet in file.demux() if packet.pts and packet.pts * packet.time_base > 3)
        assert packet.pos is not None
        start = packet.pos + 7 * (container == "adts")
        size = packet.size - 7 * (container == "adts")
    broken = data[:start] + b"\xff" * size + data[start + size :]
    heard = hear(broken)
    assert re.fullmatch(r"0\.0[24] s at 3\.\d\d s could not be decoded", heard.damage or "")
    assert is_at(hear(data).samples, heard.samples, 5.0)


def test_a_lost_fragment_is_damage_and_a_pause_is_none() -> None:
    data = mux("mp4", "aac", movflags="empty_moov+default_base_moof", frag_duration="1000000")
    moofs = [match.start() - 4 for match in re.finditer(b"moof", data)]
    assert hear(data).damage is None
    heard = hear(data[: moofs[2]] + data[moofs[3] :])
    assert "could not be decoded" in (heard.damage or "")
    assert is_at(hear(data).samples, heard.samples, 5.0)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "aac"), ("matroska", "aac"), ("webm", "libopus"), ("mpegts", "aac"), ("flv", "aac"), ("asf", "wmav2")],
)
@pytest.mark.parametrize("base_s", [0, 10_000])
def test_sound_that_begins_after_the_picture_has_silence_before_it(container: str, codec: str, base_s: int) -> None:
    options = {"strict": "-1"} if container == "flv" else {}
    codec_of = {"webm": "matroska"}
    data = mux(codec_of.get(container, container), codec, seconds=2, at_s=base_s + 5, picture_s=(base_s, base_s + 8), **options)
    heard = hear(data)
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(7.0, abs=0.06)
    assert not heard.samples[: int(4.9 * RATE)].any()
    assert heard.samples[int(5.05 * RATE) : int(5.4 * RATE)].any()


@pytest.mark.parametrize(
    ("container", "codec"), [("mpegts", "aac"), ("matroska", "aac"), ("ogg", "libopus"), ("ogg", "flac"), ("flv", "aac")]
)
def test_a_piece_of_a_live_stream_begins_at_zero(container: str, codec: str) -> None:
    heard = hear(mux(container, codec, seconds=3, at_s=30_000))
    assert heard.damage is None
    assert len(heard.samples) / RATE == pytest.approx(3.0, abs=0.1)


def test_a_piece_of_an_ogg_stream_begins_at_zero() -> None:
    data = mux("ogg", "libopus")
    pages = ogg_pages(data)
    heard = hear(data[: pages[2]] + data[pages[4] :])
    assert heard.damage is None
    assert 2 < len(heard.samples) / RATE < 5


@pytest.mark.parametrize("codec", ["libopus", "flac"])
@pytest.mark.parametrize("page", [2, -3, -2])
@pytest.mark.parametrize("is_removed", [True, False])
def test_an_ogg_file_without_a_page_at_its_begin_or_end_says_so(codec: str, page: int, is_removed: bool) -> None:
    data = mux("ogg", codec, seconds=4.0, page_duration="500000")
    starts = ogg_pages(data)
    first, stop = starts[page], starts[page + 1]
    if is_removed and page == 2:
        return  # the first page behind the headers: as if it were tuned in to
    heard = hear(data[:first] + (b"" if is_removed else bytes(stop - first)) + data[stop:])
    assert heard.damage
    assert is_at(hear(data).samples, heard.samples, 1.2)


def test_an_ogg_file_that_ends_in_zeros_before_its_last_page_is_damaged() -> None:
    data = mux("ogg", "libopus", seconds=4.0, page_duration="500000")
    start = ogg_pages(data)[-4]
    assert hear(data[:start] + bytes(len(data) - start)).damage


@pytest.mark.parametrize(
    ("container", "codec", "rate"), [("w64", "wmav2", 44_100), ("w64", "mp2", 44_100), ("nut", "flac", 24_000)]
)
def test_padding_behind_the_last_frame_is_no_damage(container: str, codec: str, rate: int) -> None:
    assert hear(mux(container, codec, rate=rate)).damage is None


@pytest.mark.parametrize(
    ("container", "codec", "is_damage"),
    [("mp4", "aac", False), ("matroska", "libopus", False), ("mpegts", "mp2", True), ("flv", "aac", True)],
)
def test_a_hole_in_the_timestamps_is_kept(container: str, codec: str, is_damage: bool) -> None:
    heard = hear(mux(container, codec, seconds=4, gap=(2, 10)))
    assert len(heard.samples) / RATE == pytest.approx(14.0, abs=0.06)
    assert not heard.samples[3 * RATE : 11 * RATE].any()
    assert (heard.damage is not None) == is_damage


@pytest.mark.parametrize("codec", ["libmp3lame", "mp2"])
def test_what_an_mpeg_stream_in_a_wav_file_lost_is_a_hole(codec: str) -> None:
    data = mux("wav", codec)
    assert hear(data).damage is None
    heard = hear(zeros(data, size=6000))
    assert heard.damage
    assert is_at(hear(data).samples, heard.samples, 4.5)


@pytest.mark.parametrize("codec", ["libmp3lame", "pcm_s16le"])
@pytest.mark.parametrize("picture_s", [None, (0, 6)])
@pytest.mark.parametrize("damage", [zeros, cut_out])
def test_what_an_avi_file_lost_is_a_hole(
    codec: str, picture_s: tuple[float, float] | None, damage: Callable[..., bytes]
) -> None:
    data = mux("avi", codec, rate=24_000, picture_s=picture_s)
    heard = hear(damage(data, size=len(data) // 8))
    assert "could not be decoded" in (heard.damage or "")
    assert len(heard.samples) / RATE == pytest.approx(6.0, abs=0.1)
    for second in (0.5, 1.7, 4.2):
        assert is_at(hear(data).samples, heard.samples, second)


@pytest.mark.parametrize("container", ["matroska", "mpegts", "mp4"])
def test_a_hole_of_hours_fills_no_memory(container: str) -> None:
    heard = hear(mux(container, "aac", seconds=4, gap=(2, 5 * 3600)))
    assert len(heard.samples) / RATE == pytest.approx(4.0, abs=0.06)
    assert "its timestamps jump by 18000 s at 2.0" in (heard.damage or "")


def test_a_flac_file_without_its_first_frames_keeps_its_times() -> None:
    data = mux("flac", "flac")
    with av.open(io.BytesIO(data)) as file:
        frames = [packet.pos for packet in file.demux() if packet.pos is not None]
    heard = hear(data[: frames[0]] + data[frames[10] :])
    assert re.match(r"(\d\.\d\d) s at 0.00 s could not be decoded", heard.damage or "")
    assert len(heard.samples) == 6 * RATE
    assert is_at(hear(data).samples, heard.samples, 4.0)


def test_a_matroska_file_without_one_of_its_clusters_is_damaged() -> None:
    data = mux("matroska", "aac", cluster_time_limit="1000")
    clusters = [match.start() for match in re.finditer(b"\x1f\x43\xb6\x75", data)]
    heard = hear(data[: clusters[2]] + data[clusters[3] :])
    assert re.match(r"[01]\.\d\d s at [12]\.\d\d s could not be decoded", heard.damage or "")
    assert is_at(hear(data).samples, heard.samples, 5.0)
