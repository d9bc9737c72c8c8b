from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the 'export' extra")

from exporter.embedded.training import average  # noqa: E402


def test_the_average_is_that_of_every_weight_by_shares(tmp_path: Path) -> None:
    for i, value in enumerate((1.0, 4.0)):
        model = {"a": torch.full((2, 3), value), "b": torch.tensor([value, -value])}
        torch.save({"model": model, "step": i}, tmp_path / f"{i}.pt")
    mean = average({tmp_path / "0.pt": 3, tmp_path / "1.pt": 1})
    assert mean.keys() == {"a", "b"}
    assert torch.equal(mean["a"], torch.full((2, 3), 1.75))
    assert torch.equal(mean["b"], torch.tensor([1.75, -1.75]))
