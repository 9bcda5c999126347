"""Kneser-Ney against its recursive formula over dictionaries, and against the sum that probabilities have."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_env.metrics.kneser_ney import FALLBACK_DISCOUNTS, KneserNey

BEGIN = "<s>"


class Recursive:
    """The formula as it is written, n-grams being tuples."""

    def __init__(self, texts: list[list[int]], vocab_size: int, order: int) -> None:
        self.vocab_size, self.order = vocab_size, order
        raw: Counter[tuple] = Counter()
        before: defaultdict[tuple, set] = defaultdict(set)
        for text in texts:
            marked = [BEGIN, *text]
            for start, end in product(range(len(marked)), range(1, len(marked) + 1)):
                if start < end:
                    raw[tuple(marked[start:end])] += 1
                    if start:
                        before[tuple(marked[start:end])].add(marked[start - 1])
        self.counts = {
            ngram: count if len(ngram) == order or ngram[0] == BEGIN else len(before[ngram])
            for ngram, count in raw.items()
            if len(ngram) <= order and ngram != (BEGIN,)
        }
        self.discounts = [self.of_order(k) for k in range(1, order + 1)]

    def of_order(self, k: int) -> tuple[float, ...]:
        n1, n2, n3, n4 = (
            sum(1 for ngram, count in self.counts.items() if len(ngram) == k and count == i) for i in (1, 2, 3, 4)
        )
        if min(n1, n2, n3, n4) == 0:
            return FALLBACK_DISCOUNTS
        y = n1 / (n1 + 2 * n2)
        found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        return found if 0 < found[0] <= 1 and 0 < found[1] <= 2 and 0 < found[2] <= 3 else FALLBACK_DISCOUNTS

    def discount(self, k: int, count: int) -> float:
        return self.discounts[k - 1][min(count, 3) - 1] if count else 0.0

    def p(self, word: int, context: tuple) -> float:
        following = {v: self.counts.get((*context, v), 0) for v in range(self.vocab_size)}
        lower = self.p(word, context[1:]) if context else 1 / self.vocab_size
        total = sum(following.values())
        if not total:
            return lower
        k = len(context) + 1
        left = sum(self.discount(k, count) for count in following.values())
        count = following[word]
        return (count - self.discount(k, count) + left * lower) / total

    def log_prob(self, text: list[int]) -> float:
        marked = [BEGIN, *text]
        return sum(
            np.log(self.p(marked[at], tuple(marked[max(0, at - self.order + 1) : at]))) for at in range(1, len(marked))
        )


def drawn(rng: np.random.Generator, vocab_size: int, count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts of a skewed unigram, of every length."""
    chances = rng.dirichlet(np.full(vocab_size, 0.7))
    return rng.choice(vocab_size, (count, width), p=chances), rng.integers(0, width + 1, count)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), order=st.integers(1, 4), vocab_size=st.integers(1, 12), count=st.integers(1, 60))
