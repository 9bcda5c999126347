"""Returns and baselines against loops that spell out their definitions."""

import statistics

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from agents.functional.returns import (
    batch_mean_baseline,
    gae,
    group_relative_advantages,
    leave_one_out_baseline,
    n_step_returns,
    no_baseline,
    reward_to_go,
    scaled_to_unit,
    whole_return,
    written,
)
from support.lambda_returns import lambda_returns

LENGTHS = np.array([5, 1, 3, 5, 2, 4])


@pytest.fixture
def rewards() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(6, 5))


@pytest.mark.parametrize("discount", [0.0, 0.7, 1.0])
def test_reward_to_go_sums_what_is_still_to_come(rewards: np.ndarray, discount: float) -> None:
    found = reward_to_go(rewards, LENGTHS, discount)
    for n, length in enumerate(LENGTHS):
        for t in range(5):
            expected = sum(discount ** (k - t) * rewards[n, k] for k in range(t, length))
            assert found[n, t] == pytest.approx(expected)


@pytest.mark.parametrize("discount", [0.0, 0.7, 1.0])
def test_whole_return_is_the_same_at_every_token(rewards: np.ndarray, discount: float) -> None:
    found = whole_return(rewards, LENGTHS, discount)
    for n, length in enumerate(LENGTHS):
        expected = sum(discount**k * rewards[n, k] for k in range(length))
        np.testing.assert_allclose(found[n, :length], expected)
        assert (found[n, length:] == 0).all()


def test_what_follows_the_end_is_ignored(rewards: np.ndarray) -> None:
    changed = np.where(written(LENGTHS, 5), rewards, 1e6)
    np.testing.assert_array_equal(reward_to_go(changed, LENGTHS), reward_to_go(rewards, LENGTHS))
    np.testing.assert_array_equal(whole_return(changed, LENGTHS), whole_return(rewards, LENGTHS))


def test_batch_mean_is_over_the_other_texts_that_are_still_written(rewards: np.ndarray) -> None:
    returns = reward_to_go(rewards, LENGTHS)
    found = batch_mean_baseline(returns, LENGTHS)
    for n, length in enumerate(LENGTHS):
        for t in range(5):
            others = [returns[m, t] for m in range(6) if m != n and t < LENGTHS[m]]
            assert found[n, t] == pytest.approx(np.mean(others) if t < length and others else 0.0)


def test_a_texts_own_return_has_no_say_in_its_baseline(rewards: np.ndarray) -> None:
    returns = reward_to_go(rewards, LENGTHS)
    changed = returns.copy()
    changed[3] += 100
    assert batch_mean_baseline(changed, LENGTHS)[3] == pytest.approx(batch_mean_baseline(returns, LENGTHS)[3])
    assert (batch_mean_baseline(changed, LENGTHS)[0] > batch_mean_baseline(returns, LENGTHS)[0]).all()


def test_a_single_text_has_no_batch_to_compare_with() -> None:
    returns = np.ones((1, 4))
    assert (batch_mean_baseline(returns, np.array([4])) == 0).all()
    assert (no_baseline(returns) == 0).all()


def test_scaled_advantages_have_unit_root_mean_square_over_the_tokens(rewards: np.ndarray) -> None:
    counted = written(LENGTHS, 5)
    found = scaled_to_unit(rewards, LENGTHS)
    assert np.square(found[counted]).mean() == pytest.approx(1)
    assert (found[~counted] == 0).all()
    np.testing.assert_allclose(scaled_to_unit(1e4 * rewards, LENGTHS), found, rtol=1e-6)
    assert (scaled_to_unit(np.zeros((2, 5)), np.array([5, 2])) == 0).all()


def test_gae_is_stable_baselines3s(rewards: np.ndarray) -> None:
    """Six texts, one after the other, in a buffer of one environment."""
    values = np.random.default_rng(1).normal(size=(6, 5))
    counted = written(LENGTHS, 5)
    count = int(LENGTHS.sum())
    buffer = RolloutBuffer(count, spaces.Discrete(2), spaces.Discrete(2), gae_lambda=0.8, gamma=0.9)
    buffer.reset()
    buffer.rewards[:, 0], buffer.values[:, 0] = rewards[counted], values[counted]
    buffer.episode_starts[:, 0] = (np.arange(5) == 0)[None].repeat(6, 0)[counted]
    buffer.compute_returns_and_advantage(torch.zeros(1), np.ones(1))
    found = gae(rewards, values, LENGTHS, 0.9, 0.8)
    np.testing.assert_allclose(found[counted], buffer.advantages[:, 0], atol=1e-6)
    assert (found[~counted] == 0).all()


@pytest.mark.parametrize("discount", [0.7, 1.0])
def test_gae_is_the_error_of_a_return_or_of_a_step(rewards: np.ndarray, discount: float) -> None:
    values = np.random.default_rng(1).normal(size=(6, 5))
    counted = written(LENGTHS, 5)
    monte_carlo = (reward_to_go(rewards, LENGTHS, discount) - values) * counted
    np.testing.assert_allclose(gae(rewards, values, LENGTHS, discount, 1.0), monte_carlo, atol=1e-12)
    one_step = gae(rewards, values, LENGTHS, discount, 0.0)
    for n, length in enumerate(LENGTHS):
        for t in range(length):
            ahead = discount * values[n, t + 1] if t + 1 < length else 0.0
            assert one_step[n, t] == pytest.approx(rewards[n, t] + ahead - values[n, t])


