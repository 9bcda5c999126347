"""Monte-Carlo estimates against sums over all texts of a distribution small enough to enumerate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as scipy_stats

from textgen_env.metrics import Estimate, cross_entropy, entropy, kl_divergence, monte_carlo_mean
from textgen_env.metrics.divergence import ratio_of_means

# Texts of 1 to 4 tokens with their probabilities under p and q, dependent on the length so that a mean of ratios and a
# ratio of means differ.
LENGTHS = np.array([1, 1, 2, 3, 4, 4, 4])
P = np.array([0.30, 0.20, 0.15, 0.15, 0.10, 0.06, 0.04])
Q = np.array([0.05, 0.25, 0.10, 0.20, 0.10, 0.10, 0.20])

EXACT_A_TEXT = {
    "kl": float((P * np.log(P / Q)).sum()),
    "cross_entropy": float(-(P * np.log(Q)).sum()),
    "entropy": float(-(P * np.log(P)).sum()),
}


def estimates(texts: np.ndarray, lengths: np.ndarray | None) -> dict[str, Estimate]:
    log_p, log_q = np.log(P[texts]), np.log(Q[texts])
    return {
        "kl": kl_divergence(log_p, log_q, lengths),
        "cross_entropy": cross_entropy(log_q, lengths),
        "entropy": entropy(log_p, lengths),
    }


@pytest.mark.parametrize("a_token", [False, True])
def test_estimates_are_within_four_standard_errors_of_the_enumeration(a_token: bool) -> None:
    texts = np.random.default_rng(0).choice(len(P), 20_000, p=P)
    scale = float((P * LENGTHS).sum()) if a_token else 1.0
    for name, found in estimates(texts, LENGTHS[texts] if a_token else None).items():
        assert abs(found.value - EXACT_A_TEXT[name] / scale) < 4 * found.error, name
        assert 0 < found.error < 0.05
        assert found.count == 20_000


@pytest.mark.parametrize("a_token", [False, True])
def test_standard_error_is_the_spread_of_the_estimate_over_repetitions(a_token: bool) -> None:
    rng = np.random.default_rng(1)
    repeated: dict[str, list[Estimate]] = {name: [] for name in EXACT_A_TEXT}
    for _ in range(2_000):
        texts = rng.choice(len(P), 200, p=P)
        for name, found in estimates(texts, LENGTHS[texts] if a_token else None).items():
            repeated[name].append(found)
    for name, found_often in repeated.items():
        spread = np.std([found.value for found in found_often], ddof=1)
        # The standard deviation of 2,000 values is known to 1.6%.
        assert np.mean([found.error for found in found_often]) == pytest.approx(spread, rel=0.07), name


def test_a_token_is_the_ratio_of_sums_and_not_the_mean_of_ratios() -> None:
    log_q, lengths = np.array([-1.0, -12.0]), np.array([1, 4])
    assert cross_entropy(log_q, lengths).value == pytest.approx(13 / 5)
    assert cross_entropy(log_q).value == pytest.approx(13 / 2)


def test_of_equal_lengths_all_forms_agree() -> None:
    log_q = -np.random.default_rng(2).gamma(3.0, size=50)
    a_text, a_token = cross_entropy(log_q), cross_entropy(log_q, np.full(50, 20))
    assert a_token.value == pytest.approx(a_text.value / 20)
    assert a_token.error == pytest.approx(a_text.error / 20)
    assert a_text.error == pytest.approx(scipy_stats.sem(log_q))


def test_divergence_is_cross_entropy_less_entropy() -> None:
    texts = np.random.default_rng(3).choice(len(P), 100, p=P)
    found = estimates(texts, LENGTHS[texts])
    assert found["kl"].value == pytest.approx(found["cross_entropy"].value - found["entropy"].value)
    same = kl_divergence(np.log(P[texts]), np.log(P[texts]), LENGTHS[texts])
    assert (same.value, same.error) == (0.0, 0.0)


def test_ratio_does_not_depend_on_the_unit_and_empty_texts_count_for_nothing() -> None:
    y, x = np.array([1.0, 2.0, 5.0]), np.array([2, 0, 3])
    found = ratio_of_means(y, x)
    assert found.value == pytest.approx(8 / 5)
    scaled = ratio_of_means(7 * y, x)
    assert (scaled.value, scaled.error) == pytest.approx((7 * found.value, 7 * found.error))
    # By hand: residuals 1 - 3.2, 2, 5 - 4.8.
    assert found.error == pytest.approx(np.sqrt((2.2**2 + 2**2 + 0.2**2) / 6) / (5 / 3))


def test_a_single_text_has_no_standard_error() -> None:
    assert monte_carlo_mean([3.0])[::2] == (3.0, 1)
    assert np.isnan(monte_carlo_mean([3.0]).error)
    assert np.isnan(cross_entropy([-3.0], [2]).error)


def test_a_text_that_q_never_writes_makes_the_divergence_infinite() -> None:
    log_p, log_q = np.log([0.5, 0.5]), np.array([np.log(0.5), -np.inf])
    for found in (kl_divergence(log_p, log_q), kl_divergence(log_p, log_q, [1, 2]), cross_entropy(log_q)):
        assert found.value == np.inf
        assert np.isnan(found.error)
        assert found.count == 2


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: monte_carlo_mean([]), ValueError, r"values must be \(N,\)"),
        (lambda: monte_carlo_mean([[1.0]]), ValueError, r"shape \(1, 1\)"),
        (lambda: monte_carlo_mean(["a"]), TypeError, "values must be numbers"),
        (lambda: monte_carlo_mean([1.0, np.nan]), ValueError, "1 NaN among 2"),
        (lambda: monte_carlo_mean([np.inf, -np.inf]), ValueError, "no mean"),
        (lambda: ratio_of_means([1.0], [1.0, 2.0]), ValueError, "denominators has shape"),
        (lambda: cross_entropy([-1.0], [0]), ValueError, "not all 0"),
        (lambda: cross_entropy([-1.0, -2.0], [2, -1]), ValueError, ">= 0"),
        (lambda: cross_entropy([np.inf]), ValueError, "log_q has a value of inf"),
        (lambda: entropy([-np.inf]), ValueError, "log_p has a value of -inf"),
        (lambda: kl_divergence([-np.inf], [-1.0]), ValueError, "log_p has a value of -inf"),
        (lambda: kl_divergence([-1.0], [-1.0, -2.0]), ValueError, "log_q has shape"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Estimate], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
