"""Rows of made-up sounds: tones, one for each speaker."""

import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="sounds are torch tensors")

from training.ear import rows as ear_rows  # noqa: E402
from training.ear.rows import (  # noqa: E402
    LONGER_STEPS,
    LOUDNESS_DBFS,
    STEPS,
    Pool,
    batch_of,
    mistaken_at,
    rate_at,
    spelling_of,
    spoil,
)
from training.ear.sounds import SAMPLE_RATE, VOICE, Sound  # noqa: E402


@pytest.fixture
def pool(sounds: list[Sound]) -> Pool:
    return Pool(sounds)


def test_a_row_is_the_same_for_the_same_seed_and_full(pool: Pool) -> None:
    first, second = (pool.row(random.Random(7), 20.0, 2, 0.5) for _ in range(2))
    np.testing.assert_array_equal(first.audio, second.audio)
    assert [turn.sound["text"] for turn in first.turns] == [turn.sound["text"] for turn in second.turns]
    assert 15 < len(first.audio) / SAMPLE_RATE < 21


@pytest.mark.parametrize("seed", range(20))
def test_turns_follow_each_other_and_are_where_they_say(pool: Pool, seed: int) -> None:
    row = pool.row(random.Random(seed), 12.0, 2, 0.5, spoilt=False)
    assert row.turns[0].speaker == 0
    assert {turn.speaker for turn in row.turns} <= {0, 1}
    for before, after in itertools.pairwise(row.turns):
        assert after.start - before.end >= 0.35 - 1e-3
    assert row.turns[-1].end <= len(row.audio) / SAMPLE_RATE
    loud = np.abs(row.audio) > 1e-3
    for turn in row.turns:
        first, last = round(turn.start * SAMPLE_RATE), round(turn.end * SAMPLE_RATE)
        assert loud[first : first + 200].any()
        assert loud[last - 200 : last].any()
        assert not loud[last + 10 : last + 2000].any()
    level = 20 * np.log10(np.sqrt(np.mean(np.square(row.audio))))
    assert abs(level - LOUDNESS_DBFS) < 0.1


def test_a_sound_that_is_longer_than_the_row_is_a_row_of_its_own(tone: Callable[..., Sound]) -> None:
    row = Pool([tone("long", VOICE, 9.0)]).row(random.Random(0), 3.0, 1, 1.0, spoilt=False)
    assert len(row.turns) == 1
    assert row.turns[0].end <= len(row.audio) / SAMPLE_RATE


@pytest.mark.parametrize("seed", range(12))
def test_spoilt_audio_keeps_its_length_and_is_finite(seed: int, sounds: list[Sound]) -> None:
    audio = sounds[5]["audio"].numpy().astype(np.float32) / 32768
    spoilt = spoil(audio, random.Random(seed))
    assert spoilt.shape == audio.shape
    assert spoilt.dtype == np.float32
    assert np.isfinite(spoilt).all()


def test_the_batches_of_a_training_depend_on_their_step_alone(pool: Pool) -> None:
    once, again, other = (batch_of(pool, 0, step) for step in (600, 600, 601))
    assert all(np.array_equal(a.audio, b.audio) for a, b in zip(once, again, strict=True))
    assert len(once) != len(other) or not np.array_equal(once[0].audio, other[0].audio)
    assert all(len(row.audio) / SAMPLE_RATE <= 3.7 for row in batch_of(pool, 0, 1))  # it begins with short ones


def test_rows_that_are_only_spelled_come_last(pool: Pool) -> None:
    assert [bool(spelling_of(pool, 0, step, scale=0.1)) for step in (0, 700, 701, 1300)] == [False, False, True, True]
    once, again = ([turn.sound["text"] for row in spelling_of(pool, 0, 10_000) for turn in row.turns] for _ in range(2))
    assert (once == again, len(once) > 8) == (True, True)
    recipe, longer = (
        max(len(row.audio) for step in steps for row in spelling_of(pool, 0, step)) / SAMPLE_RATE
        for steps in (range(STEPS - 20, STEPS), range(STEPS + 1, STEPS + 21))
    )
    assert 10 < recipe < 13 < 16 < longer < 21


def test_what_is_not_heard_has_the_turns_and_the_length_of_a_row_and_silence(pool: Pool) -> None:
    heard, unheard = pool.row(random.Random(3), 9.0, 1, 1.0), pool.unheard(random.Random(3), 9.0)
    assert [(turn.sound["text"], turn.first) for turn in unheard.turns] == [
        (turn.sound["text"], turn.first) for turn in heard.turns
    ]
    assert (unheard.audio.shape, np.abs(unheard.audio).max()) == (heard.audio.shape, 0)


def test_the_last_steps_hear_less_of_the_embedded_voice_alone(pool: Pool) -> None:
    early, late = (
        [row for step in steps for row in batch_of(pool, 0, step)] for steps in (range(6960, 7000), range(7001, 7041))
    )
    said = [{turn.sound["speaker"] for turn in row.turns} for row in late if row.turns]
    assert all(VOICE in speakers for speakers in said)
    assert np.mean([len(speakers) == 1 for speakers in said]) > 0.6
    assert sum(len(row.audio) for row in late) < 0.8 * sum(len(row.audio) for row in early)
    longer = [row for step in range(STEPS + 1, STEPS + 41) for row in batch_of(pool, 0, step)]
    assert sum(len(row.audio) for row in longer) > 1.25 * sum(len(row.audio) for row in late)


def test_rows_of_all_lengths_are_learnt_from(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ear had heard rows of 4, 8, 16 and 30 s, and of every other length it understood half as much."""
    monkeypatch.setattr(ear_rows, "spoil", lambda audio, _generator: audio)
    seconds = [len(row.audio) / SAMPLE_RATE for step in range(8000, 8200) for row in batch_of(pool, 0, step)]
    assert np.histogram(seconds, bins=range(2, 31, 2))[0].min() >= 5


def test_rates_fall_to_the_end_of_the_recipe_and_of_a_longer_one() -> None:
    steps = (0, STEPS / 4, STEPS / 2, STEPS, STEPS + 1, (STEPS + LONGER_STEPS) / 2, LONGER_STEPS)
    expected = pytest.approx([1.0, 1.0, 2 / 3, 0, 0.45, 0.225, 0], abs=0.005)
    assert [rate_at(step) for step in steps] == expected
    assert [rate_at(step * 0.01, scale=0.01) for step in steps] == expected
    assert rate_at(LONGER_STEPS) > 0


def test_mistakes_become_more_frequent_and_then_stay() -> None:
    rates = [mistaken_at(step) for step in (0, 1000, 4000, 9000)]
    assert rates == pytest.approx([0.0, 0.02, 0.08, 0.08])
    assert mistaken_at(100, scale=0.1) == pytest.approx(0.02)
