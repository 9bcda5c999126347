"""Policies of a small game, and what they write, text by text: by sums over all texts rather than over states."""

from __future__ import annotations

import numpy as np

from textgen_env.solve import TextMDP, all_texts


def random_policy(mdp: TextMDP, seed: int = 0) -> np.ndarray:
    """Any policy of the game (S, V), of which every allowed token has a share."""
    logits = np.random.default_rng(seed).normal(size=mdp.allowed.shape)
    return softmax(mdp, logits)


def softmax(mdp: TextMDP, logits: np.ndarray) -> np.ndarray:
    """The policy of the logits (S, V)."""
    chances = np.exp(logits) * mdp.allowed
    return chances / chances.sum(1, keepdims=True)


def paths(mdp: TextMDP) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The states that each of `all_texts` goes through and the tokens that it takes there, (N, T); 0 after its end,
    which (N, T) bool says."""
    texts = all_texts(mdp)
    written = np.arange(texts.tokens.shape[1]) < texts.lengths[:, None]
    tokens = np.where(written, texts.tokens, 0)
    states = np.zeros_like(tokens)
    if texts.sources is not None:
        states[:, 0] = [mdp.state([], source) for source in texts.sources.tolist()]
    for t in range(1, tokens.shape[1]):
        states[:, t] = np.where(written[:, t], mdp.next_state[states[:, t - 1], tokens[:, t - 1]], 0)
    return states, tokens, written


def probability_of_each_text(mdp: TextMDP, policy: np.ndarray) -> np.ndarray:
    """(N,): that of the source and of every token."""
    states, tokens, written = paths(mdp)
    return mdp.start[states[:, 0]] * np.where(written, policy[states, tokens], 1).prod(1)


def return_of_each_text(mdp: TextMDP, first: int = 0) -> np.ndarray:
    """(N,): the discounted sum of what its tokens earn from token `first` on."""
    states, tokens, written = paths(mdp)
    earned = np.where(written, mdp.rewards[states, tokens], 0)[:, first:]
    return earned @ mdp.discount ** np.arange(earned.shape[1])
