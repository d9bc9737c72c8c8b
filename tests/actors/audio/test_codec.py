import errno
import hashlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
import soundfile

from actors.audio import codec as audio
from actors.audio.codec import AudioFormat, FloatArray, decode, encode, resample, to_mono
from actors.errors import RequestError, StorageError, SynthesisError, UsageError

REPOSITORY = Path(__file__).parents[3]
FORMATS: tuple[AudioFormat, ...] = get_args(AudioFormat)
LOSSLESS: tuple[AudioFormat, ...] = ("flac", "wav")
LOSSY: tuple[AudioFormat, ...] = ("opus", "mp3")


def speech_like(seconds: float = 2.0, rate: int = 24_000) -> FloatArray:
    """A voice-like hum with a syllable rhythm and a little noise, reproducible."""
    time = np.arange(round(seconds * rate)) / rate
    hum = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 8))
    noise = np.random.default_rng(7).standard_normal(time.size)
    return ((0.2 * hum * np.sin(2 * np.pi * 2 * time) ** 2) + 0.005 * noise).astype(np.float32)


def snr_db(signal: FloatArray, other: FloatArray) -> float:
    noise = signal.astype(np.float64) - other
    return float(10 * np.log10(np.sum(signal.astype(np.float64) ** 2) / np.sum(noise**2)))


def sound_file(samples: Any, rate: int, **kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **kind)
    return file.getvalue()


def ffmpeg_file(
    samples: FloatArray,
    rate: int,
    codec: str,
    container: str,
    path: Path,
    *,
    start_s: int = 0,
    picture_s: int = 0,
    bit_rate: int = 64_000,
    **options: str,
) -> bytes:
    """Encode ``[samples]`` or ``[channels, samples]`` that start late, beside a picture track, as asked."""
    with av.open(str(path), "w", format=container, options=options) as output:
        picture = output.add_stream("mpeg4", rate=1, width=32, height=32) if picture_s else None
        channels = np.atleast_2d(samples)
        layout = {1: "mono", 2: "stereo"}[len(channels)]
        stream = output.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = start_s * rate
        if picture is not None:
            for second in range(picture_s):
                image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                image.pts = second
                output.mux(picture.encode(image))
            output.mux(picture.encode(None))
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()


# Encoding


@pytest.mark.parametrize("audio_format", LOSSLESS)
@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 44_100, 192_000])
def test_lossless_formats_return_the_samples_to_16_bits(audio_format: AudioFormat, rate: int) -> None:
    samples = speech_like(1.0, rate)
    decoded, decoded_rate = decode(encode(samples, rate, audio_format))
    assert decoded_rate == rate
    assert decoded.shape == (1, samples.size)
    assert np.abs(decoded[0] - samples).max() <= 0.5 / 32768
    assert snr_db(samples, decoded[0]) > 75


@pytest.mark.parametrize("audio_format", LOSSLESS)
def test_16_bit_audio_survives_bit_for_bit(audio_format: AudioFormat) -> None:
    samples: FloatArray = np.arange(-32768, 32768, dtype=np.float32) / np.float32(32768)
    decoded, _ = decode(encode(samples, 24_000, audio_format))
    np.testing.assert_array_equal(decoded[0], samples)


@pytest.mark.parametrize("audio_format", LOSSY)
@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_lossy_formats_keep_length_and_sound(audio_format: AudioFormat, rate: int) -> None:
    samples = speech_like(2.0, rate)
    decoded, decoded_rate = decode(encode(samples, rate, audio_format))
    assert decoded.shape[0] == 1
    assert decoded.shape[1] / decoded_rate == pytest.approx(2.0, abs=0.03)
    heard, said = resample(decoded[0], decoded_rate, 8_000), resample(samples, rate, 8_000)
    shortest = min(heard.size, said.size)
    assert np.corrcoef(heard[:shortest], said[:shortest])[0, 1] > 0.99


@pytest.mark.parametrize(("rate", "expected"), [(22_050, 24_000), (32_000, 48_000), (96_000, 48_000)])
def test_opus_gets_the_next_rate_it_knows(rate: int, expected: int) -> None:
    data = encode(speech_like(0.5, rate), rate, "opus")
    # OpusHead (RFC 7845) follows a 28-byte Ogg page header; decoders return 48 kHz, the rate that went in is at 12.
    assert data[28:36] == b"OpusHead"
    assert int.from_bytes(data[40:44], "little") == expected


