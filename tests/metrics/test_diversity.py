"""distinct_n by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env.metrics import distinct_n


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from([0, 1, 2, 2**62]), max_size=8), max_size=6),
    n=st.integers(1, 5),
    extra=st.integers(0, 2),
)
def test_equals_brute_force(texts, n, extra):
    tokens = np.full((len(texts), max(map(len, texts), default=0) + extra), 1)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = text
    grams = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    expected = len(set(grams)) / len(grams) if grams else 0.0
    value = distinct_n(tokens, np.array([len(text) for text in texts], np.int64), n)
    assert isinstance(value, float)
    assert value == expected


def test_default_is_bigrams():
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
def test_errors(kwargs, error, message):
    with pytest.raises(error, match=message):
        distinct_n(**{"tokens": np.array([[0, 1]]), "lengths": np.array([2]), **kwargs})
