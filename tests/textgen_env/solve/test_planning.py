"""Values by dynamic programming are those of sums over all texts, and solve Bellman's equations."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from support.text_sums import probability_of_each_text, random_policy, return_of_each_text
from textgen_env import TextGenEnv
from textgen_env.solve import (
    TextMDP,
    all_texts,
    backward_induction,
    bellman_residual,
    evaluate_policy,
    expected_return,
    greedy_policy,
    greedy_texts,
    kl_divergence,
    soft_optimum,
    soft_policy,
    solve,
    text_probabilities,
    value_iteration,
)

CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def starting_with(mdp: TextMDP, state: int) -> np.ndarray:
    """(N,) bool: which of all texts go through a state."""
    texts = all_texts(mdp)
    length = int(mdp.lengths[state])
    through = (texts.tokens[:, :length] == mdp.tokens[state, :length]).all(1) & (texts.lengths > length)
    return through if mdp.sources is None else through & (texts.sources == mdp.sources.indices[state])


def test_a_policy_is_worth_what_its_texts_earn(mdp: TextMDP) -> None:
    """From every state: the mean return of the texts that go through it, each as likely as the policy makes it."""
    policy = random_policy(mdp)
    V, Q = evaluate_policy(mdp, policy)
    chances = probability_of_each_text(mdp, policy)
    assert chances.sum() == pytest.approx(1)
    for state in range(0, mdp.num_states, 7):
        through = starting_with(mdp, state)
        returns = return_of_each_text(mdp, int(mdp.lengths[state]))
        assert V[state] == pytest.approx((chances * returns)[through].sum() / chances[through].sum(), abs=1e-10)
    np.testing.assert_allclose(np.where(mdp.allowed, policy * np.where(mdp.allowed, Q, 0), 0).sum(1), V, **CLOSE)
    assert (Q[~mdp.allowed] == -np.inf).all()
    assert expected_return(mdp, policy) == pytest.approx((chances * return_of_each_text(mdp)).sum(), abs=1e-10)


def test_the_best_value_is_the_best_texts(mdp: TextMDP) -> None:
    V, _ = backward_induction(mdp)
    for state in range(0, mdp.num_states, 7):
        best = return_of_each_text(mdp, int(mdp.lengths[state]))[starting_with(mdp, state)].max()
        assert V[state] == pytest.approx(best, abs=1e-10)


def test_the_optimal_policy_earns_the_optimal_values(mdp: TextMDP) -> None:
    V, Q = backward_induction(mdp)
    policy = greedy_policy(Q)
    np.testing.assert_allclose(evaluate_policy(mdp, policy).V, V, **CLOSE)
    for seed in range(3):
        assert (evaluate_policy(mdp, random_policy(mdp, seed)).V <= V + 1e-12).all()


def test_value_iteration_comes_to_the_same(mdp: TextMDP) -> None:
    """In as many sweeps as the longest text has tokens, and one that finds nothing to move."""
    V, Q, sweeps = value_iteration(mdp, tolerance=0.0)
    expected = backward_induction(mdp)
    np.testing.assert_array_equal(V, expected.V)
    np.testing.assert_array_equal(Q, expected.Q)
    assert sweeps <= len(mdp.levels) + 1
    rough = value_iteration(mdp, tolerance=1e9)
    assert rough.sweeps == 1
    np.testing.assert_array_equal(rough.V, np.where(mdp.allowed, mdp.rewards, -np.inf).max(1))
    with pytest.raises(ValueError, match="tolerance=-1 must be at least 0"):
        value_iteration(mdp, -1)


def test_bellman_residuals_vanish_and_tell(mdp: TextMDP) -> None:
    policy = random_policy(mdp)
    cases: list[tuple[np.ndarray, dict[str, Any]]] = [
        (backward_induction(mdp).Q, {}),
        (value_iteration(mdp).Q, {}),
        (evaluate_policy(mdp, policy).Q, {"policy": policy}),
        (evaluate_policy(mdp, policy, 0.3).Q, {"policy": policy, "temperature": 0.3}),
        (soft_optimum(mdp, 0.3).Q, {"temperature": 0.3}),
    ]
    for Q, equation in cases:
        assert bellman_residual(mdp, Q, **equation) < 1e-12
        off = Q.copy()
        off[-1, mdp.allowed[-1].argmax()] += 0.5
        assert bellman_residual(mdp, off, **equation) == pytest.approx(0.5)
    if mdp.allowed.sum(1).max() > 1:
        # One equation's solution is not another's.
        assert bellman_residual(mdp, cases[0][0], policy=policy) > 1e-3
        assert bellman_residual(mdp, cases[0][0], temperature=0.3) > 1e-3
    with pytest.raises(ValueError, match=r"Q has shape \(2, 9\)"):
        bellman_residual(mdp, np.zeros((2, 9)))


def test_the_tail_of_an_optimal_text_is_optimal_from_its_prefix(mdp: TextMDP) -> None:
    """Bellman's principle of optimality (1957)."""
    V, Q = backward_induction(mdp)
    texts = greedy_texts(mdp, greedy_policy(Q))
    for row in range(0, len(texts.tokens), 5):
        source = None if texts.sources is None else int(texts.sources[row])
        for t in range(int(texts.lengths[row])):
            state = mdp.state(texts.tokens[row, :t], source)
            again = greedy_texts(mdp, greedy_policy(Q), [state])
            np.testing.assert_array_equal(again.tokens[0], texts.tokens[row])
            whole = starting_with(mdp, state) & (all_texts(mdp).tokens == texts.tokens[row]).all(1)
            assert V[state] == pytest.approx(return_of_each_text(mdp, t)[whole][0], abs=1e-10)


