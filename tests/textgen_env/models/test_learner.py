"""The order in which what learns reads texts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env.models.learner import sorted_texts


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(1, 6), st.sampled_from([2, 300, 70_000, 2**31]))
def test_sorted_texts(seed, count, length, tokens):
    texts = np.random.default_rng(seed).integers(0, tokens, (count, length))
    texts[count // 2 :] = texts[: count - count // 2]
    order, is_new = sorted_texts(texts)
    assert np.array_equal(np.sort(order), np.arange(count))
    rows = [tuple(row) for row in texts[order].tolist()]
    assert rows == sorted(rows)
    assert [i for i in range(count) if i == 0 or rows[i] != rows[i - 1]] == np.flatnonzero(is_new).tolist()
