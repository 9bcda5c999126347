"""Origins of words: copied, repeated, new."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.evaluation.origins import Span, origins, spans
from textgen_env import Texts, Vocabulary
from textgen_env.tasks.base import pad
from textgen_env.tokenization.word import WordTokenization

WORDS = ["<eos>", *"abcdefg"]
VOCABULARY = Vocabulary(WORDS, eos="<eos>")


def texts(*written: str, width: int = 9) -> Texts:
    rows = [[WORDS.index(letter) for letter in text] + [0] for text in written]
    return pad([row[:width] for row in rows], width, len(WORDS))


def marks(text: str, *training: str) -> str:
    (kinds,) = origins(texts(text), texts(*training), VOCABULARY)
    return "".join(kind[0] for kind in kinds)


@pytest.mark.parametrize(
    ("text", "training", "expected"),
    [
        ("abcdefg", ["abcdefg"], "ccccccc"),
        ("gabcdef", ["abcdefg"], "ncccccc"),
        ("abcd", ["abcdefg"], "nnnn"),
        ("abcd", ["abcd"], "cccc"),
        ("ab", ["ab", "abcdefg"], "cc"),
        ("abab", ["gggg"], "nnnr"),
        ("aaaa", ["gggg"], "nnrr"),
        ("abcdeab", ["abcdefg"], "cccccnr"),
        ("", ["a"], ""),
    ],
)
def test_every_word_has_its_origin(text: str, training: list[str], expected: str) -> None:
    assert marks(text, *training) == expected


def test_origins_agree_with_a_search_through_all_training_texts() -> None:
    rng = np.random.default_rng(0)
    training = ["".join(rng.choice(list("ab"), rng.integers(1, 9))) for _ in range(4)]
    for _ in range(300):
        text = "".join(rng.choice(list("ab"), rng.integers(0, 9)))
        pairs: set[str] = set()
        expected = ""
        for i in range(len(text)):
            pair = text[i - 1 : i + 1] if i else ""
            windows = [text[s : s + 5] for s in range(max(i - 4, 0), i + 1) if len(text[s : s + 5]) == 5]
            copied = any(window in each for window in windows for each in training) or (
                len(text) < 5 and text in training
            )
            expected += "r" if pair and pair in pairs else "c" if copied else "n"
            pairs.add(pair)
        assert marks(text, *training) == expected, (text, training)


def test_spans_join_to_the_text() -> None:
    assert spans([1, 2, 3], ["new", "new", "copied"], VOCABULARY) == (Span("a b", "new"), Span(" c", "copied"))
    words = Vocabulary(["<eos>", "it", "'s", "(", "x", ")", "."], eos="<eos>", joining=WordTokenization())
    found = spans([1, 2, 3, 4, 5, 6], ["new", "copied", "new", "repeated", "new", "new"], words)
    assert "".join(span.text for span in found) == "it's (x)."
    assert [span.origin for span in found] == ["new", "copied", "new", "repeated", "new"]
    assert spans([], [], VOCABULARY) == ()


def test_a_token_that_changes_what_stands_before_it_leaves_the_text_whole() -> None:
    class Backwards:
        def join(self, pieces: list[str]) -> str:
            return "".join(reversed(pieces))

    backwards = Vocabulary(list("abc"), joining=Backwards())
    assert spans([0, 1], ["copied", "new"], backwards) == (Span("ba", "new"),)
