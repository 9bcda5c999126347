"""Policies state by state: they write what they write text by text."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from support.games import share_copied
from support.text_sums import paths, probability_of_each_text, random_policy, softmax
from textgen_env import TextGenVectorEnv
from textgen_env.metrics.divergence import kl_divergence as estimated_kl
from textgen_env.solve import (
    TextMDP,
    all_texts,
    entropy,
    expected_return,
    greedy_texts,
    kl_divergence,
    occupancy,
    policy_gradient,
    text_probabilities,
)


def test_probabilities_of_texts_are_products(mdp: TextMDP) -> None:
    policy = random_policy(mdp)
    found = text_probabilities(mdp, policy)
    np.testing.assert_allclose(found, probability_of_each_text(mdp, policy), rtol=1e-12)
    assert found.sum() == pytest.approx(1)


def test_a_state_is_as_likely_as_the_texts_that_go_through_it(mdp: TextMDP) -> None:
    policy = random_policy(mdp)
    expected = np.zeros(mdp.num_states)
    states, _, written = paths(mdp)
    chances = np.broadcast_to(probability_of_each_text(mdp, policy)[:, None], states.shape)
    np.add.at(expected, states[written], chances[written])
    np.testing.assert_allclose(occupancy(mdp, policy), expected, rtol=1e-10)
    np.testing.assert_allclose(occupancy(mdp, policy, discounted=True), expected * 0.8**mdp.lengths, rtol=1e-10)


@pytest.mark.parametrize("temperature", [0.0, 0.4])
def test_the_policy_gradient_is_that_of_finite_differences(mdp: TextMDP, temperature: float) -> None:
    logits = np.random.default_rng(0).normal(size=mdp.allowed.shape)
    gradient = policy_gradient(mdp, softmax(mdp, logits), temperature)
    assert not gradient[~mdp.allowed].any()
    # Adding the same to all logits of a state changes nothing.
    np.testing.assert_allclose(gradient.sum(1), 0, atol=1e-12)
    places = np.random.default_rng(1).permutation(mdp.allowed.size)[:60]
    for state, token in zip(*np.unravel_index(places, mdp.allowed.shape), strict=True):
        ends = []
        for step in (1e-5, -1e-5):
            moved = logits.copy()
            moved[state, token] += step
            ends.append(expected_return(mdp, softmax(mdp, moved), temperature))
        assert gradient[state, token] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)


def test_entropy_and_divergences_are_sums_over_texts(mdp: TextMDP) -> None:
    """Given the source, where there is one: it is drawn alike by both."""
    p, q = random_policy(mdp, 0), random_policy(mdp, 1)
    of_p, of_q = text_probabilities(mdp, p), text_probabilities(mdp, q)
    of_sources = mdp.start[mdp.start > 0]
    drawn = -(of_sources * np.log(of_sources)).sum()
    assert entropy(mdp, p) == pytest.approx(-(of_p * np.log(of_p)).sum() - drawn)
    assert kl_divergence(mdp, p, q) == pytest.approx((of_p * np.log(of_p / of_q)).sum(), abs=1e-12)
    assert kl_divergence(mdp, q, p) == pytest.approx((of_q * np.log(of_q / of_p)).sum(), abs=1e-12)
    assert kl_divergence(mdp, p, p) == 0


def test_the_divergence_from_uniform_is_the_entropy_that_is_missing() -> None:
    mdp = TextMDP.of(gym.make("TextGen-OracleSmall-v0", vocab_size=3, max_length=4, train_size=1, test_size=1))
    policy = random_policy(mdp)
    assert entropy(mdp, mdp.uniform_policy()) == pytest.approx(4 * np.log(3))
    missing = 4 * np.log(3) - entropy(mdp, policy)
    assert kl_divergence(mdp, policy, mdp.uniform_policy()) == pytest.approx(missing)


def test_the_estimate_from_samples_comes_to_the_exact_divergence() -> None:
    mdp = TextMDP.of(gym.make("TextGen-Tiny-v0"))
    p, q = random_policy(mdp, 0), random_policy(mdp, 1)
    of_p, of_q = text_probabilities(mdp, p), text_probabilities(mdp, q)
    drawn = np.random.default_rng(0).choice(len(of_p), 20_000, p=of_p / of_p.sum())
    estimate = estimated_kl(np.log(of_p[drawn]), np.log(of_q[drawn]))
    assert abs(estimate.value - kl_divergence(mdp, p, q)) < 4 * estimate.error
    assert estimate.error < 0.05 * estimate.value


def test_a_text_that_the_other_does_not_write_makes_the_divergence_infinite() -> None:
    mdp = TextMDP.of(gym.make("TextGen-Tiny-v0"))
    everything = mdp.uniform_policy()
    without = everything.copy()
    without[0] = [0, 0.5, 0.5, 0]
    assert kl_divergence(mdp, everything, without) == np.inf
    assert kl_divergence(mdp, without, everything) == pytest.approx(np.log(2))
    # What neither comes to does not count.
    other = without.copy()
    other[mdp.state([3, 1])] = [1, 0, 0, 0]
    assert kl_divergence(mdp, without, other) == 0
    assert kl_divergence(mdp, other, without) == 0
    assert kl_divergence(mdp, everything, other) == np.inf


def test_greedy_texts_take_the_likeliest_tokens() -> None:
    mdp = TextMDP.of(gym.make("TextGen-Tiny-v0"))
    policy = mdp.uniform_policy()
    policy[0] = [0.2, 0.1, 0.4, 0.3]
    policy[mdp.state([2])] = [0.1, 0.5, 0.4, 0]
    texts = greedy_texts(mdp, policy)
    # Of equally likely tokens the first, which ends the text.
    assert texts.tokens.tolist() == [[2, 1, 0, 4, 4]]
    assert texts.lengths.tolist() == [3]
    several = greedy_texts(mdp, policy, [mdp.state([3]), 0])
    assert several.tokens.tolist() == [[3, 0, 4, 4, 4], [2, 1, 0, 4, 4]]
    for states in ([-1], [121], 0):
        with pytest.raises(ValueError, match=r"must be \(K,\) numbers of states, 0 to 120"):
            greedy_texts(mdp, policy, states)


def test_texts_of_every_source_are_there(echo_task: Any) -> None:
    mdp = TextMDP.of(TextGenVectorEnv(echo_task, share_copied))
    texts = all_texts(mdp)
    rows, counts = np.unique(texts.sources, return_counts=True)
    np.testing.assert_array_equal(rows, echo_task.sources.pool)
    assert set(counts.tolist()) == {1 + 3 + 9 + 27 * 4}


@pytest.mark.parametrize("wrong", ["p", "q"])
def test_both_policies_are_checked(wrong: str) -> None:
    mdp = TextMDP.of(gym.make("TextGen-Tiny-v0"))
    policies = {"p": mdp.uniform_policy(), "q": mdp.uniform_policy()}
    policies[wrong] = policies[wrong] * 2
    with pytest.raises(ValueError, match=rf"^{wrong}\[0\]="):
        kl_divergence(mdp, **policies)
