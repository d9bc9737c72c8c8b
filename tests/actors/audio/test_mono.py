"""Speech in one channel, whatever the others hold, and recordings that are longer than memory."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from actors.audio.codec import decode_mono, resample
from actors.audio.mono import FloatArray, release
from actors.errors import StorageError

REPOSITORY = Path(__file__).parents[3]


def speech_like(seconds: float = 2.0, rate: int = 24_000) -> FloatArray:
    """A voice-like hum with a syllable rhythm and a little noise, reproducible."""
    time = np.arange(round(seconds * rate)) / rate
    hum = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 8))
    noise = np.random.default_rng(7).standard_normal(time.size)
    return ((0.2 * hum * np.sin(2 * np.pi * 2 * time) ** 2) + 0.005 * noise).astype(np.float32)


def sound_file(samples: FloatArray, rate: int) -> bytes:
    """A WAV file of float32 ``[samples]`` or ``[samples, channels]``."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="wav", subtype="FLOAT")
    return file.getvalue()


HUM = (0.5 * np.sin(2 * np.pi * 50 * np.arange(48_000) / 24_000)).astype(np.float32)
VOICE, NOTHING = speech_like(), np.zeros(48_000, np.float32)
FAINT = (1e-3 * np.random.default_rng(1).standard_normal(48_000)).astype(np.float32)


@pytest.mark.parametrize(
    "channels",
    [
        [VOICE, VOICE],
        [VOICE, -VOICE],
        [VOICE, FAINT - 0.8 * VOICE],
        [VOICE, HUM],
        [HUM, VOICE],
        [HUM + VOICE, HUM - VOICE],
        [VOICE, NOTHING],
        [VOICE, NOTHING + np.float32(0.3)],
        [NOTHING, NOTHING, VOICE, HUM, NOTHING, NOTHING],
        [VOICE, -VOICE, VOICE],
    ],
    ids=["equal", "reversed", "reversed and unlike", "hum", "hum first", "hum in both", "dead", "offset", "5.1", "three"],
)
@pytest.mark.parametrize("rate", [24_000, 44_100])
def test_speech_in_any_channel_is_what_mono_holds(channels: list[FloatArray], rate: int) -> None:
    file = sound_file(resample(np.array(channels), 24_000, rate).T, rate)
    mono = decode_mono(file, 24_000, 10).samples
    assert len(mono) == len(VOICE)
    mono = mono - mono.mean()
    assert abs(float(mono @ VOICE) / float(np.linalg.norm(mono) * np.linalg.norm(VOICE))) > 0.99


def test_a_click_does_not_hide_that_a_channel_is_reversed() -> None:
    quiet = 0.05 * np.tile(VOICE, 4)
    clicked = quiet.copy()
    clicked[9_000] = 1
    mono = decode_mono(sound_file(np.array([clicked, -quiet]).T, 24_000), 24_000, 10).samples
    np.testing.assert_allclose(mono[10_000:], quiet[10_000:], atol=1e-6)


def test_mono_of_channels_that_differ_is_their_mean() -> None:
    other = np.random.default_rng(0).standard_normal(len(VOICE)).astype(np.float32) * 0.1
    for channels in ([VOICE, other], [VOICE, np.roll(VOICE, 5000)], [VOICE, 0.1 * VOICE]):
        file = sound_file(np.array(channels).T, 24_000)
        np.testing.assert_array_equal(decode_mono(file, 24_000, 10).samples, np.mean(channels, axis=0, dtype=np.float32))


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_long_audio_is_in_a_file_that_leaves_nothing_behind(rate: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sound_file(speech_like(9, rate), rate)
    held = decode_mono(file, 24_000, 10).samples
    monkeypatch.setattr("actors.audio.mono._MAX_HELD", 100_000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spooled = decode_mono(file, 24_000, 10).samples
    assert not spooled.flags.writeable
    assert list(tmp_path.iterdir()) == []
    release(spooled[5:])
    np.testing.assert_array_equal(spooled, held)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StorageError, match=r"nowhere cannot take the audio of a long recording.*TMPDIR"):
        decode_mono(file, 24_000, 10)


def test_memory_does_not_grow_with_a_recording() -> None:
    code = (
        "import io, resource, numpy as np, soundfile\n"
        "from actors.audio.codec import decode_mono\n"
        "from actors.audio.mono import blocks\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "file = io.BytesIO()\n"
        "with soundfile.SoundFile(file, 'w', 24_000, 1, format='FLAC') as out:\n"
        "    for _ in range(20): out.write(np.tile(np.float32([0.1, -0.1]), 720_000))\n"
        "decode_mono(file.getvalue(), 24_000, 1e4).samples[:9].sum()\n"
        "before = peak()\n"
        "audio = decode_mono(file.getvalue(), 24_000, 1e4).samples\n"
        "assert len(audio) == 20 * 60 * 24_000 and all(block.max() > 0 for block in blocks(audio, 1 << 20))\n"
        "assert peak() - before < 20, (before, peak())\n"  # the samples are 115 MB
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, timeout=60)
