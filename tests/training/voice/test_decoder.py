from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")

from training.voice import decoder as module  # noqa: E402
from training.voice.decoder import Pair, initialised, losses, train  # noqa: E402

WINDOWS = {size: torch.hann_window(size) for size in (256, 1024)}


def _pairs(count: int) -> list[Pair]:
    """Tones of 125 Hz whose loudness the first channel tells."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for tokens in range(6, 6 + count):
        loud = torch.rand(tokens + 1, generator=generator)
        hidden = torch.randn(tokens + 1, 256, generator=generator) * 0.1
        hidden[:, 0] = 4 * loud
        envelope = torch.nn.functional.interpolate(loud[None, None], 1024 * tokens, mode="linear", align_corners=True)[0, 0]
        made.append((hidden, envelope * torch.sin(2 * torch.pi * torch.arange(1024 * tokens) / 128)))
    return made


def test_sound_of_a_segment_lies_between_its_first_and_last_state() -> None:
    hidden, sound = module._cut(_pairs(40)[-1], __import__("random").Random(0))
    assert hidden.shape == (24, 256)
    assert len(sound) == 23 * 1024


def test_a_short_utterance_is_continued_with_its_end_and_silence() -> None:
    pair = _pairs(1)[0]
    hidden, sound = module._cut(pair, __import__("random").Random(0))
    assert hidden.shape == (24, 256)
    assert torch.equal(hidden[7:], pair[0][-1:].expand(17, -1))
    assert not sound[6 * 1024 :].any()


def test_losses_are_zero_for_the_decoders_own_sound_and_large_for_another() -> None:
    torch.manual_seed(0)
    decoder = initialised()
    hidden = torch.randn(2, 9, 256)
    with torch.no_grad():
        own = decoder(hidden)
        same = losses(decoder, (hidden, own), WINDOWS)
        other = losses(decoder, (hidden, own.flip(0)), WINDOWS)
    assert own.shape == (2, 8 * 1024)
    assert all(value < 1e-3 for value in same.values())
    assert all(value > 0.3 for value in other.values())


def test_training_learns_a_tone_and_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 4)
    monkeypatch.setattr(module, "_SEGMENT", 6)
    monkeypatch.setattr("training.fitting._EVERY", 10)
    pairs, device = _pairs(8), torch.device("cpu")
    whole = train(tmp_path / "whole", pairs[:6], pairs[6:], seed=0, device=device, steps=40)
    segments = module._segments

    def interrupted(*arguments):
        for i, batch in enumerate(segments(*arguments)):
            if len(arguments[0]) == 6 and i == 30:
                raise KeyboardInterrupt
            yield batch

    monkeypatch.setattr(module, "_segments", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", pairs[:6], pairs[6:], seed=0, device=device, steps=40)
    monkeypatch.setattr(module, "_segments", segments)
    parts = train(tmp_path / "parts", pairs[:6], pairs[6:], seed=0, device=device, steps=40)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))
    curve = [__import__("json").loads(line) for line in (tmp_path / "whole.jsonl").read_text().splitlines()]
    assert curve[-1]["test_spectrum"] < 0.8 * curve[0]["spectrum"]