@pytest.mark.parametrize("discount", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("n", [1, 2, 4, 5, 9])
def test_n_step_returns_end_in_the_value_of_what_follows(rewards: np.ndarray, n: int, discount: float) -> None:
    values = np.random.default_rng(1).normal(size=rewards.shape)
    found = n_step_returns(rewards, values, LENGTHS, n, discount)
    for text, length in enumerate(LENGTHS):
        for t in range(5):
            expected = sum(discount ** (k - t) * rewards[text, k] for k in range(t, min(t + n, length)))
            if t + n < length:
                expected += discount**n * values[text, t + n]
            assert found[text, t] == pytest.approx(expected if t < length else 0.0)


@pytest.mark.parametrize("discount", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("trace_decay", [0.0, 0.4, 1.0])
def test_lambda_returns_are_means_of_n_step_returns(rewards: np.ndarray, trace_decay: float, discount: float) -> None:
    """(1 - lambda) sum_n lambda^{n-1} G^(n), what is left of the weight on the whole return (equation 12.3)."""
    values = np.random.default_rng(1).normal(size=rewards.shape)
    found = lambda_returns(rewards, values, LENGTHS, trace_decay, discount)
    n_step = {n: n_step_returns(rewards, values, LENGTHS, n, discount) for n in range(1, 6)}
    for text, length in enumerate(LENGTHS):
        for t in range(5):
            left = length - t
            expected = sum((1 - trace_decay) * trace_decay ** (n - 1) * n_step[n][text, t] for n in range(1, left))
            expected += trace_decay ** (left - 1) * n_step[left][text, t] if left > 0 else 0.0
            assert found[text, t] == pytest.approx(expected)


def test_returns_that_look_ahead_ignore_what_follows_the_end(rewards: np.ndarray) -> None:
    values = np.random.default_rng(1).normal(size=rewards.shape)
    counted = written(LENGTHS, 5)
    changed = np.where(counted, rewards, 1e6), np.where(counted, values, 1e6)
    for one, other in zip(
        (n_step_returns(*changed, LENGTHS, 2), lambda_returns(*changed, LENGTHS, 0.5)),
        (n_step_returns(rewards, values, LENGTHS, 2), lambda_returns(rewards, values, LENGTHS, 0.5)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
        assert (one[~counted] == 0).all()


def test_returns_that_look_past_the_end_are_the_rewards_to_go(rewards: np.ndarray) -> None:
    values = np.random.default_rng(1).normal(size=rewards.shape)
    to_go = reward_to_go(rewards, LENGTHS, 0.7)
    np.testing.assert_allclose(n_step_returns(rewards, values, LENGTHS, 5, 0.7), to_go, atol=1e-14)
    np.testing.assert_allclose(lambda_returns(rewards, values, LENGTHS, 1.0, 0.7), to_go, atol=1e-14)


@pytest.mark.parametrize("group_size", [2, 3, 6])
def test_groups_are_compared_within_themselves(group_size: int) -> None:
    returns = np.random.default_rng(1).normal(size=12)
    baseline = leave_one_out_baseline(returns, group_size)
    relative = group_relative_advantages(returns, group_size, divide_by_std=False)
    divided = group_relative_advantages(returns, group_size, epsilon=0.01)
    for n, own in enumerate(returns):
        first = n // group_size * group_size
        group = [float(returns[m]) for m in range(first, first + group_size)]
        assert baseline[n] == pytest.approx(np.mean([returns[m] for m in range(first, first + group_size) if m != n]))
        assert relative[n] == pytest.approx(own - statistics.mean(group))
        assert relative[n] == pytest.approx((group_size - 1) / group_size * (own - baseline[n]))
        assert divided[n] == pytest.approx((own - statistics.mean(group)) / (statistics.stdev(group) + 0.01))


def test_equal_returns_have_no_advantage() -> None:
    assert (group_relative_advantages(np.full(6, 2.5), 3) == 0).all()


@pytest.mark.parametrize(("count", "group_size"), [(6, 4), (6, 1), (3, 0)])
def test_texts_that_make_no_whole_groups_are_refused(count: int, group_size: int) -> None:
    for compare in (leave_one_out_baseline, group_relative_advantages):
        with pytest.raises(ValueError, match=f"group_size={group_size} must be at least 2 and divide the {count}"):
            compare(np.zeros(count), group_size)


@pytest.mark.parametrize("trace_decay", [0.0, 0.4, 1.0])
def test_advantages_are_lambda_returns_less_values(trace_decay: float) -> None:
    """Sutton and Barto 2018, equation 12.3."""
    rng = np.random.default_rng(3)
    rewards, values = rng.normal(size=(2, len(LENGTHS), LENGTHS.max()))
    found = gae(rewards, values, LENGTHS, 0.9, trace_decay)
    there = written(LENGTHS, LENGTHS.max())
    expected = (lambda_returns(rewards, values, LENGTHS, trace_decay, 0.9) - values) * there
    np.testing.assert_allclose(found, expected, atol=1e-12)
