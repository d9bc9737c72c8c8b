"""The embedded ear: a VibeVoice-ASR of three million weights, and what it is taught.

Helpers make it learn in hours and are not part of the checkpoint: the encoder's steps of 20 ms say which phoneme is
heard, its frames who speaks, the language model's first layer which frame it is at, and a head of two of its layers looks where
the next character is said, or who is to be named; what they see of a speaker's voice is asked for, and a head of the last layer
looks where the same voice was named before. espeak-ng tells phonemes and times; where it does not, only the answer is
learnt.

Spelling is most of what there is to learn, and needs no sound: what the encoder would make of a row's phonemes is imagined
by two layers that learn to, and the language model spells that too, without the cost of the encoder.
"""

import random
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from exporter.causal_conv import Conv
from exporter.layers import Linear, RMSNorm
from exporter.qwen import Backbone, QwenConfig
from exporter.vae import KERNEL, Block, Encoder, VAEConfig
from exporter.vibevoice_asr.config import Config
from exporter.vibevoice_asr.export import PROMPT
from exporter.vibevoice_asr.modules import SpeechEncoder
from training.ear.rows import Row
from training.ear.sounds import SAMPLE_RATE, VOICE
from training.qwen import run_whole

# --- what it reads and writes ------------------------------------------------------------------------------------------

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>")
_FRAME_S = 0.08
_MAX_FRAMES = 384
_TIMES = [f"{tenth / 10:.1f}" for tenth in range(round(_MAX_FRAMES * _FRAME_S * 10) + 1)]
# The prompt and the answer's JSON are a token or a few each: what is left to learn are times, speakers and letters.
_ASSISTANT, _FIRST, _END, _SPEAKER, _CONTENT, _NEXT, _LAST = (
    "assistant\n", '[{"Start":', ',"End":', ',"Speaker":', ',"Content":"', '"},{"Start":', '"}]',
)  # fmt: skip
_ASKED = [re.split(r"\{duration:.2f\}|\{context\}", PROMPT[name]) for name in ("instruction", "instruction_with_context")]
_PIECES = (
    f"system\n{PROMPT['system_prompt']}",
    "user\n",
    *dict.fromkeys(piece.format(keys=PROMPT["keys"]) for pieces in _ASKED for piece in pieces),
    *(_ASSISTANT, _FIRST, _END, _SPEAKER, _CONTENT, _NEXT, _LAST),
)


def make_tokenizer() -> Tokenizer:
    """Bytes, special tokens, the pieces that every prompt and answer has, and a token for every tenth of a second."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in (*_PIECES, *_TIMES)])
    return tokenizer


# --- sizes -----------------------------------------------------------------------------------------------------------

# From the latents' end: 12.5, 50, 100, 300 and 1500 Hz. A large first step is what makes it cheap.
_RATIOS = (4, 2, 3, 5, 16)
_SEMANTIC_RATIOS = (6, 10, 32)
_EPS = 1e-5
LM_LAYERS = 4
_PHONEME_RATE = 4  # steps of the encoder in a frame, where phonemes are heard


def sizes(vocab_size: int) -> Config:
    """What the checkpoint's ``config.json`` says. ``audio_ids`` and ``eos_ids`` are left to the tokenizer."""
    return Config(
        lm=QwenConfig(
            vocab_size=vocab_size,
            hidden_size=192,
            intermediate_size=320,
            num_attention_heads=6,
            num_key_value_heads=2,
            head_dim=32,
            rms_norm_eps=1e-6,
            rope_theta=1000.0,  # the longest wave is four times the longest row
            max_position_embeddings=4 * _MAX_FRAMES,
        ),
        lm_layers=LM_LAYERS,
        tie_word_embeddings=True,
        acoustic=VAEConfig(dimension=64, n_filters=8, ratios=_RATIOS, depths=(1, 3, 4, 2, 2, 0), eps=_EPS),
        semantic=VAEConfig(dimension=16, n_filters=2, ratios=_SEMANTIC_RATIOS, depths=(1, 1, 1, 0), eps=_EPS),
        audio_ids={},
        eos_ids=(),
    )


