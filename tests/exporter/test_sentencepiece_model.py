from pathlib import Path

import pytest

sentencepiece = pytest.importorskip("sentencepiece", reason="SentencePiece models need the 'export' extra")

from actors.errors import ExportError  # noqa: E402
from exporter import sentencepiece_model  # noqa: E402
from exporter.sentencepiece_model import convert_sentencepiece  # noqa: E402

CORPUS = [
    "The quick brown fox jumps over the lazy dog.",
    "It costs 3.14 and a half, is that ok?",
    "Pack my box with five dozen liquor jugs!",
    "A voice that reads a shelf of books should not stumble over the last sentence of any of them.",
]


def trained(folder: Path, **options: object) -> Path:
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(CORPUS * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(folder / "m"), vocab_size=options.pop("vocab_size", 60), minloglevel=2, **options
    )
    return folder / "m.model"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byte_fallback": True, "vocab_size": 310},
        {"add_dummy_prefix": False},
        {"remove_extra_whitespaces": False, "normalization_rule_name": "identity"},
        {"user_defined_symbols": ["<pause>"]},
    ],
)
def test_ids_are_sentencepieces_on_10_000_lines_and_text_comes_back(options: dict[str, object], tmp_path: Path) -> None:
    path = trained(tmp_path, **options)
    tokenizer = convert_sentencepiece(path)  # raises at the first line that differs
    processor = sentencepiece.SentencePieceProcessor(str(path))
    for line in [*CORPUS, "the <s> and the </s> are none"]:
        ids = tokenizer.encode(line).ids
        assert ids == processor.encode(line, out_type=int)
        assert processor.unk_id() in ids or tokenizer.decode(ids) == line


def test_a_difference_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trained(tmp_path)
    monkeypatch.setattr(sentencepiece_model, "_NOWHERE", "")  # now text is cut into <s>, too
    monkeypatch.setattr(sentencepiece_model, "_lines", lambda _: ["a<s>b"])
    with pytest.raises(ExportError, match="'a<s>b' becomes"):
        convert_sentencepiece(path)


def test_other_models_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="not a unigram model"):
        convert_sentencepiece(trained(tmp_path, model_type="bpe"))
    (tmp_path / "m.model").write_bytes(b"not a model")
    with pytest.raises(ExportError, match="is not a SentencePiece model"):
        convert_sentencepiece(tmp_path / "m.model")
