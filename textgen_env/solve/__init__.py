"""Exact answers for games small enough to enumerate: the MDP as arrays, values, optimal policies, gradients,
divergences.

    from textgen_env.solve import solve

    solution = solve(gymnasium.make("TextGen-Tiny-v0"))
"""

from textgen_env.solve.mdp import TextMDP
from textgen_env.solve.planning import (
    Iterated,
    Values,
    backward_induction,
    bellman_residual,
    evaluate_policy,
    greedy_policy,
    soft_optimum,
    soft_policy,
    value_iteration,
)
from textgen_env.solve.policies import (
    all_texts,
    entropy,
    expected_return,
    greedy_texts,
    kl_divergence,
    occupancy,
    policy_gradient,
    text_probabilities,
)
from textgen_env.solve.solution import Solution, solve

__all__ = [
    "Iterated",
    "Solution",
    "TextMDP",
    "Values",
    "all_texts",
    "backward_induction",
    "bellman_residual",
    "entropy",
    "evaluate_policy",
    "expected_return",
    "greedy_policy",
    "greedy_texts",
    "kl_divergence",
    "occupancy",
    "policy_gradient",
    "soft_optimum",
    "soft_policy",
    "solve",
    "text_probabilities",
    "value_iteration",
]
