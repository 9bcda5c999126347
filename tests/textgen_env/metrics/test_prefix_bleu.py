"""PrefixBleu, token by token, against the scores of the prefixes."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textgen_env.kernels import kernels
from textgen_env.metrics import BleuScorer
from textgen_env.metrics.prefix_bleu import PrefixBleu

pytestmark = pytest.mark.skipif(kernels("prefixes") is None, reason="compiled loops alone")
BLANK = 10**6


def put(state, rows, after):
    for name, values in state.items():
        values[rows] = after[name]


def taken(state, rows):
    return {name: values[rows] for name, values in state.items()}


def written(texts, lengths):
    return np.where(np.arange(texts.shape[1]) < lengths[:, None], texts, BLANK)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    max_order=st.integers(1, 6),
    smoothing=st.sampled_from([("none", None), ("exp", None), ("floor", 0.3), ("add-k", 0.7)]),
    effective_order=st.booleans(),
    ids=st.integers(1, 6),
    grouped=st.booleans(),
    first=st.sampled_from([0, 2**40]),
)
@example(0, 1, ("exp", None), True, 1, False, 0)
def test_equals_the_scores_of_the_prefixes(seed, max_order, smoothing, effective_order, ids, grouped, first):
    """Rows begin with prefixes of their own, some wait while others are written, and one begins anew."""
    rng = np.random.default_rng(seed)
    width, count = 24, 12
    references = [(first + rng.integers(0, ids, rng.integers(0, 20))).tolist() for _ in range(9)]
    groups, own = (rng.permutation(9) % 3, rng.integers(0, 3, count)) if grouped else (None, None)
    scorer = BleuScorer(references, max_order, *smoothing, effective_order, groups=groups)
    prefixes = PrefixBleu(scorer, width)
    texts = first + rng.integers(0, ids + 1, (count, width))
    lengths = rng.integers(0, 5, count)

    def check():
        np.testing.assert_allclose(state["total"], scorer.score(texts, lengths, own), rtol=0, atol=1e-12)

    state = prefixes.begin(written(texts, lengths), lengths, own)
    check()
    while (lengths < width).any():
        rows = np.flatnonzero((lengths < width) & (rng.random(count) < 0.8))
        before = taken(state, rows)
        kept = {name: np.array(values) for name, values in before.items()}
        lengths[rows] += 1
        after = prefixes.extend(before, written(texts, lengths)[rows], lengths[rows])
        for name, values in kept.items():
            np.testing.assert_array_equal(np.asarray(before[name]), values)
            np.testing.assert_array_equal(np.asarray(state[name])[rows], values)
            assert after[name].dtype == state[name].dtype
            assert after[name].shape == before[name].shape
        put(state, rows, after)
        check()
        if rng.random() < 0.1:
            lengths[:1] = rng.integers(0, 3)
            part = None if own is None else own[:1]
            put(state, np.arange(1), prefixes.begin(written(texts[:1], lengths[:1]), lengths[:1], part))
            check()


@pytest.mark.parametrize("text", [[3], [1, 2], [0, 1, 2, 3, 4, 5, 6], "random", "reference"])
def test_long_texts(text):
    """500 tokens: runs, repeats, and texts like the references; a state handed on without being put."""
    rng = np.random.default_rng(1)
    width = 500
    references = rng.integers(0, 40, (50, 300))
    references[:5] = np.resize([0, 1, 2, 3, 4, 5, 6], 300)
    references[5, :80] = 3
    tokens = np.resize(text, (2, width)) if isinstance(text, list) else rng.integers(0, 40, (2, width))
    if text == "reference":
        tokens = references[:20].reshape(2, -1)[:, :width]
    scorer = BleuScorer(references.tolist(), effective_order=True)
    prefixes = PrefixBleu(scorer, width)
    rows = np.arange(2)
    state, handed_on = (prefixes.begin(np.full((2, width), BLANK), np.zeros(2, np.int64)) for _ in range(2))
    for t in range(width):
        lengths = np.full(2, t + 1)
        put(state, rows, prefixes.extend(taken(state, rows), tokens, lengths))
        if t < 40:
            handed_on = prefixes.extend(handed_on, tokens, lengths)
            np.testing.assert_array_equal(handed_on["total"], state["total"])
        np.testing.assert_allclose(state["total"], scorer.score(tokens, lengths), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(prefixes.begin(tokens, lengths)["total"], state["total"])


def test_the_end_token_changes_nothing():
    scorer = BleuScorer([[1, 2, 3, 4], [1, 2, 0, 3]], effective_order=True)
    prefixes = PrefixBleu(scorer, 5, end=0)
    state = prefixes.begin(np.array([[1, 2, 9, 9, 9]] * 2), np.array([2, 2]))
    after = prefixes.extend(state, np.array([[1, 2, 0, 9, 9], [1, 2, 3, 9, 9]]), np.array([3, 3]))
    for name, values in after.items():
        np.testing.assert_array_equal(np.asarray(values)[0], np.asarray(state[name])[0])
    assert after["total"][1] > after["total"][0] > 0


def test_errors():
    scorer = BleuScorer([[1, 2], [3]], groups=np.array([4, 7]))
    prefixes = PrefixBleu(scorer, 3)
    tokens = np.array([[1, 2, 9]])
    with pytest.raises(ValueError, match="tokens has 4 columns; the prefixes may have 3"):
        prefixes.begin(np.zeros((1, 4), np.int64), np.array([1]), np.array([4]))
    with pytest.raises(ValueError, match=r"groups\[0\]=5 has no reference"):
        prefixes.begin(tokens, np.array([1]), np.array([5]))
    with pytest.raises(ValueError, match="groups=None"):
        prefixes.begin(tokens, np.array([1]))
    state = prefixes.begin(tokens, np.array([0]), np.array([5]))
    with pytest.raises(ValueError, match="text 0 began in a group that has no reference"):
        prefixes.extend(state, tokens, np.array([1]))
    with pytest.raises(ValueError, match="4 columns"):
        prefixes.extend(state, np.zeros((1, 4), np.int64), np.array([1]))
