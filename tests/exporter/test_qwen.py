"""What is read of a configuration, and that both of a model's two ways through its caches are one."""

from typing import Any

import pytest
import torch

from exporter.qwen import Backbone, QwenConfig

RAW = {
    "vocab_size": 11,
    "hidden_size": 24,
    "intermediate_size": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 5000},
    "max_position_embeddings": 32,
}


def backbone(*, qk_norm: bool) -> Backbone:
    torch.manual_seed(0)
    made = Backbone(QwenConfig(**QwenConfig.sizes(RAW), qk_norm=qk_norm), 2)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.requires_grad_(False)


def test_older_configurations_say_the_same() -> None:
    older = {key: value for key, value in RAW.items() if key != "rope_parameters"} | {"rope_theta": 5000}
    assert QwenConfig.sizes(older) == QwenConfig.sizes(RAW)
    assert QwenConfig.sizes(RAW)["head_dim"] == 6
    assert QwenConfig.sizes(RAW | {"head_dim": 8})["head_dim"] == 8


@pytest.mark.parametrize(
    "change",
    [
        {"use_sliding_window": True},
        {"rope_scaling": {"factor": 2}},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1}},
    ],
)
def test_attention_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="supported"):
        QwenConfig.sizes(RAW | change)


@pytest.mark.parametrize("qk_norm", [False, True])
def test_slots_and_growing_caches_give_the_same(qk_norm: bool) -> None:
    model = backbone(qk_norm=qk_norm)
    embeddings = torch.randn(2, 7, 24)
    slots = [torch.zeros(2, 2, 9, 6) for _ in range(4)]
    rows, _ = model.run_in_slots(embeddings, torch.full((2,), 6, dtype=torch.int32), torch.tensor(7), slots)
    none = [torch.zeros(2, 2, 0, 6) for _ in range(2)]
    positions = torch.arange(7).expand(2, 7)
    grown, _, _ = model.run_growing(embeddings, torch.ones(2, 7, dtype=torch.int64), positions, none, none)
    torch.testing.assert_close(rows.view(2, 7, 24), grown)