def test_it_is_the_recursive_formula(seed: int, order: int, vocab_size: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    tokens, lengths = drawn(rng, vocab_size, count, 7)
    lengths[0] = 7
    model = KneserNey.of_texts(tokens, lengths, vocab_size, order)
    slow = Recursive([t[:n].tolist() for t, n in zip(tokens, lengths, strict=True)], vocab_size, order)
    np.testing.assert_allclose(model.discounts, slow.discounts, rtol=1e-12)
    others, other_lengths = rng.integers(vocab_size, size=(15, 9)), rng.integers(0, 10, 15)
    found = model.log_prob(others, other_lengths)
    expected = [slow.log_prob(t[:n].tolist()) for t, n in zip(others, other_lengths, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    contexts, total = model.start(15), np.zeros(15)
    for t in range(9):
        log_prob, contexts = model.step(contexts, others[:, t])
        total += np.where(other_lengths > t, log_prob, 0)
    np.testing.assert_allclose(total, found, rtol=1e-12, atol=1e-12)


def test_discounts_are_estimated_where_counts_allow_it() -> None:
    tokens, lengths = drawn(np.random.default_rng(2), 40, 600, 8)
    model = KneserNey.of_texts(tokens, lengths, 40)
    slow = Recursive([t[:n].tolist() for t, n in zip(tokens, lengths, strict=True)], 40, 3)
    assert tuple(model.discounts[2]) != FALLBACK_DISCOUNTS
    np.testing.assert_allclose(model.discounts, slow.discounts, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_of_every_context_sum_to_one(order: int) -> None:
    vocab_size = 4
    tokens, lengths = drawn(np.random.default_rng(1), vocab_size, 25, 5)
    model = KneserNey.of_texts(tokens, lengths, vocab_size, order)
    every = np.arange(vocab_size)
    for length in range(5):
        for prefix in product(range(vocab_size), repeat=length):
            contexts = model.start(1)
            for token in prefix:
                _, contexts = model.step(contexts, np.array([token]))
            log_prob, _ = model.step(np.repeat(contexts, vocab_size, 0), every)
            assert np.exp(log_prob).sum() == pytest.approx(1, abs=1e-12)
            assert np.isfinite(log_prob).all()


def test_probabilities_of_all_texts_of_a_length_sum_to_one() -> None:
    tokens, lengths = drawn(np.random.default_rng(3), 3, 40, 6)
    texts = np.array(list(product(range(3), repeat=6)))
    model = KneserNey.of_texts(tokens, lengths, 3)
    assert np.exp(model.log_prob(texts, np.full(len(texts), 6))).sum() == pytest.approx(1, abs=1e-12)


def test_by_hand() -> None:
    """Of "a a b": the bigrams <s>a, aa, ab once each; before a stand <s> and a, before b a. All discounts fall back."""
    model = KneserNey.of_texts(np.array([[0, 0, 1]]), np.array([3]), 3, order=2)
    p_a, p_b, p_c = ((2 - 1 + 1.5 / 3) / 3, (1 - 0.5 + 1.5 / 3) / 3, 1.5 / 3 / 3)
    np.testing.assert_allclose(model.unigrams, [p_a, p_b, p_c, 1])
    first = (1 - 0.5) / 1 + 0.5 * p_a
    then = (1 - 0.5) / 2 + 0.5 * p_b
    log_prob = model.log_prob(np.array([[0, 1, 2, 2], [0, 1, 9, 9]]), np.array([4, 2]))
    assert log_prob[1] == pytest.approx(np.log(first * then))
    assert log_prob[0] == pytest.approx(np.log(first * then * p_c * p_c))


def test_training_texts_are_likelier_than_shuffled_ones() -> None:
    rng = np.random.default_rng(4)
    tokens = (rng.integers(20, size=(200, 1)) + np.arange(8)) % 20
    lengths = np.full(200, 8)
    model = KneserNey.of_texts(tokens, lengths, 20)
    assert model.log_prob(tokens, lengths).mean() > model.log_prob(rng.permuted(tokens, axis=1), lengths).mean() + 10


def test_refuses() -> None:
    text = np.array([[0, 1]]), np.array([2])
    with pytest.raises(TypeError, match=r"order=1\.5 must be a whole number"):
        KneserNey.of_texts(*text, 2, order=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="order=0 must be a whole number >= 1"):
        KneserNey.of_texts(*text, 2, order=0)
    with pytest.raises(ValueError, match="vocab_size=0 must be a whole number >= 1"):
        KneserNey.of_texts(*text, 0)
    with pytest.raises(ValueError, match="1 texts without a token; a model needs at least one"):
        KneserNey.of_texts(text[0], np.array([0]), 2)
    with pytest.raises(ValueError, match=r"tokens\[0, 1\]=1 must be a token id below 1"):
        KneserNey.of_texts(*text, 1)
    model = KneserNey.of_texts(*text, 2)
    with pytest.raises(ValueError, match=r"tokens\[0, 0\]=2 must be a token id below 2"):
        model.log_prob(np.array([[2, 0]]), np.array([1]))
    with pytest.raises(ValueError, match=r"lengths\[0\]=3 must lie in 0 \.\. 2"):
        model.log_prob(text[0], np.array([3]))
    with pytest.raises(ValueError, match="vocab_size=1099511627776 must be a whole number from 1 to 1048576"):
        KneserNey.of_texts(*text, 2**40)