@pytest.mark.parametrize(("rate", "expected"), [(22_050, 22_050), (9_000, 11_025), (96_000, 48_000)])
def test_mp3_gets_the_next_rate_it_knows(rate: int, expected: int) -> None:
    assert decode(encode(speech_like(0.5, rate), rate, "mp3"))[1] == expected


@pytest.mark.parametrize("audio_format", FORMATS)
def test_files_are_what_their_format_says(audio_format: AudioFormat) -> None:
    data = encode(speech_like(0.2), 24_000, audio_format)
    container, codec = {
        "flac": ("flac", "flac"),
        "wav": ("wav", "pcm_s16le"),
        "opus": ("ogg", "opus"),
        "mp3": ("mp3", "mp3float"),
    }[audio_format]
    with av.open(io.BytesIO(data)) as file:
        assert file.format.name == container
        assert file.streams.audio[0].codec_context.name == codec
        assert file.streams.audio[0].layout.nb_channels == 1


@pytest.mark.parametrize("milliseconds", [210, 250, 330, 500, 770, 990, 1010, 3000])
def test_short_opus_files_are_whole_for_libsndfile_too(milliseconds: int) -> None:
    speech = np.full(milliseconds * 16, 0.1, np.float32)
    samples, rate = soundfile.read(io.BytesIO(encode(speech, 16_000, "opus")))
    assert len(samples) / rate == milliseconds / 1000


def test_every_format_has_an_extension() -> None:
    assert {name: f".{name}" for name in FORMATS} == audio.EXTENSIONS


@pytest.mark.parametrize("audio_format", LOSSY)
def test_files_do_not_name_the_version_of_ffmpeg(audio_format: AudioFormat) -> None:
    assert not re.search(rb"Lav[cf]\d", encode(speech_like(0.2), 24_000, audio_format))


HASH_ALL_FORMATS = """
import hashlib, json, sys
import numpy as np
from actors.audio.codec import encode
samples = np.frombuffer(sys.stdin.buffer.read(), np.float32)
print(json.dumps({f: hashlib.sha256(encode(samples, 22_050, f)).hexdigest() for f in ("flac", "wav", "opus", "mp3")}))
"""


def test_equal_audio_gives_equal_bytes_in_every_process() -> None:
    samples = speech_like(1.5, 22_050)
    run = subprocess.run(
        [sys.executable, "-c", HASH_ALL_FORMATS], cwd=REPOSITORY, input=samples.tobytes(), stdout=-1, check=True
    )
    here = {name: hashlib.sha256(encode(samples, 22_050, name)).hexdigest() for name in FORMATS}
    assert json.loads(run.stdout) == here
    assert here == {name: hashlib.sha256(encode(samples, 22_050, name)).hexdigest() for name in FORMATS}


@pytest.mark.parametrize("audio_format", FORMATS)
def test_loud_samples_are_clipped_and_never_wrap(audio_format: AudioFormat) -> None:
    loud: FloatArray = (3 * np.sin(2 * np.pi * 100 * np.arange(24_000) / 24_000)).astype(np.float32)
    decoded, rate = decode(encode(loud, 24_000, audio_format))
    clipped = resample(np.clip(loud, -1, 1), 24_000, rate)
    shortest = min(decoded.shape[1], clipped.size)
    assert np.corrcoef(decoded[0, :shortest], clipped[:shortest])[0, 1] > 0.995  # not clipped: 0.92
    if audio_format in LOSSLESS:
        assert decoded.max() == np.float32(32767 / 32768)
        assert decoded.min() == -1


@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_single_sample_encodes(audio_format: AudioFormat) -> None:
    decoded, rate = decode(encode(np.full(1, 0.5, np.float32), 24_000, audio_format))
    assert 1 <= decoded.shape[1] <= 0.02 * rate


@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_strided_view_encodes_like_its_copy(audio_format: AudioFormat) -> None:
    view = speech_like(1.0, 48_000)[::2]
    assert encode(view, 22_050, audio_format) == encode(view.copy(), 22_050, audio_format)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_no_samples_are_an_error_of_ours(audio_format: AudioFormat) -> None:
    with pytest.raises(SynthesisError, match="0 samples") as caught:
        encode(np.zeros(0, np.float32), 24_000, audio_format)
    assert not isinstance(caught.value, RequestError)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_an_error_of_ours(bad: float) -> None:
    samples = speech_like(0.1)
    samples[[3, 5]] = bad
    with pytest.raises(SynthesisError, match="2 NaN or infinite") as caught:
        encode(samples, 24_000, "flac")
    assert not isinstance(caught.value, RequestError)


