from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="checkpoints need the 'export' extra")

from exporter.checkpoints import open_checkpoint  # noqa: E402
from exporter.soprano import FILES, load  # noqa: E402
from training.voice.checkpoint import LEVEL, write  # noqa: E402
from training.voice.codes import VOCABULARY  # noqa: E402
from training.voice.decoder import GAIN, initialised  # noqa: E402
from training.voice.lm import Trainee  # noqa: E402

SHIPPED = Path(__file__).parents[3] / "training" / "checkpoints" / "voice"


def test_exporter_reads_back_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trainee, decoder = Trainee(5, 161).eval(), initialised()
    with torch.no_grad():
        decoder.out.weight.mul_(5)
        for model in (trainee, decoder):
            for parameter in model.parameters():
                parameter.copy_(parameter.half())  # what the file can hold
    write(tmp_path, trainee.lm, decoder)
    export = load(open_checkpoint(str(tmp_path), FILES), "server")
    ids = torch.randint(0, VOCABULARY, (1, 30))
    cache = [torch.zeros(1, 2, 64, 64) for _ in range(10)]
    with torch.no_grad():
        expected, _ = trainee(ids)
        _, hidden, *_ = export.named("lm").graph.module(ids, torch.tensor([29], dtype=torch.int32), torch.tensor(30), *cache)
        assert torch.allclose(hidden, expected[:, -1], atol=1e-5)
        states = torch.randn(1, 7, 256)
        audio, louder = export.named("decoder").graph.module(states), decoder(states)
    # The gain moves into a bias, which float16 rounds.
    assert torch.allclose(audio * GAIN / LEVEL, louder, atol=2e-3 * float(louder.abs().max()))


def test_shipped_checkpoint_is_whole_and_small_and_holds_no_pickled_code() -> None:
    assert {path.name for path in SHIPPED.iterdir()} >= {*FILES, "generation_config.json", "README.md"}
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 8 * 2**20
    decoder = torch.load(SHIPPED / "decoder.pth", weights_only=True)
    assert {tensor.dtype for tensor in decoder.values()} == {torch.float16}
