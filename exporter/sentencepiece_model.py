"""SentencePiece models as ``tokenizer.json``: workers read one format, and need no SentencePiece."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers

from actors.errors import ExportError, UsageError

_CHECKED_LINES = 10_000
_NEVER = -1e6
_ODD = ("  ", "\t", "\u00a0", "\u200b", "\u2026", "\ufb01", "\uff21", "A\u030a", "\U0001f600", "\u4e2d", "\x07", "3.14")
# sentencepiece_model.proto: SentencePiece.Type. Bytes keep their names, by which the fallback finds them.
_SPOKEN, _BYTE = (1, 4), 6  # NORMAL and USER_DEFINED
_NOWHERE = "\U000fffff"  # of a private use area
_UNIGRAM = 1  # sentencepiece_model.proto: TrainerSpec.ModelType


def convert_sentencepiece(path: Path) -> Tokenizer:
    """Return the tokenizer that gives the same ids as the SentencePiece model at ``path``, checked on 10,000 lines.

    Raises:
        ExportError: not a unigram model, or a line is tokenized in another way.
        UsageError: sentencepiece is not installed.
    """
    try:
        import sentencepiece
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from sentencepiece import sentencepiece_model_pb2
    except ModuleNotFoundError as error:
        raise UsageError(f"reading {path} needs {error.name}: pip install 'speechmill[export]'") from error
    proto = sentencepiece_model_pb2.ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
        processor = sentencepiece.SentencePieceProcessor(str(path))
    except (DecodeError, RuntimeError, OSError) as error:
        raise ExportError(f"{path} is not a SentencePiece model: {error}") from error
    if proto.trainer_spec.model_type != _UNIGRAM:
        raise ExportError(f"{path} is not a unigram model: no published PocketTTS has another")
    tokenizer = _unigram(proto)
    for line in _lines([piece.piece for piece in proto.pieces if piece.type in _SPOKEN]):
        expected, actual = processor.encode(line, out_type=int), tokenizer.encode(line).ids
        if expected != actual:
            raise ExportError(f"{path}: converted, {line!r} becomes {actual}, SentencePiece gives {expected}")
    return tokenizer


def _lines(pieces: Sequence[str]) -> Iterator[str]:
    """Lines to compare on: runs of pieces, some in upper case, with odd characters and spaces between."""
    generator = random.Random(0)  # noqa: S311 - test data
    words = [piece.replace("\u2581", " ") for piece in pieces]
    for _ in range(_CHECKED_LINES):
        line = [generator.choice(words if generator.random() < 0.9 else _ODD) for _ in range(16)]
        yield "".join(part.upper() if generator.random() < 0.1 else part for part in line)


def _entry(piece: Any) -> tuple[str, float]:
    """A piece and its score. What SentencePiece never finds in a text, such as ``<s>``, gets a name that no text has."""
    if piece.type in _SPOKEN:
        return piece.piece, piece.score
    return piece.piece if piece.type == _BYTE else f"{_NOWHERE}{piece.piece}", _NEVER


def _unigram(proto: Any) -> Tokenizer:
    vocabulary = [_entry(piece) for piece in proto.pieces]
    trainer, rules = proto.trainer_spec, proto.normalizer_spec
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=trainer.unk_id, byte_fallback=trainer.byte_fallback))
    steps: list[normalizers.Normalizer] = []
    if rules.precompiled_charsmap:
        steps.append(normalizers.Precompiled(rules.precompiled_charsmap))
    if rules.remove_extra_whitespaces:
        steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    if rules.add_dummy_prefix:
        steps.append(normalizers.Prepend(" "))
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer
