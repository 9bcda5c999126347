"""Importance weights against their definitions, and in closed form on texts of two tokens."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from agents.functional.importance import (
    clipped,
    decision_weights,
    effective_share,
    off_policy_credit,
    self_normalised,
    trajectory_weights,
    weighted_mean_baseline,
)

LENGTHS = np.array([3, 1, 2, 3])
BEHAVIOUR, TARGET = np.array([0.5, 0.5]), np.array([0.9, 0.1])
REWARDS = np.array([[1.0, -2.0], [3.0, 0.5]])  # what token a pays at place t: [t, a]


@pytest.fixture
def log_ratios() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, 3))


def test_weights_are_products_of_ratios(log_ratios: np.ndarray) -> None:
    whole, so_far = trajectory_weights(log_ratios, LENGTHS), decision_weights(log_ratios, LENGTHS)
    for n, length in enumerate(LENGTHS):
        ratios = np.exp(log_ratios[n, :length])
        for t in range(3):
            assert whole[n, t] == pytest.approx(ratios.prod() if t < length else 0)
            assert so_far[n, t] == pytest.approx(ratios[: t + 1].prod() if t < length else 0)
    changed = np.where(np.arange(3) < LENGTHS[:, None], log_ratios, 1e3)
    np.testing.assert_array_equal(trajectory_weights(changed, LENGTHS), whole)
    np.testing.assert_array_equal(decision_weights(changed, LENGTHS), so_far)


@pytest.mark.parametrize("per_decision", [True, False])
def test_credit_sums_what_is_still_to_come(log_ratios: np.ndarray, per_decision: bool) -> None:
    rewards = np.random.default_rng(1).normal(size=(4, 3))
    weights = (decision_weights if per_decision else trajectory_weights)(log_ratios, LENGTHS)
    credit = off_policy_credit(rewards, weights, LENGTHS, per_decision, 0.7)
    baseline = weighted_mean_baseline(credit, weights, LENGTHS)
    for n, length in enumerate(LENGTHS):
        for t in range(3):
            to_come = range(t, length)
            weighed = [weights[n, k if per_decision else t] * 0.7 ** (k - t) * rewards[n, k] for k in to_come]
            assert credit[n, t] == pytest.approx(sum(weighed))
            others = [m for m in range(4) if m != n and t < LENGTHS[m]]
            mean = sum(credit[m, t] for m in others) / sum(weights[m, t] for m in others) if others else 0
            assert baseline[n, t] == pytest.approx(mean if t < length else 0)


def all_of_two() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four texts of two tokens: rewards, log ratios and lengths, and how likely the behaviour writes each."""
    texts = np.array(list(itertools.product([0, 1], repeat=2)))
    rewards = REWARDS[np.arange(2), texts]
    return rewards, np.log(TARGET / BEHAVIOUR)[texts], np.full(4, 2), BEHAVIOUR[texts].prod(1)


@pytest.mark.parametrize("per_decision", [True, False])
def test_ordinary_weights_give_the_targets_return(per_decision: bool) -> None:
    rewards, log_ratios, lengths, chances = all_of_two()
    weights = (decision_weights if per_decision else trajectory_weights)(log_ratios, lengths)
    credit = off_policy_credit(rewards, weights, lengths, per_decision)
    assert chances @ credit[:, 0] == pytest.approx((REWARDS @ TARGET).sum())
    # Per decision the second ratio does not touch what the first token paid.
    assert decision_weights(log_ratios, lengths)[:, 0] == pytest.approx([1.8, 1.8, 0.2, 0.2])


def test_clipped_weights_undervalue_what_the_target_favours() -> None:
    """By exactly b(x) (w(x) - 1) R(x) of the one text whose weight is above 1: 1/4 (3.24 - 1) 4."""
    rewards, log_ratios, lengths, chances = all_of_two()
    weights = clipped(trajectory_weights(log_ratios, lengths), 1.0)
    bias = chances @ off_policy_credit(rewards, weights, lengths, False)[:, 0] - (REWARDS @ TARGET).sum()
    assert bias == pytest.approx(-0.25 * (3.24 - 1) * 4)


def test_self_normalised_weights_are_biased_in_closed_form() -> None:
    """Two texts of one token each: where both are alike their weights are 1, else 1.8 and 0.2 of a mean of 1. With
    rewards 1 and 0 the estimate is 1 a quarter of the time, 0.9 half of it, 0 a quarter: 0.7, and not 0.9."""
    mean = 0.0
    for pair in itertools.product([0, 1], repeat=2):
        log_ratios = np.log(TARGET / BEHAVIOUR)[list(pair)][:, None]
        weights = self_normalised(trajectory_weights(log_ratios, np.ones(2, np.int64)), np.ones(2, np.int64))
        mean += 0.25 * float((weights[:, 0] * (1 - np.array(pair))).mean())
    assert mean == pytest.approx(0.7)


def test_self_normalised_weights_have_mean_one_where_no_text_has_ended(log_ratios: np.ndarray) -> None:
    found = self_normalised(decision_weights(log_ratios, LENGTHS), LENGTHS)
    weights = decision_weights(log_ratios, LENGTHS)
    assert found[:, 0].mean() == pytest.approx(1)
    last = [weights[0, 2], weights[1, 0], weights[2, 1], weights[3, 2]]
    assert found[0, 2] == pytest.approx(weights[0, 2] / np.mean(last))
    assert (found[np.arange(3) >= LENGTHS[:, None]] == 0).all()
    assert (self_normalised(np.zeros((2, 1)), np.ones(2, np.int64)) == 0).all()


def test_the_effective_share() -> None:
    assert effective_share(np.full(7, 3.0)) == pytest.approx(1)
    assert effective_share(np.array([5.0, 0, 0, 0])) == pytest.approx(1 / 4)
    assert effective_share(np.zeros(3)) == 0


def test_one_text_alone_has_no_others_to_compare_with() -> None:
    assert (weighted_mean_baseline(np.ones((1, 2)), np.ones((1, 2)), np.array([2])) == 0).all()
