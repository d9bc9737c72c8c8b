import itertools
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")

from exporter.soprano.lm import ServerLM  # noqa: E402
from training.voice import lm  # noqa: E402
from training.voice.codes import FIRST_CHARACTER, FIRST_CODE, START, STOP, TEXT, Example, join  # noqa: E402

_LABELS = 5


def _example(seed: int, characters: int = 12, tokens: int = 9) -> Example:
    generator = torch.Generator().manual_seed(seed)
    return Example(
        characters=FIRST_CHARACTER + torch.randint(0, 30, (characters,), generator=generator),
        codes=FIRST_CODE + torch.randint(0, 600, (tokens,), generator=generator),
        points=torch.randn(tokens, 161, generator=generator).half(),
        position=torch.linspace(0, characters - 1, tokens),
        phonemes=torch.randint(0, _LABELS, (tokens, 2), generator=generator),
    )


def test_batch_predicts_each_token_from_the_one_before_it_and_the_end_from_the_last() -> None:
    short, long = _example(0), _example(1, characters=20, tokens=14)
    batch = lm.Batch.of([short, long], 0.0, torch.Generator())
    prompt = [STOP, TEXT, *short.characters.tolist(), START]
    assert batch.ids[0, : len(prompt) + 9].tolist() == [*prompt, *short.codes.tolist()]
    first = len(prompt) - 1
    assert batch.targets[0, first : first + 10].tolist() == [*short.codes.tolist(), STOP]
    assert (batch.targets[0] != -100).sum() == 10
    assert batch.spoken.sum(1).tolist() == [9, 14]
    assert torch.equal(batch.points[0][batch.spoken[0]], short.points.float())
    assert torch.equal(batch.position[1][batch.spoken[1]], long.position + 2)  # [STOP] and [TEXT] come first


def test_corruption_changes_inputs_and_never_targets() -> None:
    examples = [_example(i, tokens=60) for i in range(8)]
    clean = lm.Batch.of(examples, 0.0, torch.Generator())
    corrupt = lm.Batch.of(examples, 0.15, torch.Generator().manual_seed(0))
    changed = (clean.ids != corrupt.ids).sum() / clean.spoken.sum()
    assert 0.08 < changed < 0.22
    assert torch.equal(clean.targets, corrupt.targets)


def test_join_puts_a_space_between_texts_and_moves_the_positions() -> None:
    one, two = _example(0), _example(1)
    both = join([one, two])
    assert len(both.characters) == 25
    assert torch.equal(both.characters[13:], two.characters)
    assert torch.equal(both.codes, torch.cat([one.codes, two.codes]))
    assert torch.equal(both.position[9:], two.position + 13)
    assert torch.equal(join([one]).codes, one.codes)


def test_groups_have_every_example_once_in_bounded_batches_and_repeat_with_the_seed() -> None:
    examples = [_example(i, characters=5 + i % 40, tokens=6 + i % 50) for i in range(300)]
    made = lm.groups(examples, seed=1, epoch=2)
    assert sum(len(example.codes) for group in made for example in group) == sum(len(e.codes) for e in examples)
    assert all(len(group) * max(map(len, group)) <= 4000 for group in made)
    joined = [example for group in made for example in group]
    assert len(joined) < len(examples)  # some were joined
    assert max(len(example.characters) for example in joined) <= 200
    again = lm.groups(examples, seed=1, epoch=2)
    assert all(torch.equal(a.codes, b.codes) for g, h in zip(made, again, strict=True) for a, b in zip(g, h, strict=True))


def test_trainee_computes_what_the_exported_module_does() -> None:
    torch.manual_seed(0)
    model = lm.Trainee(_LABELS, 161).eval()
    batch = lm.Batch.of([_example(0)], 0.0, torch.Generator())
    with torch.no_grad():
        hidden, scores = model(batch.ids)
        head = torch.nn.Module()
        head.weight = model.lm.embed_tokens.weight.T
        head.forward = lambda x: x @ head.weight
        model.lm.lm_head = head
        cache = torch.zeros(1, 2, 64, 64)
        length = batch.ids.shape[1]
        past = [cache.clone() for _ in range(10)]
        logits, last, *_ = ServerLM(model.lm)(
            batch.ids, torch.tensor([length - 1], dtype=torch.int32), torch.tensor(length), *past
        )
    assert [score.shape for score in scores] == [(1, length, length)] * 2
    assert torch.allclose(hidden[:, -1], last, atol=1e-5)
    assert torch.allclose(logits, last @ model.lm.embed_tokens.weight.T, atol=1e-5)


def _train(path: Path, steps: int) -> lm.Trainee:
    examples = [_example(i) for i in range(6)]
    return lm.train(path, examples, examples, _LABELS, seed=0, device=torch.device("cpu"), steps=steps)


def test_training_learns_and_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.fitting._EVERY", 3)
    whole = _train(tmp_path / "whole", 12)
    batches = lm._batches

    def interrupted(*arguments):
        yield from itertools.islice(batches(*arguments), 8)
        raise KeyboardInterrupt

    monkeypatch.setattr(lm, "_batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "parts", 12)
    monkeypatch.setattr(lm, "_batches", batches)
    parts = _train(tmp_path / "parts", 12)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))
    lines = (tmp_path / "whole.jsonl").read_text().splitlines()
    first, last = (__import__("json").loads(line) for line in (lines[0], lines[-1]))
    assert last["code"] < first["code"]
    assert last["step"] == 12
    assert "test_code" in last