@pytest.mark.parametrize("wrong", [np.zeros(8), np.zeros(8, np.int16), np.zeros((1, 8), np.float32)])
def test_only_float32_mono_is_encoded(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"must be float32 \[samples\]"):
        encode(wrong, 24_000, "wav")


def test_unknown_formats_and_rates_are_refused() -> None:
    with pytest.raises(UsageError, match="use one of flac, wav, opus, mp3"):
        encode(speech_like(0.1), 24_000, "ogg")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at 0 Hz"):
        encode(speech_like(0.1), 0, "wav")


# Decoding


@pytest.mark.parametrize("kind", ["WAV PCM_16", "WAV PCM_24", "WAV FLOAT", "WAV DOUBLE", "FLAC PCM_24", "AIFF PCM_16"])
@pytest.mark.parametrize(("channels", "rate"), [(1, 16_000), (2, 44_100), (8, 192_000)])
def test_pcm_files_decode_to_every_channel(kind: str, channels: int, rate: int) -> None:
    container, subtype = kind.split()
    samples = np.random.default_rng(3).uniform(-0.9, 0.9, (rate // 10, channels)).astype(np.float32)
    decoded, decoded_rate = decode(sound_file(samples, rate, format=container, subtype=subtype))
    assert decoded_rate == rate
    assert decoded.dtype == np.float32
    assert decoded.flags.c_contiguous
    assert decoded.shape == (channels, rate // 10)
    assert np.abs(decoded - samples.T).max() <= (2**-15 if subtype == "PCM_16" else 2**-23)


@pytest.mark.parametrize(
    ("codec", "container", "picture_s"),
    [
        ("libmp3lame", "mp3", 0),
        ("libopus", "ogg", 0),
        ("libopus", "webm", 0),
        ("aac", "ipod", 0),
        ("aac", "mp4", 1),
        ("aac", "matroska", 1),
        ("aac", "adts", 0),
    ],
)
def test_compressed_audio_and_video_decode(codec: str, container: str, picture_s: int, tmp_path: Path) -> None:
    samples = np.stack([speech_like(1.0, 48_000), np.zeros(48_000, np.float32)])
    data = ffmpeg_file(samples, 48_000, codec, container, tmp_path / "a", picture_s=picture_s)
    decoded, rate = decode(data)
    assert rate == 48_000
    assert decoded.shape[0] == 2
    assert decoded.shape[1] / rate == pytest.approx(1.0, abs=0.06)
    assert np.abs(decoded[0]).max() > 0.1
    assert np.abs(decoded[1]).max() < 0.05


def test_a_path_decodes_like_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(encode(speech_like(), 24_000, "flac"))
    np.testing.assert_array_equal(decode(path)[0], decode(path.read_bytes())[0])


@pytest.mark.parametrize("audio_format", FORMATS)
@pytest.mark.parametrize("part", [0.45, 0.9])
def test_truncated_files_are_rejected(audio_format: AudioFormat, part: float) -> None:
    data = encode(speech_like(5.0), 24_000, audio_format)
    with pytest.raises(RequestError, match="truncated"):
        decode(data[: int(part * len(data))])


@pytest.mark.parametrize(("container", "picture_s"), [("ipod", 0), ("mp4", 1), ("matroska", 0)])
def test_truncated_containers_are_rejected(container: str, picture_s: int, tmp_path: Path) -> None:
    data = ffmpeg_file(speech_like(5.0), 24_000, "aac", container, tmp_path / "a", picture_s=picture_s, movflags="faststart")
    decode(data)
    with pytest.raises(RequestError, match="truncated"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize(("container", "picture_s", "silence_s"), [("mp4", 1, 5), ("ipod", 0, 5), ("matroska", 0, 0)])
def test_tracks_that_start_late_are_complete(container: str, picture_s: int, silence_s: int, tmp_path: Path) -> None:
    data = ffmpeg_file(speech_like(2.0), 24_000, "aac", container, tmp_path / "a", picture_s=picture_s, start_s=5)
    decoded, rate = decode(data)
    assert decoded.shape[1] / rate == pytest.approx(silence_s + 2.0, abs=0.1)


def test_a_late_track_cut_between_packets_is_truncated(tmp_path: Path) -> None:
    data = ffmpeg_file(speech_like(4.0), 24_000, "aac", "ipod", tmp_path / "a.m4a", start_s=5, movflags="faststart")
    with av.open(io.BytesIO(data)) as file:
        positions = [packet.pos for packet in file.demux(audio=0) if packet.pos is not None]
    with pytest.raises(RequestError, match=r"breaks off at 6\.9"):
        decode(data[: positions[len(positions) // 2]])


def test_a_picture_track_longer_than_the_audio_is_no_truncation(tmp_path: Path) -> None:
    data = ffmpeg_file(speech_like(1.0), 24_000, "aac", "matroska", tmp_path / "a.mkv", picture_s=4)
    decoded, rate = decode(data)
    assert decoded.shape[1] / rate == pytest.approx(1.0, abs=0.1)


def bare_mp3(seconds: float, bit_rate: int, folder: Path) -> bytes:
    """Return MP3 frames without any header before them."""
    return ffmpeg_file(
        speech_like(seconds),
        24_000,
        "libmp3lame",
        "mp3",
        folder / "bare.mp3",
        bit_rate=bit_rate,
        write_xing="0",
        id3v2_version="0",
    )


@pytest.mark.parametrize("has_header", [False, True])
def test_an_mp3_with_a_low_bit_rate_at_its_start_is_complete(has_header: bool, tmp_path: Path) -> None:
    # FFmpeg guesses its duration from the size and the first frames' bit rate: 20 times too long.
    low = encode(np.zeros(24_000, np.float32), 24_000, "mp3") if has_header else bare_mp3(1.0, 8_000, tmp_path)
    decoded, rate = decode(low + bare_mp3(4.0, 160_000, tmp_path))
    assert decoded.shape[1] / rate == pytest.approx(5.0, abs=0.2)


def test_an_aac_stream_with_a_low_bit_rate_at_its_start_is_complete(tmp_path: Path) -> None:
    low = ffmpeg_file(np.zeros(48_000, np.float32), 24_000, "aac", "adts", tmp_path / "low", bit_rate=8_000)
    high = ffmpeg_file(speech_like(4.0), 24_000, "aac", "adts", tmp_path / "high", bit_rate=128_000)
    decoded, rate = decode(low + high)
    assert decoded.shape[1] / rate == pytest.approx(6.0, abs=0.2)


def test_an_mp3_header_without_a_count_promises_nothing() -> None:
    data = bytearray(encode(speech_like(4.0), 24_000, "mp3"))
    data[data.find(b"Info") + 7] &= 0xFE
    decoded, rate = decode(bytes(data[: len(data) // 2]))
    assert decoded.shape[1] / rate == pytest.approx(2.0, abs=0.1)


def test_a_stream_that_changes_midway_is_rejected(tmp_path: Path) -> None:
    mono = ffmpeg_file(speech_like(1.0), 24_000, "aac", "adts", tmp_path / "mono")
    stereo = ffmpeg_file(np.stack([speech_like(1.0)] * 2), 24_000, "aac", "adts", tmp_path / "stereo")
    with pytest.raises(RequestError, match="changes its sample rate or its channels"):
        decode(mono + stereo)


def test_an_mp3_of_mostly_broken_frames_is_rejected(tmp_path: Path) -> None:
    data = bytearray(bare_mp3(4.0, 64_000, tmp_path))
    header = bytes(data[:2])
    position = data.find(header, 500)
    while position >= 0:
        data[position + 4 : position + 12] = b"\xff" * 8
        position = data.find(header, position + 12)
    with pytest.raises(RequestError, match="packets cannot be decoded"):
        decode(bytes(data))


@pytest.mark.parametrize(("codec", "container"), [("libmp3lame", "mp3"), ("aac", "adts")])
def test_junk_between_frames_is_skipped(codec: str, container: str, tmp_path: Path) -> None:
    data = ffmpeg_file(speech_like(3.0), 24_000, codec, container, tmp_path / "a")
    tag = b"ID3\4\0\0\0\0\7\x68" + bytes(1000)
    decoded, rate = decode(data + tag + data)
    assert decoded.shape[1] / rate == pytest.approx(6.0, abs=0.3)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_streams_without_a_length_decode(size: int) -> None:
    data = bytearray(encode(speech_like(), 24_000, "wav"))
    data[4:8] = data[40:44] = size.to_bytes(4, "little")
    assert decode(bytes(data))[0].shape == (1, 48_000)


def test_flac_streams_without_a_length_decode() -> None:
    data = bytearray(encode(speech_like(), 24_000, "flac"))
    data[21] &= 0xF0  # STREAMINFO: 36 bits from here are the number of samples, 0 means unknown
    data[22:26] = bytes(4)
    assert decode(bytes(data))[0].shape == (1, 48_000)
    with pytest.raises(RequestError, match="truncated"):
        decode(bytes(data[: len(data) // 2]))


def test_a_flac_whose_checksum_looks_like_a_frame_decodes_whole() -> None:
    """One of our own files: its last frame ends in the bits that begin a frame, which FFmpeg then hands out once more."""
    data = (REPOSITORY / "tests" / "fixtures" / "false_sync.flac").read_bytes()
    expected, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    decoded, decoded_rate = decode(data)
    assert decoded_rate == rate
    assert np.array_equal(decoded[0], expected)


@pytest.mark.parametrize("data", [bytes(range(256)) * 40, b"Once upon a time. " * 99, b"RIFF"])
def test_what_is_not_audio_is_rejected(data: bytes) -> None:
    with pytest.raises(RequestError, match=rf"the audio \({len(data)} bytes\) cannot be decoded.*not audio"):
        decode(data)


def test_empty_input_is_rejected() -> None:
    with pytest.raises(RequestError, match="is empty"):
        decode(b"")


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_a_file_without_samples_is_rejected(container: str) -> None:
    with pytest.raises(RequestError, match="without samples"):
        decode(sound_file(np.zeros(0), 24_000, format=container, subtype="PCM_16"))


def test_tags_in_other_encodings_do_no_harm() -> None:
    tag = b"TAG" + "Über".encode("latin-1").ljust(125, b"\0")  # ID3v1
    data = encode(speech_like(), 24_000, "mp3")
    np.testing.assert_array_equal(decode(data + tag)[0], decode(data)[0])


def test_a_picture_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with av.open(str(path), "w", format="image2", options={"update": "1"}) as output:
        picture = output.add_stream("png", width=32, height=32, pix_fmt="rgb24")
        output.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        output.mux(picture.encode(None))
    with pytest.raises(RequestError, match=r"a\.png has no audio track"):
        decode(path)


def test_samples_that_are_not_finite_are_rejected() -> None:
    with pytest.raises(RequestError, match="NaN"):
        decode(sound_file(np.array([0, np.nan, 0]), 24_000, format="WAV", subtype="FLOAT"))


def test_absurd_sample_rates_are_rejected() -> None:
    with pytest.raises(RequestError, match="sample rate of 1 Hz"):
        decode(sound_file(np.zeros(100), 1, format="WAV", subtype="PCM_16"))


def test_playlists_cannot_name_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.wav").write_bytes(encode(speech_like(), 24_000, "wav"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="cannot be decoded"):
        decode(b"ffconcat version 1.0\nfile secret.wav\n")


def test_a_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"gone\.wav cannot be read: No such file"):
        decode(tmp_path / "gone.wav")
    with pytest.raises(RequestError, match="cannot be read: Is a directory"):
        decode(tmp_path)


def test_a_broken_store_is_not_the_rows_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(StorageError, match=r"reading .*a\.wav failed.*Input/output error"):
        decode(tmp_path / "a.wav")


# Helpers


def test_mono_is_the_average_of_the_channels() -> None:
    stereo = np.array([[0.5, 1.0], [-0.5, 0.0]], np.float32)
    assert to_mono(stereo).dtype == np.float32
    np.testing.assert_array_equal(to_mono(stereo), [0.0, 0.5])
    mono = stereo[0]
    assert to_mono(mono) is mono


@pytest.mark.parametrize(("from_rate", "to_rate"), [(192_000, 24_000), (44_100, 24_000), (8_000, 24_000)])
def test_resampling_keeps_length_pitch_and_channels(from_rate: int, to_rate: int) -> None:
    time = np.arange(from_rate) / from_rate
    tones = np.stack([np.sin(2 * np.pi * hertz * time) for hertz in (440, 1000)]).astype(np.float32)
    resampled = resample(tones, from_rate, to_rate)
    assert resampled.dtype == np.float32
    assert resampled.shape == (2, to_rate)
    assert resampled.flags.c_contiguous
    spectrum = np.abs(np.fft.rfft(resampled, axis=1))
    assert spectrum.argmax(axis=1).tolist() == [440, 1000]
    np.testing.assert_allclose(resample(tones[0], from_rate, to_rate), resampled[0], atol=1e-6)


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    samples = speech_like(0.1)
    assert resample(samples, 24_000, 24_000) is samples
