import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the judge needs the 'export' extra")

from training.judge import WEIGHTS, Judge, error_rate, log_mel, train  # noqa: E402


@pytest.mark.parametrize(
    ("heard", "said", "rate"),
    [
        (["a b c"], ["a b c"], 0),
        (["a x c"], ["a b c"], 1 / 3),
        (["a c"], ["a b c"], 1 / 3),
        (["a b b c"], ["a b c"], 1 / 3),
        ([""], ["a b c"], 1),
        (["a b c d e f g"], ["x"], 7),
        (["a b", "c d e f"], ["a b", "c d x y"], 2 / 6),
    ],
)
def test_error_rate_counts_edits_per_phoneme_said(heard: list[str], said: list[str], rate: float) -> None:
    assert error_rate([h.split() for h in heard], [s.split() for s in said]) == pytest.approx(rate)


def test_shipped_judge_is_small_and_hears_nothing_in_silence_and_noise() -> None:
    assert WEIGHTS.stat().st_size <= 2**20
    judge = Judge.load()
    assert judge.hear(np.zeros(16000, np.float32)) == []
    assert len(judge.hear(np.random.default_rng(0).standard_normal(16000).astype(np.float32))) < 10


def test_save_and_load_keep_what_it_hears(tmp_path) -> None:
    judge = Judge.load()
    judge.save(tmp_path / "judge.safetensors")
    again = Judge.load(tmp_path / "judge.safetensors")
    sound = np.sin(np.arange(16000) / 7).astype(np.float32)
    assert again.phonemes == judge.phonemes
    assert again.hear(sound) == judge.hear(sound)


def test_log_mel_has_a_frame_every_16_ms_and_shows_where_a_tone_is() -> None:
    tone = torch.sin(2 * torch.pi * 1000 / 16000 * torch.arange(16000))
    mel = log_mel(tone)
    assert mel.shape == (16000 // 256 + 1, 40)
    loudest = int(mel.mean(0).argmax())
    assert mel[:, loudest].mean() > mel[:, loudest - 8].mean() + 1
    assert mel[:, loudest].mean() > mel[:, loudest + 8].mean() + 1


def test_training_teaches_it_to_tell_tones_apart(tmp_path) -> None:
    generator = np.random.default_rng(0)

    def sound(names: list[str]) -> "torch.Tensor":
        parts = [np.sin(2 * np.pi * {"low": 300, "high": 2500}[n] / 16000 * np.arange(3200)) for n in names]
        gaps = [np.zeros(1600)] * len(parts)
        return torch.from_numpy(np.concatenate(list(itertools.chain(*zip(parts, gaps, strict=True)))).astype(np.float32))

    said = [list(generator.choice(["low", "high"], 5)) for _ in range(40)]
    data = [(sound(names), names) for names in said]
    judge = train(tmp_path / "judge", data[:32], data[32:], ["low", "high"], seed=0, device=torch.device("cpu"), steps=150)
    heard = [judge.hear(audio.numpy()) for audio, _ in data[32:]]
    assert error_rate(heard, said[32:]) < 0.1
