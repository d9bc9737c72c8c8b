"""Training's way through a backbone against the exporter's, and its weights there and back."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the 'train' extra")

from exporter.qwen import Backbone, QwenConfig, backbone_state  # noqa: E402
from training.ear.model import attend  # noqa: E402
from training.qwen import run_whole, transformers_state  # noqa: E402

SIZES = {
    "vocab_size": 11,
    "hidden_size": 24,
    "intermediate_size": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "rms_norm_eps": 1e-6,
    "rope_theta": 5000.0,
    "max_position_embeddings": 32,
}


@pytest.fixture(params=[False, True], ids=["qwen2", "qwen3"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    torch.manual_seed(0)
    made = Backbone(QwenConfig(**SIZES, qk_norm=request.param), 2)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.requires_grad_(False)


def test_whole_rows_give_what_slots_give(backbone: Backbone) -> None:
    embeddings = torch.randn(2, 7, 24)
    after, (score,) = run_whole(backbone, embeddings, attend, [1])
    slots = [torch.zeros(2, 2, 7, 6) for _ in range(4)]
    rows, _ = backbone.run_in_slots(embeddings, torch.full((2,), 6, dtype=torch.int32), torch.tensor(7), slots)
    assert len(after) == 2
    torch.testing.assert_close(after[-1], rows.view(2, 7, 24))
    assert score.shape == (2, 7, 7)
    assert (score.triu(1) == torch.full((7, 7), -1e4).triu(1)).all()


def test_weights_are_read_back_as_they_were(backbone: Backbone) -> None:
    theirs = transformers_state(backbone, "model.")
    read = backbone_state(theirs.pop, "model.", 2, qk_norm=backbone.config.qk_norm)
    assert not theirs
    assert read.keys() == backbone.state_dict().keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in backbone.state_dict().items())
