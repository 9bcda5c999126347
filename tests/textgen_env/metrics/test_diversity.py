"""distinct_n by brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env.metrics import distinct_n

pytestmark = pytest.mark.usefixtures("path")
# Some share their low bits, some their high ones: what a hash drops must not matter.
ALPHABETS = ([0], [0, 1, 2, 2**62], list(range(5000)), [2**62 - i for i in range(50)], [i << 40 for i in range(50)])


def by_sets(texts: list[list[int]], n: int) -> float:
    ngrams = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    return len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def padded(texts: list[list[int]], extra: int = 0) -> tuple[np.ndarray, np.ndarray]:
    # What follows a text is a token that texts have too: it must not be read.
    tokens = np.full((len(texts), max(map(len, texts), default=0) + extra), 1)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = text
    return tokens, np.array([len(text) for text in texts], np.int64)


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from([0, 1, 2, 2**62]), max_size=8), max_size=6),
    n=st.integers(1, 10),
    extra=st.integers(0, 2),
)
def test_equals_brute_force(texts: list[list[int]], n: int, extra: int) -> None:
    value = distinct_n(*padded(texts, extra), n)
    assert isinstance(value, float)
    assert value == by_sets(texts, n)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), alphabet=st.sampled_from(ALPHABETS), n=st.integers(1, 6))
def test_equals_brute_force_on_many_texts(seed: int, alphabet: list[int], n: int) -> None:
    rng = np.random.default_rng(seed)
    texts = [rng.choice(alphabet, size=length).tolist() for length in rng.integers(30, size=60)]
    texts[30:40] = texts[:10]
    assert distinct_n(*padded(texts), n) == by_sets(texts, n)


def test_arrays_of_any_layout_and_integer_type() -> None:
    rng = np.random.default_rng(0)
    tokens, lengths = rng.integers(9, size=(40, 12)), rng.integers(13, size=40)
    expected = distinct_n(tokens, lengths, 3)
    for same in (np.repeat(tokens, 2, axis=1)[:, ::2], tokens.astype(np.uint8), np.asfortranarray(tokens)):
        assert distinct_n(same, lengths.astype(np.int32), 3) == expected


def test_default_is_bigrams() -> None:
    tokens = np.array([[1, 2, 1, 2], [2, 1, 9, 9]])
    assert distinct_n(tokens, np.array([4, 2])) == 2 / 4


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"n": 0}, ValueError, "n=0"),
        ({"n": 1.5}, TypeError, "n=1.5"),
        ({"tokens": np.array([0, 1])}, ValueError, "shapes"),
        ({"tokens": np.array([[0.0, 1.0]])}, TypeError, "tokens must be an array of integers"),
        ({"tokens": np.array([[0, -1]])}, ValueError, r"tokens\[0, 1\]=-1"),
        ({"lengths": np.array([3])}, ValueError, r"lengths\[0\]=3"),
    ],
)
def test_errors(kwargs: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        distinct_n(**{"tokens": np.array([[0, 1]]), "lengths": np.array([2]), **kwargs})
