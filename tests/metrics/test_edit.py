"""Edit distance and word error rate against the recursion written out, and against jiwer."""

from __future__ import annotations

from functools import cache
from typing import Any

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env.metrics import edit_distance, word_error_rate


def padded(texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(text) for text in texts], np.int64)
    # What follows a text is a token that texts have too: it must not be read.
    tokens = np.ones((len(texts), int(lengths.max(initial=0)) + 1), np.int64)
    for row, text in enumerate(texts):
        tokens[row, : len(text)] = text
    return tokens, lengths


def by_recursion(text: list[int], reference: list[int]) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        replaced = distance(i - 1, j - 1) + (text[i - 1] != reference[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, replaced)

    return distance(len(text), len(reference))


texts = st.lists(st.integers(0, 3), max_size=8)
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=6)


@settings(deadline=None, max_examples=400)
@given(pairs=pairs)
def test_distance_is_the_recursions(pairs: list[tuple[list[int], list[int]]]) -> None:
    written, references = ([pair[side] for pair in pairs] for side in (0, 1))
    distances = edit_distance(*padded(written), *padded(references))
    assert distances.tolist() == [by_recursion(*pair) for pair in pairs]
    assert distances.tolist() == edit_distance(*padded(references), *padded(written)).tolist()


def test_rate_is_jiwers() -> None:
    rng = np.random.default_rng(0)
    written = [rng.integers(0, 9, n).tolist() for n in rng.integers(0, 20, 300)]
    references = [rng.integers(0, 9, n).tolist() for n in rng.integers(1, 20, 300)]
    said = [" ".join(map(str, text)) for text in written]
    meant = [" ".join(map(str, text)) for text in references]
    rates = word_error_rate(*padded(written), *padded(references))
    np.testing.assert_allclose(rates, [jiwer.wer(m, s) for m, s in zip(meant, said, strict=True)], atol=1e-12)
    lengths = padded(references)[1]
    assert (rates * lengths).sum() / lengths.sum() == pytest.approx(jiwer.wer(meant, said), abs=1e-12)


def test_empty_texts_and_references() -> None:
    none, some = (np.zeros((1, 0), np.int64), np.array([0])), (np.array([[4, 4, 5]]), np.array([3]))
    assert word_error_rate(*none, *none).tolist() == [0.0]
    assert word_error_rate(*some, *none).tolist() == [3.0]
    assert word_error_rate(*none, *some).tolist() == [1.0]
    nothing = (np.zeros((0, 4), np.int64), np.zeros(0, np.int64))
    assert edit_distance(*nothing, *nothing).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1]], [1], [[1], [2]], [1, 1]), ValueError, "reference_tokens has 2 rows, expected 1"),
        (([[1]], [2], [[1]], [1]), ValueError, r"^lengths\[0\]=2"),
        (([[1]], [1], [[1]], [2]), ValueError, r"references: lengths\[0\]=2"),
        (([[1]], [1], [[-1]], [1]), ValueError, "references: .*must be a token id"),
        (([[1.0]], [1], [[1]], [1]), TypeError, "integers"),
    ],
)
def test_refuses(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        edit_distance(*(np.array(argument) for argument in arguments))