def test_of_several_best_tokens_the_first_is_taken() -> None:
    env = gym.make("TextGen-Tiny-v0", reward="constant", min_length=2)
    solution = solve(env)
    assert solution.texts.tokens.tolist() == [[1, 1, 0, 4, 4]]
    assert solution.policy.sum(1).tolist() == [1.0] * solution.mdp.num_states
    # A letter less is a token less to discount.
    assert solve(env, discount=0.5).optimum == 0.25


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_the_soft_optimum_writes_texts_by_their_scores(game: Any, mode: str, temperature: float) -> None:
    """p(x) = exp(score(x) / tau) / Z and V = tau log Z, for each source."""
    mdp = TextMDP.of(TextGenEnv(**game, reward_mode=mode))
    V, Q = soft_optimum(mdp, temperature)
    texts = all_texts(mdp)
    scores = return_of_each_text(mdp)
    groups = np.zeros(len(scores), np.int64) if texts.sources is None else texts.sources
    expected = np.exp(scores / temperature)
    for group in np.unique(groups):
        total = expected[groups == group].sum()
        root = mdp.state([], None if texts.sources is None else int(group))
        assert V[root] == pytest.approx(temperature * np.log(total), abs=1e-10)
        expected[groups == group] *= mdp.start[root] / total
    np.testing.assert_allclose(text_probabilities(mdp, soft_policy(Q, temperature)), expected, **CLOSE)


def test_the_soft_optimum_is_the_best_for_its_temperature(mdp: TextMDP) -> None:
    highest, Q = soft_optimum(mdp, 0.7)
    best = soft_policy(Q, 0.7)
    np.testing.assert_allclose(evaluate_policy(mdp, best, 0.7).V, highest, **CLOSE)
    for seed in range(5):
        other = random_policy(mdp, seed)
        mixed = 0.99 * best + 0.01 * other
        for policy in (other, mixed):
            assert (highest + 1e-12 > evaluate_policy(mdp, policy, 0.7).V).all()


def test_what_a_policy_falls_short_of_the_soft_optimum_is_its_divergence(envs: Any) -> None:
    """J(pi) = J(pi*) - tau KL(pi || pi*) where nothing is discounted."""
    mdp = TextMDP.of(envs)
    best = soft_policy(soft_optimum(mdp, 0.5).Q, 0.5)
    policy = random_policy(mdp)
    short = expected_return(mdp, best, 0.5) - expected_return(mdp, policy, 0.5)
    assert short == pytest.approx(0.5 * kl_divergence(mdp, policy, best), abs=1e-10)


def test_next_to_0_the_soft_optimum_is_the_optimum() -> None:
    mdp = TextMDP.of(gym.make("TextGen-Tiny-v0"), discount=0.9)
    V, Q = backward_induction(mdp)
    for temperature in (1e-6, 1e-200, 5e-324):
        soft = soft_optimum(mdp, temperature)
        np.testing.assert_allclose(soft.V, V, atol=1e-4)
        np.testing.assert_allclose(soft_policy(soft.Q, temperature), greedy_policy(Q), atol=1e-6)


def test_the_soft_optimum_of_the_likelihood_is_the_oracle() -> None:
    """Every next-token probability, and V = log 1."""
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=1, vocab_size=5, max_length=6)
    solution = solve(envs, temperature=1.0)
    mdp, model = solution.mdp, envs.unwrapped.task.language_model
    texts = all_texts(mdp)
    np.testing.assert_allclose(
        np.log(text_probabilities(mdp, solution.policy)),
        envs.unwrapped.task.log_prob(texts.tokens, texts.lengths),
        atol=1e-5,
    )
    with torch.no_grad():
        logits = model(torch.from_numpy(mdp.tokens))[torch.arange(mdp.num_states), torch.from_numpy(mdp.lengths)]
    np.testing.assert_allclose(solution.policy, logits.double().softmax(-1).numpy(), atol=1e-5)
    np.testing.assert_allclose(solution.V, 0, atol=1e-5)
    assert solution.optimum == pytest.approx(0, abs=1e-5)
    assert solution.expected_return < -1


def test_a_solution_holds_together(envs: Any) -> None:
    hard, soft = solve(envs, discount=0.8), solve(envs, discount=0.8, temperature=0.5)
    assert hard.optimum == pytest.approx(hard.expected_return)
    assert soft.optimum == pytest.approx(expected_return(soft.mdp, soft.policy, 0.5))
    assert hard.expected_return >= soft.expected_return - 1e-12
    undiscounted = solve(envs)
    texts = undiscounted.texts
    scores = envs.score(texts.tokens, texts.lengths, texts.sources)
    assert scores.mean() == pytest.approx(undiscounted.optimum, abs=1e-6)


@pytest.mark.parametrize(
    ("temperature", "error", "said"),
    [
        (-1.0, ValueError, "temperature=-1.0 must be finite and at least 0"),
        (float("nan"), ValueError, "temperature=nan"),
        (float("inf"), ValueError, "temperature=inf"),
        ("1", TypeError, "temperature='1' must be a number"),
        (True, TypeError, "temperature=True must be a number"),
    ],
)
def test_temperatures_are_checked(temperature: Any, error: type[Exception], said: str) -> None:
    env = gym.make("TextGen-Tiny-v0")
    mdp = TextMDP.of(env)
    for call in (
        lambda: solve(env, temperature=temperature),
        lambda: soft_optimum(mdp, temperature),
        lambda: evaluate_policy(mdp, mdp.uniform_policy(), temperature),
    ):
        with pytest.raises(error, match=said):
            call()
    with pytest.raises(ValueError, match="temperature=0: the soft optimum needs one above 0"):
        soft_optimum(mdp, 0.0)
