"""Tokenizations by name, and of one's own."""

from __future__ import annotations

import pytest

from textgen_env.tokenization import Tokenization, make_tokenization, register_tokenization
from textgen_env.tokenization.names import TOKENIZATIONS
from textgen_env.tokenization.word import WordTokenization


class Halves:
    """Texts cut in the middle."""

    separator = ""
    pieces = None
    learned = ""
    settings = {"name": "halves"}  # noqa: RUF012

    def fitted(self, texts: object) -> Halves:
        return self

    def with_learned(self, learned: str) -> Halves:
        return self

    def cut(self, texts: list[str]) -> list[list[str]]:
        return [[text[: len(text) // 2], text[len(text) // 2 :]] for text in texts]

    def join(self, pieces: list[str]) -> str:
        return "".join(pieces)


def test_every_name_makes_one() -> None:
    assert list(TOKENIZATIONS)[:3] == ["word", "character", "subword"]
    for name in TOKENIZATIONS:
        made = make_tokenization(name)
        assert isinstance(made, Tokenization)
        assert made.settings["name"] == name


def test_mappings_objects_and_own_classes() -> None:
    assert make_tokenization({"name": "word", "lowercase": True}) == WordTokenization(lowercase=True)
    own = Halves()
    assert make_tokenization(own) is own
    register_tokenization("halves", Halves)
    try:
        assert make_tokenization("halves").cut(["abcd"]) == [["ab", "cd"]]
    finally:
        del TOKENIZATIONS._targets["halves"]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (3, TypeError, "tokenization=3 must be one of word, character, subword, a mapping"),
        ({"lowercase": True}, TypeError, "must be one of word, character, subword"),
        (WordTokenization, TypeError, "must be one of word, character, subword"),
        ("sentence", ValueError, "tokenization='sentence' must be one of word, character, subword"),
        (
            {"name": "word", "case": 1},
            TypeError,
            r"'word' got an unexpected argument 'case' \(case=1\); allowed are low",
        ),
        ("fractions:Fraction", TypeError, "Fraction has not all that a Tokenization has"),
    ],
)
def test_what_is_none_is_refused(given: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make_tokenization(given)
