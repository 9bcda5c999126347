"""Exact variances that value-based agents are held to, and agents of several kinds."""

from __future__ import annotations

import numpy as np

from textgen_env.solve import TextMDP, evaluate_policy


def return_variance(mdp: TextMDP, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Var[G | s] (S,) and Var[G | s, a] (S, V) of the return from there on, by dynamic programming on its second moment
    (Sobel 1982)."""
    V, Q = evaluate_policy(mdp, policy)
    second, of_tokens = np.zeros(mdp.num_states + 1), np.zeros(mdp.allowed.shape)
    ahead = np.append(V, 0.0)
    for level in reversed(mdp.levels):
        r, following = mdp.rewards[level], mdp.next_state[level]
        moments = r**2 + 2 * r * mdp.discount * ahead[following] + mdp.discount**2 * second[following]
        of_tokens[level] = np.where(mdp.allowed[level], moments - np.where(mdp.allowed[level], Q[level], 0) ** 2, 0)
        second[level] = (policy[level] * np.where(mdp.allowed[level], moments, 0)).sum(1)
    return np.maximum(second[:-1] - V**2, 0), np.maximum(of_tokens, 0)
