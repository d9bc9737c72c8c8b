"""An independent judge of intelligibility: a small CTC phoneme recognizer (Graves et al. 2006).

It was trained on the target voice's sound only (espeak-ng through WORLD), never on what the embedded voice says, and needs no
download. What it hears is compared with the phonemes that espeak-ng reads from the same text.
"""

import functools
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from training.fitting import fit, mean, skipping, with_rate
from training.mel import mel_filters

WEIGHTS = Path(__file__).parent / "judge.safetensors"
SAMPLE_RATE = 16000

_N_FFT, _HOP, _MELS = 512, 256, 40
_CHANNELS, _DILATIONS = 128, (1, 2, 3, 1)
_BLANK = 0
_BATCH = 24
STEPS = 1200

Heard = tuple[Tensor, Tensor]  # log-mel [frames, 40], labels [phonemes]


class Judge(nn.Module):
    """Log-mel frames of 16 ms to scores of phonemes: five convolutions that see 0.3 s to either side.

    Attributes:
        phonemes: espeak's names; label 0 is CTC's blank, label ``i`` is ``phonemes[i - 1]``.
    """

    def __init__(self, phonemes: Sequence[str]) -> None:
        super().__init__()
        self.phonemes = list(phonemes)
        self.embed = nn.Conv1d(_MELS, _CHANNELS, 5, padding=2)
        self.convs = nn.ModuleList(nn.Conv1d(_CHANNELS, _CHANNELS, 5, padding=2 * k, dilation=k) for k in _DILATIONS)
        self.norms = nn.ModuleList(nn.BatchNorm1d(_CHANNELS) for _ in _DILATIONS)
        self.out = nn.Conv1d(_CHANNELS, len(self.phonemes) + 1, 1)

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Judge":
        """Read the judge that ships with the repository."""
        with safe_open(path, "pt") as file:
            judge = cls(json.loads(file.metadata()["phonemes"]))
            judge.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - not a dict
        return judge.eval()

    def save(self, path: Path) -> None:
        """Write the weights as float16."""
        state = {name: t.half() if t.is_floating_point() else t for name, t in self.state_dict().items()}
        save_file(state, path, metadata={"phonemes": json.dumps(self.phonemes)})

    def forward(self, mel: Tensor) -> Tensor:
        """Map log-mel ``[batch, frames, 40]`` to scores ``[batch, frames, 1 + phonemes]``."""
        x = nn.functional.gelu(self.embed(mel.transpose(1, 2)))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = x + nn.functional.dropout(nn.functional.gelu(norm(conv(x))), 0.1, self.training)
        return self.out(x).transpose(1, 2)

    @torch.no_grad()
    def hear(self, audio: np.ndarray) -> list[str]:
        """The phonemes in mono audio at 16 kHz, float ``[samples]``: each frame's best label, repeats and blanks dropped."""
        best = self(log_mel(torch.from_numpy(np.asarray(audio, np.float32)))[None])[0].argmax(-1).tolist()
        return [self.phonemes[label - 1] for label, _ in itertools.groupby(best) if label != _BLANK]


@functools.cache
def _filters() -> Tensor:
    return torch.from_numpy(mel_filters(_N_FFT, _MELS, SAMPLE_RATE).astype(np.float32))


def log_mel(audio: Tensor) -> Tensor:
    """Log-mel power ``[frames, 40]`` of ``[samples]``, a frame every 16 ms, scaled to about one."""
    spectrum = torch.stft(audio, _N_FFT, _HOP, _N_FFT, torch.hann_window(_N_FFT), return_complex=True).abs().square()
    return (_filters() @ spectrum + 1e-5).log().T * 0.4 + 1


def error_rate(heard: Sequence[Sequence[str]], said: Sequence[Sequence[str]]) -> float:
    """Phoneme error rate: :func:`edits` (Levenshtein 1966) over all pairs, per phoneme said."""
    return sum(map(edits, heard, said)) / sum(map(len, said))


def edits(heard: Sequence[str], said: Sequence[str]) -> int:
    """Insertions, deletions and substitutions that turn what was heard into what was said."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, given in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != given))
    return row[-1]


def _batches(heard: Sequence[Heard], seed: int) -> Iterator[list[Heard]]:
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    while True:
        yield generator.sample(heard, min(_BATCH, len(heard)))


def _loss(judge: Judge, batch: Sequence[Heard], device: torch.device) -> dict[str, Tensor]:
    frames = torch.tensor([len(mel) for mel, _ in batch])
    lengths = torch.tensor([len(labels) for _, labels in batch])
    mel = nn.utils.rnn.pad_sequence([mel for mel, _ in batch], batch_first=True, padding_value=-3.6).to(device)
    if judge.training:  # the embedded voice is not the target voice: noise, and a colour of its own
        mel = mel + 0.15 * torch.randn_like(mel) + 0.15 * torch.randn(len(batch), 1, _MELS, device=device)
    scores = judge(mel).log_softmax(-1).transpose(0, 1)
    labels = torch.cat([labels for _, labels in batch]).to(device)
    return {"ctc": nn.functional.ctc_loss(scores, labels, frames, lengths, blank=_BLANK, zero_infinity=True)}


def train(
    path: Path,
    sounds: Sequence[tuple[Tensor, Sequence[str]]],
    tests: Sequence[tuple[Tensor, Sequence[str]]],
    phonemes: Sequence[str],
    *,
    seed: int,
    device: torch.device,
    steps: int = STEPS,
) -> Judge:
    """Train, or go on from ``path``'s last save; see :func:`training.fitting.fit`.

    Args:
        path: without suffix.
        sounds: audio ``[samples]`` at 16 kHz and the phonemes in it.
        tests: the same, for the curve.
        phonemes: all names.
        seed: of the weights and the order.
        device: where.
        steps: of the optimizer.
    """
    torch.manual_seed(seed)
    judge = Judge(phonemes).to(device)
    label = {name: i for i, name in enumerate(judge.phonemes, 1)}
    heard, held = (
        [(log_mel(audio), torch.tensor([label[name] for name in names])) for audio, names in part] for part in (sounds, tests)
    )
    fit(
        path,
        judge,
        [with_rate(torch.optim.AdamW(judge.parameters(), lr=2e-3))],
        skipping(_batches(heard, seed)),
        lambda batch: _loss(judge, batch, device),
        {"ctc": 1.0},
        lambda: mean(_loss(judge, held[i : i + _BATCH], device) for i in range(0, len(held), _BATCH)),
        steps,
        lambda done: 1.01 - done,
    )
    return judge
