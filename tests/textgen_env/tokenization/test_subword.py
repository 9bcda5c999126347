"""Subwords: learned, and from the file of another tokenizer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from textgen_env.tasks.captions import captions_grammar
from textgen_env.tokenization import make_tokenization
from textgen_env.tokenization.subword import SubwordTokenization

RNG = np.random.default_rng(0)
TEXTS = [" ".join(captions_grammar().sample(RNG)) for _ in range(300)]
BOTH = pytest.mark.parametrize("model", ["bpe", "unigram"])


def learned(model: str, **arguments: object) -> SubwordTokenization:
    return make_tokenization({"name": "subword", "model": model, "vocab_size": 200, **arguments}).fitted(TEXTS)


@BOTH
def test_pieces_are_learned_and_give_the_text_back(model: str) -> None:
    subwords = learned(model)
    assert subwords.pieces is not None
    assert subwords.pieces.tokens[:2] == ("<eos>", "<unk>")
    assert (subwords.pieces.end, subwords.pieces.unknown) == ("<eos>", "<unk>")
    assert len(subwords.pieces.tokens) <= 200
    for text, cut in zip(TEXTS, subwords.cut(TEXTS), strict=True):
        assert subwords.join(cut) == text
        assert set(cut) <= set(subwords.pieces.tokens)
    assert subwords.cut(["the  dog "]) == subwords.cut(["the dog"])
    assert len(subwords.cut(["the street"])[0]) < len("the street")


@BOTH
def test_what_no_piece_covers_is_unknown_and_an_end_in_a_text_is_none(model: str) -> None:
    subwords = learned(model)
    cut = subwords.cut(["cat é <eos>"])[0]
    assert "<unk>" in cut
    assert "<eos>" not in cut


@BOTH
def test_learning_again_gives_the_same(model: str) -> None:
    subwords = learned(model)
    assert all(learned(model).learned == subwords.learned for _ in range(3))
    assert subwords == learned(model)
    assert hash(subwords) == hash(learned(model))
    again = make_tokenization({"name": "subword", "model": model, "vocab_size": 200}).with_learned(subwords.learned)
    assert again == subwords
    assert again.cut(TEXTS) == subwords.cut(TEXTS)
    assert subwords.fitted(["another text"]) is subwords


def test_letters_are_made_small() -> None:
    assert learned("bpe", lowercase=True).cut(["THE Cat"]) == learned("bpe").cut(["the cat"])


@BOTH
def test_a_file_gives_the_same_pieces(model: str, tmp_path: Path) -> None:
    subwords = learned(model)
    path = tmp_path / "tokenizer.json"
    path.write_text(subwords.learned, encoding="utf-8")
    read = SubwordTokenization(path=str(path))
    assert read.pieces == subwords.pieces
    assert read.cut(TEXTS) == subwords.cut(TEXTS)
    elsewhere = tmp_path / "other.json"
    elsewhere.write_text(subwords.learned, encoding="utf-8")
    assert SubwordTokenization(path=str(elsewhere)).settings == read.settings


def test_a_file_of_bytes_covers_all_and_gets_an_end(tmp_path: Path) -> None:
    import tokenizers as library

    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    read = SubwordTokenization(path=str(path))
    assert read.pieces is not None
    assert len(read.pieces.tokens) == tokenizer.get_vocab_size() + 1
    assert (read.pieces.end, read.pieces.tokens[-1], read.pieces.unknown) == ("<eos>", "<eos>", "")
    text = "cat 中文 😀 <eos>"
    assert read.join(read.cut([text])[0]) == text
    assert read.cut([text])[0] == tokenizer.encode(text).tokens


def test_the_end_of_a_file_is_found_or_named(tmp_path: Path) -> None:
    import tokenizers as library

    tokenizer = library.Tokenizer(library.models.WordLevel({"[SEP]": 0, "[UNK]": 1, "cat": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = library.pre_tokenizers.Whitespace()
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    read = SubwordTokenization(path=str(path))
    assert read.pieces is not None
    assert read.pieces.tokens == ("[SEP]", "[UNK]", "<unused 2>", "cat")
    assert (read.pieces.end, read.pieces.unknown) == ("[SEP]", "[UNK]")
    assert read.cut(["cat dog"]) == [["cat", "[UNK]"]]
    assert read.join(["cat", "cat"]) == "cat cat"
    named = SubwordTokenization(path=str(path), end="cat")
    assert named.pieces is not None
    assert named.pieces.end == "cat"


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"model": "wordpiece"}, ValueError, "model='wordpiece' must be one of 'bpe', 'unigram'"),
        ({"vocab_size": 3}, ValueError, "vocab_size=3 must be a whole number >= 4"),
        ({"lowercase": 0}, TypeError, "lowercase=0 must be True or False"),
        ({"unicode_form": "NFD"}, ValueError, "unicode_form='NFD' must be one of"),
        ({"end": "</s>"}, ValueError, "end='</s>' names a token of a file, and path=None"),
        ({"path": "there.json", "vocab_size": 9}, ValueError, "together with path='there.json': the file has its own"),
        ({"path": "no_such.json"}, FileNotFoundError, "path='no_such.json': no such file; give the tokenizer.json"),
        ({"path": 3}, TypeError, "path=3 must be a string, got int"),
        ({"path": "."}, ValueError, "path='.' is a folder"),
    ],
)
def test_other_arguments_are_refused(arguments: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        SubwordTokenization(**arguments)


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    for content in ("{}", json.dumps({"model": 3}), "cat"):
        path.write_text(content)
        with pytest.raises(
            ValueError, match=r"path='.*tokenizer.json' is no tokenizer \(.*\); give the tokenizer.json"
        ):
            SubwordTokenization(path=str(path))
    path.write_text(learned("bpe").learned)
    with pytest.raises(ValueError, match=r"end='</end>' is not among the \d+ tokens of .*tokenizer.json"):
        SubwordTokenization(path=str(path), end="</end>")


def test_pieces_are_learned_before_they_cut() -> None:
    with pytest.raises(RuntimeError, match=r"has not learned its pieces: use fitted\(texts\) first"):
        SubwordTokenization().cut(["cat"])
    with pytest.raises(ValueError, match="vocab_size=5: no pieces could be learned"):
        SubwordTokenization(model="unigram", vocab_size=5).fitted(TEXTS)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        ImportError, match=r"subwords need tokenizers; install it with: pip install \"textgen-env\[text\]"
    ):
        SubwordTokenization()
