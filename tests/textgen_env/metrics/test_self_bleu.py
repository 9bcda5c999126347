"""Self-BLEU against its definition, and against sacrebleu."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from textgen_env.kernels import kernels
from textgen_env.metrics import BleuScorer, self_bleu
from textgen_env.metrics.self_bleu import leave_one_out_matches

pytestmark = pytest.mark.usefixtures("path")


def padded(texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(text) for text in texts])
    tokens = np.full((len(texts), int(lengths.max(initial=0)) + 1), 9)
    for row, text in enumerate(texts):
        tokens[row, : len(text)] = text
    return tokens, lengths


def by_definition(texts: list[list[int]], **options: Any) -> list[float]:
    scores = []
    for i, text in enumerate(texts):
        scorer = BleuScorer(texts[:i] + texts[i + 1 :], **options)
        scores += scorer.score(*padded([text])).tolist()
    return scores


def by_sacrebleu(texts: list[list[int]], **options: Any) -> list[float]:
    if "max_order" in options:
        options = options | {"max_ngram_order": options["max_order"]}
        del options["max_order"]
    lines = [" ".join(map(str, text)) for text in texts]
    scores = []
    for i, line in enumerate(lines):
        others = [[other] for other in lines[:i] + lines[i + 1 :]]
        judge = BLEU(tokenize="none", references=others, **options)
        scores.append(judge.corpus_score([line], None).score / 100)
    return scores


def shared_by_counting(texts: list[list[int]], max_order: int) -> list[list[int]]:
    """`leave_one_out_matches` as its docstring says it."""
    shared = []
    for order in range(1, max_order + 1):
        counts = [Counter(tuple(text[i : i + order]) for i in range(len(text) - order + 1)) for text in texts]
        shared.append(
            [
                sum(
                    min(found, max(other[ngram] for j, other in enumerate(counts) if j != i))
                    for ngram, found in own.items()
                )
                for i, own in enumerate(counts)
            ]
        )
    return [list(orders) for orders in zip(*shared, strict=True)]


# 2^62 beside small ids: n-grams whose numbers do not fit 64 bits.
samples = st.lists(st.lists(st.sampled_from([0, 1, 2, 2**62]), max_size=9), min_size=2, max_size=7)
all_options = st.fixed_dictionaries(
    {
        "max_order": st.integers(1, 6),
        "effective_order": st.booleans(),
        "smooth_method": st.sampled_from(["none", "floor", "add-k", "exp"]),
    }
)
PLAIN: dict[str, Any] = {"max_order": 4, "effective_order": False, "smooth_method": "exp"}


@settings(deadline=None, max_examples=600)
@given(texts=samples, options=all_options)
@example(texts=[[], []], options=PLAIN)
@example(texts=[[], [], [0]], options=PLAIN | {"effective_order": True})
@example(texts=[[0], [0]], options=PLAIN)
@example(texts=[[0], [0], [1]], options=PLAIN | {"effective_order": True})
@example(texts=[[0] * 9, [0] * 9, [0] * 3], options=PLAIN)
@example(texts=[[0] * 9, [0], [0]], options=PLAIN | {"smooth_method": "add-k"})
@example(texts=[[0] * 4, [1] * 4, [2] * 4], options=PLAIN | {"smooth_method": "floor"})
def test_equals_sacrebleu_with_each_text_left_out(texts: list[list[int]], options: dict[str, Any]) -> None:
    np.testing.assert_allclose(self_bleu(*padded(texts), **options), by_sacrebleu(texts, **options), atol=1e-9, rtol=0)


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32), alphabet=st.sampled_from([1, 2, 30, 5000]), options=all_options)
def test_equals_the_definition(seed: int, alphabet: int, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(seed)
    texts = [rng.integers(alphabet, size=n).tolist() for n in rng.integers(25, size=20)]
    np.testing.assert_allclose(self_bleu(*padded(texts), **options), by_definition(texts, **options), atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), alphabet=st.sampled_from([1, 2, 30]), max_order=st.integers(1, 6))
def test_matches_are_those_counted(path: str, seed: int, alphabet: int, max_order: int) -> None:
    rng = np.random.default_rng(seed)
    texts = [(rng.integers(alphabet, size=n) << 57).tolist() for n in rng.integers(25, size=30)]
    texts[20:] = texts[:10]
    matches = kernels("diversity").leave_one_out_matches if path == "compiled" else leave_one_out_matches
    assert matches(*padded(texts), max_order).tolist() == shared_by_counting(texts, max_order)


@pytest.mark.parametrize("smooth_value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("smooth_method", ["floor", "add-k"])
def test_smooth_value(smooth_method: Any, smooth_value: float) -> None:
    rng = np.random.default_rng(2)
    texts = [rng.integers(0, 9, n).tolist() for n in rng.integers(0, 9, 30)]
    options = {"smooth_method": smooth_method, "smooth_value": smooth_value}
    np.testing.assert_allclose(self_bleu(*padded(texts), **options), by_sacrebleu(texts, **options), atol=1e-9)


def test_copies_score_one_and_strangers_nothing() -> None:
    assert self_bleu(np.array([[1, 2, 3, 4], [1, 2, 3, 4]]), np.array([4, 4])).tolist() == [1.0, 1.0]
    assert self_bleu(np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), np.array([4, 4])).tolist() == [0.0, 0.0]


def test_does_not_depend_on_the_order_of_the_texts() -> None:
    rng = np.random.default_rng(1)
    tokens, lengths = rng.integers(0, 5, (40, 8)), rng.integers(0, 9, 40)
    order = rng.permutation(40)
    np.testing.assert_array_equal(self_bleu(tokens[order], lengths[order]), self_bleu(tokens, lengths)[order])


@pytest.mark.parametrize(
    ("tokens", "lengths", "options", "error", "message"),
    [
        ([[1, 2]], [2], {}, ValueError, "tokens has 1 texts"),
        ([[1], [2]], [1, 2], {}, ValueError, r"lengths\[1\]=2"),
        ([[1.0], [2.0]], [1, 1], {}, TypeError, "tokens must be an array of integers"),
        ([[1], [2]], [1, 1], {"max_order": 0}, ValueError, "max_order=0"),
        ([[1], [2]], [1, 1], {"smooth_method": "soft"}, ValueError, "smooth_method='soft'"),
    ],
)
def test_refuses(tokens: Any, lengths: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        self_bleu(np.array(tokens), np.array(lengths), **options)