# --- batches ---------------------------------------------------------------------------------------------------------

IGNORED = -100
_SHORT, _LONGEST_MISTAKE = 0.7, 12
_DELAY_S = 0.06  # a sound is known when it is over: characters are looked for this much later
_PHONEME_DELAY_S = 0.04
# Batches are padded to a multiple of these: kernels are made for each size, which took as long as their work.
_FRAMES_STEP, _LENGTH_STEP = 25, 64


@dataclass(frozen=True)
class Batch:
    """Rows padded to one length. ``[batch, length]`` are the tokens but the last, or what follows each.

    Attributes:
        audio: ``[batch, samples]``, whole frames.
        heard: bool ``[batch, frames]``: of the audio, not of the padding.
        ids: int64 ``[batch, length]``.
        is_audio: bool ``[batch, length]``: the token stands for a frame of the audio.
        targets: int64 ``[batch, length]``: the next token of the answer, -100 elsewhere.
        position: ``[batch, length]``: the token where that is heard, NaN where it is not known.
        phonemes: int64 ``[batch, frames * 4]``: the phoneme at each step of 20 ms, 0 for a pause, -100 where not known.
        voices: int64 ``[batch, frames]``: the speaker by the number that the cast gives, -100 where nobody speaks.
        known_from: int64 ``[batch, length]``: before a speaker's number the index of its last use, or its own if there is none;
            -100 elsewhere.
        named: int64 ``[batch, length]``: before a speaker's number and behind it whose it is, as in ``voices``; -100 elsewhere.
    """

    audio: Tensor
    heard: Tensor
    ids: Tensor
    is_audio: Tensor
    targets: Tensor
    position: Tensor
    phonemes: Tensor
    voices: Tensor
    known_from: Tensor
    named: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Move to a device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


class Mistakes(NamedTuple):
    """What goes wrong in what was written so far: how many of the letters begin a mistake, and the seed of every choice."""

    rate: float
    seed: str


class Step(NamedTuple):
    """A token of the answer: what was written before it, itself, and the position in the prompt where it is heard, or NaN."""

    before: int
    target: int
    heard_at: float


