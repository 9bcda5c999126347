"""Self-BLEU against its definition, and against sacrebleu."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from textgen_env.metrics import BleuScorer, self_bleu


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


samples = st.lists(st.lists(st.integers(0, 3), max_size=9), min_size=2, max_size=7)


@settings(deadline=None, max_examples=300)
@given(
    texts=samples,
    max_order=st.integers(1, 5),
    smooth_method=st.sampled_from(["none", "floor", "add-k", "exp"]),
    effective_order=st.booleans(),
)
def test_equals_the_definition(
    texts: list[list[int]], max_order: int, smooth_method: Any, effective_order: bool
) -> None:
    options = {"max_order": max_order, "smooth_method": smooth_method, "effective_order": effective_order}
    np.testing.assert_allclose(self_bleu(*padded(texts), **options), by_definition(texts, **options), atol=1e-12)


def test_equals_sacrebleu_with_each_text_left_out() -> None:
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 6, n).tolist() for n in rng.integers(4, 15, 30)]
    lines = [" ".join(map(str, text)) for text in texts]
    expected = []
    for i, line in enumerate(lines):
        metric = BLEU(tokenize="none", references=[[other] for other in lines[:i] + lines[i + 1 :]])
        expected.append(metric.corpus_score([line], None).score / 100)
    np.testing.assert_allclose(self_bleu(*padded(texts)), expected, atol=1e-9)


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