class Writer:
    """Turns rows into what the model reads and writes.

    Attributes:
        tokenizer: the model's.
        phonemes: the names that steps of 20 ms are told by.
        asks_who: the token before a speaker's number.
        hop: samples in a frame.
    """

    def __init__(self, phonemes: Sequence[str]) -> None:
        self.tokenizer = make_tokenizer()
        self.phonemes = list(phonemes)
        self._phoneme = {name: i for i, name in enumerate(self.phonemes, 1)} | {"_": 0}
        self._letters = [self._token(chr(byte)) for byte in range(128)]
        self._in_words = [self._letters[ord(letter)] for letter in string.ascii_lowercase + " "]
        self.asks_who = self._token(_SPEAKER)
        self.hop = sizes(0).acoustic.frame_size

    def _token(self, piece: str) -> int:
        (token,) = self.tokenizer.encode(piece, add_special_tokens=False).ids
        return int(token)

    def batch(self, rows: Sequence[Row], mistakes: Mistakes | None = None) -> Batch:
        """Put rows, what is to be answered and the mistakes in what was written so far side by side."""
        frames = [-(-len(row.audio) // self.hop) for row in rows]
        prompts = [self._prompt(row, count) for row, count in zip(rows, frames, strict=True)]
        answers = [self._answer(row, *asked) for row, asked in zip(rows, prompts, strict=True)]
        if mistakes is not None:
            generator = random.Random(mistakes.seed)  # noqa: S311 - a choice, not a secret
            answers = [list(self._mistaken(answer, mistakes.rate, generator)) for answer in answers]
        lengths = [len(prompt) - 1 + len(answer) for (prompt, _), answer in zip(prompts, answers, strict=True)]
        shape = (len(rows), _padded(max(lengths), _LENGTH_STEP))
        most = _padded(max(frames), _FRAMES_STEP)
        audio = torch.zeros(len(rows), most * self.hop)
        ids, targets = torch.zeros(shape, dtype=torch.long), torch.full(shape, IGNORED)
        position = torch.full(shape, torch.nan)
        known_from, named = torch.full(shape, IGNORED), torch.full(shape, IGNORED)
        phonemes = torch.full((len(rows), most * _PHONEME_RATE), IGNORED)
        voices = torch.full((len(rows), most), IGNORED)
        for i, (row, (prompt, _), answer) in enumerate(zip(rows, prompts, answers, strict=True)):
            audio[i, : len(row.audio)] = torch.from_numpy(row.audio)
            # The answer's first step begins at the prompt's last token.
            written = slice(len(prompt) - 1, lengths[i])
            ids[i, : written.start] = torch.tensor(prompt[:-1])
            ids[i, written], targets[i, written] = (torch.tensor([step[part] for step in answer]) for part in (0, 1))
            position[i, written] = torch.tensor([step.heard_at for step in answer])
            last: dict[int, int] = {}
            asked = (ids[i] == self.asks_who).nonzero()[:, 0].tolist()
            for turn, index in zip(row.turns, asked, strict=True):
                known_from[i, index] = last.get(turn.speaker, index)
                named[i, index : index + 2] = turn.sound["speaker"] - VOICE
                last[turn.speaker] = index + 1
                voices[i, round(turn.start / _FRAME_S) : round(turn.end / _FRAME_S)] = turn.sound["speaker"] - VOICE
            phonemes[i, : frames[i] * _PHONEME_RATE] = self._heard(row, frames[i] * _PHONEME_RATE)
        heard = torch.arange(most) < torch.tensor(frames)[:, None]
        is_audio = ids == self._token(SPECIAL[-1])
        return Batch(audio, heard, ids, is_audio, targets, position, phonemes, voices, known_from, named)

    def spelling(self, rows: Sequence[Row], mistakes: Mistakes | None = None) -> Batch:
        """Put rows side by side that are imagined, not heard: without audio.

        All of the answer is asked: an ear that was asked for letters alone left out a speaker and the first words now and then.
        """
        batch = self.batch(rows, mistakes)
        return replace(batch, audio=batch.audio[:, :0])

    def _prompt(self, row: Row, frames: int) -> tuple[list[int], int]:
        """The prompt's tokens, and which of them is the first frame."""
        token, encode = self._token, partial(self.tokenizer.encode, add_special_tokens=False)
        head = encode(f"<|im_start|>system\n{PROMPT['system_prompt']}<|im_end|>\n<|im_start|>user\n").ids
        instruction = PROMPT["instruction_with_context"] if row.context else PROMPT["instruction"]
        asked = instruction.format(duration=len(row.audio) / SAMPLE_RATE, context=row.context, keys=PROMPT["keys"])
        tail = encode(f"\n{asked}<|im_end|>\n").ids
        audio = [token("<|object_ref_start|>"), *[token("<|box_start|>")] * frames, token("<|object_ref_end|>")]
        return [*head, *audio, *tail], len(head) + 1

    def _answer(self, row: Row, prompt: Sequence[int], first_frame: int) -> list[Step]:
        """What is to be written, token by token."""
        token, last_frame = self._token, -(-len(row.audio) // self.hop) - 1

        def place(second: float) -> float:
            return first_frame + min(second / _FRAME_S - 0.5, last_frame)

        said: list[tuple[int, float]] = [(token("<|im_start|>"), np.nan), (token(_ASSISTANT), np.nan)]
        for i, turn in enumerate(row.turns):
            said += [(token(_NEXT if i else _FIRST), np.nan), (token(_time(turn.start)), place(turn.start))]
            said += [(token(_END), np.nan), (token(_time(turn.end)), place(turn.end)), (token(_SPEAKER), np.nan)]
            # The number is looked for in the voice, and kept beside it: that is how later turns find it.
            middle = place((turn.start + turn.end) / 2)
            said += [(self._letters[ord(str(turn.speaker))], middle), (token(_CONTENT), middle)]
            at = (turn.sound["characters"].numpy() + turn.first) / SAMPLE_RATE + _DELAY_S
            places = [place(second) for second in at] or [np.nan] * len(turn.sound["text"])
            said += [(self._letters[ord(letter)], where) for letter, where in zip(turn.sound["text"], places, strict=True)]
        last = [token(_LAST)] if row.turns else self.tokenizer.encode("[]", add_special_tokens=False).ids
        said += [(id_, np.nan) for id_ in (*last, token("<|im_end|>"))]
        before = [prompt[-1], *(id_ for id_, _ in said)]
        return [Step(id_, target, where) for id_, (target, where) in zip(before, said, strict=False)]

    def _mistaken(self, answer: Sequence[Step], rate: float, generator: random.Random) -> Iterator[Step]:
        """Put wrong letters into what was written, leave some out, write some twice: it must find its place again."""
        left_out = 0
        for i, step in enumerate(answer):
            if step.before not in self._in_words:
                left_out = 0
                yield step
            elif left_out:
                left_out -= 1
            elif generator.random() >= rate:
                yield step
            else:
                kind = generator.choices(("wrong", "left out", "too much", "again"), (4, 2, 1, 1))[0]
                if kind == "wrong":
                    yield step._replace(before=generator.choice(self._in_words))
                elif kind == "left out":
                    left_out = _run_length(generator) - 1
                else:
                    letters = [generator.choice((step.before, self._letters[ord(" ")], generator.choice(self._in_words)))]
                    if kind == "again":
                        letters = [earlier.before for earlier in answer[max(0, i + 1 - _run_length(generator)) : i + 1]]
                    yield step
                    # Nothing is to be learnt of how such a mistake goes on, only how it ends.
                    yield from (Step(letter, IGNORED, np.nan) for letter in letters[:-1] if letter in self._in_words)
                    yield step._replace(before=letters[-1])

    def _heard(self, row: Row, steps: int) -> Tensor:
        """The phoneme at every step, a little late."""
        times = (torch.arange(steps) + 0.5) * (_FRAME_S / _PHONEME_RATE) - _PHONEME_DELAY_S
        samples = (times * SAMPLE_RATE).long()
        phonemes = torch.zeros(steps, dtype=torch.long)
        for turn in row.turns:
            sound = turn.sound
            during = (samples >= turn.first + sound["start"]) & (samples < turn.first + sound["end"])
            if not sound["phonemes"]:
                phonemes[during] = IGNORED
                continue
            labels = torch.tensor([self._phoneme.get(name, IGNORED) for name in sound["phonemes"]])
            index = torch.searchsorted(sound["starts"].long(), samples[during] - turn.first, right=True) - 1
            phonemes[during] = labels[index.clamp(min=0)]
        return phonemes


def _padded(length: int, step: int) -> int:
    return -(-length // step) * step


def _run_length(generator: random.Random) -> int:
    """How many letters a mistake has: one, or a word or two."""
    return 1 if generator.random() < _SHORT else generator.randint(2, _LONGEST_MISTAKE)


def _time(second: float) -> str:
    return _TIMES[min(round(second * 10), len(_TIMES) - 1)]


# --- the model in training ---------------------------------------------------------------------------------------------

_ALIGNED_LAYERS = (1, 2)  # whose first head looks where the next character is said
_RECOGNISING_LAYER = 3  # whose first head looks where a speaker was named before
_WINDOW = 1.5  # tokens to either side
_IMAGINED_FRAMES = 3  # whose phonemes make a frame's features
_STEPS_PART = 4  # of the encoder's downsamplings before phonemes are heard

WEIGHTS = {
    "answer": 1.0, "phoneme": 0.5, "place": 0.1, "alignment": 0.4,
    "voice": 0.2, "speaker": 0.2, "naming": 0.3, "recognition": 0.5, "imagination": 0.3,
    "spelling": 1.0, "spelling_alignment": 0.4,
}  # fmt: skip


class Trainee(nn.Module):
    """The model and its helpers."""

    def __init__(self, writer: Writer, voices: int) -> None:
        super().__init__()
        config = sizes(writer.tokenizer.get_vocab_size())
        self.config = config
        hidden = config.lm.hidden_size
        self.encoder = SpeechEncoder(config)
        for part in (self.encoder.acoustic, self.encoder.semantic):
            part.layers[0] = Stem(part.config.widths[-1])
        self.backbone = Backbone(config.lm, config.lm_layers)
        self.embedding = nn.Parameter(torch.empty(config.lm.vocab_size, hidden))
        self.norm = RMSNorm(hidden, config.lm.rms_norm_eps)
        self.to_phonemes = nn.Linear(config.acoustic.widths[1], len(writer.phonemes) + 1)
        self.to_voices = nn.Linear(hidden, voices)
        self.to_place = nn.Linear(hidden, _MAX_FRAMES)
        self.to_named_voices = nn.Linear(hidden, voices)
        self.imagination = Imagination(len(writer.phonemes) + 1, hidden)
        self._asks_who = writer.asks_who
        self._fast_read, self._fast_block = self.read, run_block
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, RMSNorm):
                nn.init.ones_(module.weight)
            elif isinstance(module, Linear | Conv):
                nn.init.normal_(module.weight, std=module.weight.shape[0] ** -0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for block in self.modules():
            if isinstance(block, Block):
                nn.init.normal_(block.linear2.weight, std=0.3 * block.linear2.weight.shape[0] ** -0.5)
        nn.init.normal_(self.embedding, std=0.02)
        nn.init.zeros_(self.to_named_voices.weight)
        for layer in self.backbone.blocks():
            for last in (layer.o_proj, layer.down_proj):
                nn.init.normal_(last.weight, std=0.1 * last.weight.shape[0] ** -0.5)

    def compile_training(self) -> None:
        """Learn faster; needs a C++ compiler. Blocks one by one: all of listening at once takes minutes, and crashed."""
        # Every width of a block is a compilation of its own: more than the usual eight.
        torch.compiler.config.recompile_limit = 32
        self._fast_read = torch.compile(self.read, dynamic=True)
        self._fast_block = torch.compile(run_block, dynamic=True)

    def listen(self, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map ``[batch, samples]`` to the acoustic encoder's steps of 20 ms, their scores of phonemes, and semantic latents."""
        samples = audio.unsqueeze(-1)
        steps = self._run(_layers(self.encoder.acoustic, 0, _STEPS_PART), samples)
        semantic = self._run(_layers(self.encoder.semantic, 0, None), samples)
        return steps, self.to_phonemes(nn.functional.gelu(steps)), semantic

    def understand(self, steps: Tensor, semantic: Tensor) -> Tensor:
        """Map what was listened to to features ``[batch, frames, hidden]``."""
        encoder = self.encoder
        acoustic = self._run(_layers(encoder.acoustic, _STEPS_PART, None), steps)
        features: Tensor = encoder.acoustic_connector(acoustic) + encoder.semantic_connector(semantic)
        return features

    def _run(self, layers: Iterable[nn.Module], x: Tensor) -> Tensor:
        """Run layers on whole recordings ``[batch, steps, channels]``."""
        run = self._fast_block if self.training else run_block
        stem, *layers = layers
        if isinstance(stem, Stem):
            following, *layers = layers
            x = stem(x.squeeze(-1), following)
        else:
            layers = [stem, *layers]
        for layer in layers:
            if isinstance(layer, Block):
                x = run(layer, x)
            else:
                x, _ = layer(x, x.new_zeros(x.shape[0], *cast("Conv", layer).past_shape))
        return x

    def read(self, ids: Tensor, is_audio: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Run the language model over ``[batch, length]``.

        Returns:
            The normalised hidden states, those after each layer, and the scores ``[batch, length, length]`` of the aligned
            heads and the recognising one.
        """
        x = nn.functional.embedding(ids, self.embedding)
        x = x.masked_scatter(is_audio[..., None], features.to(x.dtype))
        after, scores = run_whole(self.backbone, x, attend, (*_ALIGNED_LAYERS, _RECOGNISING_LAYER))
        return self.norm(after[-1]), after, scores

    def losses(self, batch: Batch, spelling: Batch | None = None) -> dict[str, Tensor]:
        """Every part of the loss, and accuracies; ``spelling`` is what :meth:`Writer.spelling` makes."""
        # Tests are too few to be worth a compilation of their own.
        read = self._fast_read if self.training else self.read
        with torch.autocast(batch.audio.device.type, torch.bfloat16):
            steps, phonemes, semantic = self.listen(batch.audio)
            features = self.understand(steps, semantic)
            hidden, after, scores = read(batch.ids, batch.is_audio, features[batch.heard])
            said = batch.targets != IGNORED
            logits = nn.functional.linear(hidden[said], self.embedding).float()
            places = self.to_place(after[0][batch.is_audio]).float()
            spoken = batch.voices != IGNORED
            voices = self.to_voices(features[spoken]).float()
            named = batch.named != IGNORED
            seen = nn.functional.rms_norm(after[_RECOGNISING_LAYER - 1][named], (self.config.lm.hidden_size,))
            named_voices = self.to_named_voices(seen).float()
            told = (batch.phonemes != IGNORED).unflatten(1, (-1, _PHONEME_RATE)).all(-1)
            imagined = self.imagination(batch.phonemes)[told].float()
            nothing = hidden.sum() * 0
            spelled = self._spell(spelling) if spelling else {"spelling": nothing, "spelling_alignment": nothing}
        targets = batch.targets[said]
        known = batch.phonemes != IGNORED
        frame = (batch.is_audio.cumsum(1) - 1)[batch.is_audio]
        pointed = ~batch.position.isnan()
        *aligned, recognising = scores
        asked = batch.known_from != IGNORED
        labels = batch.phonemes[known]
        heard = phonemes.float()[known]
        right = logits.argmax(-1) == targets
        pointed_at = pointed[said]
        who = batch.ids[said] == self._asks_who
        return {
            "answer": cross_entropy(logits, targets),
            "phoneme": _cross_entropy(heard, labels),
            "place": cross_entropy(places, frame),
            "alignment": _misalignment(aligned, batch.position) if bool(pointed.any()) else nothing,
            "voice": _cross_entropy(voices, batch.voices[spoken]),
            "naming": _cross_entropy(named_voices, batch.named[named]),
            "recognition": _cross_entropy(recognising[asked], batch.known_from[asked]),
            "imagination": _unexplained(imagined, features[told].detach().float()),
            "speaker": _cross_entropy(logits[who], targets[who]),
            "accuracy": right.float().mean(),
            "speaker_accuracy": right[who].float().mean() if bool(who.any()) else right.float().mean(),
            "pointed_accuracy": right[pointed_at].float().mean() if bool(pointed_at.any()) else right.float().mean(),
            "phoneme_accuracy": (heard.argmax(-1) == labels).float().mean() if len(labels) else heard.sum() * 0,
            **spelled,
        }

    def _spell(self, batch: Batch) -> dict[str, Tensor]:
        # The imagination is to be like the encoder and must not learn to prompt.
        features = self.imagination(batch.phonemes).detach()
        hidden, _, (*aligned, _) = self._fast_read(batch.ids, batch.is_audio, features[batch.heard])
        asked = batch.targets != IGNORED
        logits = nn.functional.linear(hidden[asked], self.embedding).float()
        targets = batch.targets[asked]
        right = (logits.argmax(-1) == targets).float()
        return {
            "spelling": cross_entropy(logits, targets),
            "spelling_alignment": _misalignment(aligned, batch.position),
            "spelling_accuracy": right.mean(),
        }


@torch.compiler.disable  # type: ignore[untyped-decorator]
def attend(query: Tensor, key: Tensor, value: Tensor, later: Tensor) -> Tensor:
    """Let ``[batch, heads, length, size]`` attend to fewer heads of keys and values, not where ``later [length, length]``.

    Plain products in bfloat16 train in half the time of a CPU's ``scaled_dot_product_attention``, or of themselves compiled.
    """
    batch, heads, length, size = query.shape
    groups = key.shape[1]
    scores = (query.reshape(batch, groups, -1, size) @ key.mT).view(batch, heads, length, length)
    weights = (scores * size**-0.5 + later.to(scores.dtype) * -1e4).softmax(-1)
    return (weights.view(batch, groups, -1, length) @ value).view(query.shape)


def _cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """The mean over labels, 0 if a batch has none."""
    return cross_entropy(scores, labels) if len(labels) else scores.sum()


def _misalignment(scores: Sequence[Tensor], position: Tensor) -> Tensor:
    """How little heads of scores ``[batch, length, length]`` look near the known ones of the positions ``[batch, length]``."""
    known = ~position.isnan()
    column = torch.arange(position.shape[1], device=position.device)
    outside = (column - position[known][:, None]).abs() > _WINDOW
    missed = [-score[known].log_softmax(-1).masked_fill(outside, -1e4).logsumexp(-1).mean() for score in scores]
    return torch.stack(missed).mean()


def _unexplained(guess: Tensor, truth: Tensor) -> Tensor:
    """The part of the variance of ``[frames, hidden]`` that a guess leaves, 0 if there are no frames."""
    return (guess - truth).square().mean() / (truth - truth.mean(0)).square().mean() if len(truth) else guess.sum()


class Imagination(nn.Module):
    """What the encoder makes of phonemes, ``[batch, frames * 4]`` to ``[batch, frames, hidden]``: the mean over all voices."""

    def __init__(self, phonemes: int, hidden: int) -> None:
        super().__init__()
        self._phonemes = phonemes
        self._earlier = (_IMAGINED_FRAMES - 1) * _PHONEME_RATE
        self.near = nn.Conv1d(phonemes, hidden, _IMAGINED_FRAMES * _PHONEME_RATE, _PHONEME_RATE)
        self.mix = nn.Linear(hidden, hidden)

    def forward(self, phonemes: Tensor) -> Tensor:
        """Map numbers as in :class:`Batch`; what is not known is taken for a pause."""
        known = nn.functional.pad(phonemes.clamp(min=0), (self._earlier, 0))
        labels = nn.functional.one_hot(known, self._phonemes).mT.to(self.mix.weight.dtype)
        features: Tensor = self.mix(nn.functional.gelu(self.near(labels).mT))
        return features


class Stem(nn.Module):
    """The first convolution's true kernel: a :class:`BandConv` holds every weight sixteen times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, 1, KERNEL) / KERNEL**0.5)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, samples: Tensor, following: Conv) -> Tensor:
        """Map ``[batch, samples]`` through this convolution and the next as if they were one: nothing is between."""
        stride = following.stride
        taps = following.taps * stride
        kernel = following.weight.unflatten(0, (taps, -1))
        spread = torch.einsum("jco,ci->ijo", kernel, self.weight[:, 0])
        joint = sum(nn.functional.pad(part, (0, 0, i, KERNEL - 1 - i)) for i, part in enumerate(spread))
        padded = nn.functional.pad(samples, (taps - stride + KERNEL - 1, 0))
        y = padded.unfold(1, taps + KERNEL - 1, stride) @ joint
        biases = torch.einsum("jco,c->jo", kernel, self.bias)
        # Before the first sample the next convolution sees zeros, not this one's bias.
        y = y + (biases.sum(0) + following.bias)
        return torch.cat((y[:, :1] - biases[: taps - stride].sum(0), y[:, 1:]), dim=1)


def _layers(encoder: Encoder, first: int, stop: int | None) -> list[nn.Module]:
    """The layers of the stages ``first`` to ``stop``; stage 0 is the stem."""
    starts = [i for i, layer in enumerate(encoder.layers) if not isinstance(layer, Block)]
    ends = [*starts[1:], len(encoder.layers)]
    # The last convolution is the head, which belongs to the last stage.
    begin = starts[first + 1] if first else 0
    return list(encoder.layers[begin : ends[stop] if stop is not None else len(encoder.layers)])


def run_block(block: Block, x: Tensor) -> Tensor:
    """Map whole recordings ``[batch, steps, channels]``; shifts and sums train faster than a depthwise convolution."""
    count = x.shape[1]
    padded = nn.functional.pad(block.norm(x), (0, 0, KERNEL - 1, 0))
    taps = block.mixer.weight[:, 0].T
    x = x + (block.mixer.bias + sum(padded[:, i : i + count] * taps[i] for i in range(KERNEL)))
    y: Tensor = x + block.linear2(nn.functional.gelu(block.linear1(block.ffn_norm(x))))
    return y
