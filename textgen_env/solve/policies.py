"""Policies, exactly: the texts that one writes and their probabilities, its entropy, how far it lies from
another one, and the gradient of what it earns. A policy is (S, V) float64: the probability of each token in each state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.rewards.base import FloatArray
from textgen_env.solve.mdp import TextMDP
from textgen_env.solve.planning import evaluate_policy, row_entropies
from textgen_env.vocabulary import IntArray, Texts


def expected_return(mdp: TextMDP, policy: ArrayLike, temperature: float = 0.0) -> float:
    """E[sum_t discount^t (r_t + tau H(pi(.|s_t)))] of a text, in the reward's unit; the mean over the sources of a
    conditional task. Arguments and errors as `evaluate_policy`."""
    return float(mdp.start @ evaluate_policy(mdp, policy, temperature).V)


def occupancy(mdp: TextMDP, policy: ArrayLike, discounted: bool = False) -> FloatArray:
    """d(s) (S,): the probability that a text passes through each state, times discount^length if `discounted`.

    Raises:
        ValueError: no policy of this game.
    """
    chances = mdp.checked_policy(policy)
    factor = mdp.discount if discounted else 1.0
    reached = mdp.start.copy()
    for level in mdp.levels:
        goes_on = mdp.next_state[level] >= 0
        # A tree: one way leads to each state.
        reached[mdp.next_state[level][goes_on]] = factor * (reached[level, None] * chances[level])[goes_on]
    return reached


def policy_gradient(mdp: TextMDP, policy: ArrayLike, temperature: float = 0.0) -> FloatArray:
    """The gradient (S, V) of `expected_return` with respect to the logits z of pi(a|s) = softmax(z(s))[a]:
    d(s) pi(a|s) (Q(s, a) - V(s)), d discounted (Sutton, McAllester, Singh and Mansour 2000, theorem 1; for the softmax
    Mei, Xiao, Szepesvari and Schuurmans 2020, lemma 1). With tau > 0, Q(s, a) - tau log pi(a|s) stands for Q(s, a).

    For a policy with parameters, sum_{s,a} of this times the gradient of z(s, a) is the gradient with respect to them:
    `agents.exact.exact_gradient`.

    Raises:
        TypeError, ValueError: as `evaluate_policy`.
    """
    chances = mdp.checked_policy(policy)
    V, Q = evaluate_policy(mdp, chances, temperature)
    advantages = np.subtract(Q, V[:, None], out=np.zeros_like(Q), where=chances > 0)
    if temperature:
        advantages -= temperature * _logs(chances, 0.0)
    gradient: FloatArray = occupancy(mdp, chances, discounted=True)[:, None] * chances * advantages
    return gradient


def entropy(mdp: TextMDP, policy: ArrayLike) -> float:
    """H of the texts that a policy writes, in nats a text, by the chain rule: sum_s d(s) H(pi(.|s)) (Cover and Thomas,
    "Elements of Information Theory", 2nd edition, 2006, theorem 2.5.1); the mean over the sources of a conditional
    task.

    Raises:
        ValueError: no policy of this game.
    """
    chances = mdp.checked_policy(policy)
    return float(occupancy(mdp, chances) @ row_entropies(chances))


def kl_divergence(mdp: TextMDP, p: ArrayLike, q: ArrayLike) -> float:
    """KL(p || q) = E_p[log p(x) - log q(x)] of the texts that two policies write, in nats a text, by the chain rule:
    sum_s d_p(s) KL(p(.|s) || q(.|s)) (Cover and Thomas 2006, theorem 2.5.3); the mean over the sources of a conditional
    task. inf where p writes a text that q does not. With p the model, reverse; with q the model, forward.

    Raises:
        ValueError: p or q is no policy of this game.
    """
    own, other = mdp.checked_policy(p, "p"), mdp.checked_policy(q, "q")
    reached = occupancy(mdp, own)
    written = (own > 0) & (reached > 0)[:, None]
    ratios = _logs(own, 0.0) - _logs(other, -np.inf)
    rows = np.multiply(own, ratios, out=np.zeros_like(own), where=written).sum(1)
    return float(np.multiply(reached, rows, out=np.zeros_like(rows), where=reached > 0).sum())


def all_texts(mdp: TextMDP) -> Texts:
    """Every text of the game, (N, T) and (N,); for a conditional task of every source, whose row `sources` says."""
    states, last = mdp.ends.nonzero()
    tokens, lengths = mdp.tokens[states], mdp.lengths[states]
    tokens[np.arange(len(states)), lengths] = last
    return Texts(tokens, lengths + 1, None if mdp.sources is None else mdp.sources.indices[states])


def text_probabilities(mdp: TextMDP, policy: ArrayLike) -> FloatArray:
    """The probability (N,) of each of `all_texts`, in their order; for a conditional task that of the source and the
    text. They add up to 1.

    Raises:
        ValueError: no policy of this game.
    """
    chances = mdp.checked_policy(policy)
    probabilities: FloatArray = (occupancy(mdp, chances)[:, None] * chances)[mdp.ends]
    return probabilities


def greedy_texts(mdp: TextMDP, policy: ArrayLike, states: ArrayLike | None = None) -> Texts:
    """The texts that take the likeliest token each time (of several, the first), from `states` (K,) on; by default from
    the empty text, one for each source.

    Raises:
        ValueError: no policy of this game, no states of it.
    """
    best = mdp.checked_policy(policy).argmax(1)
    begun = np.arange(mdp.num_states)[mdp.levels[0]] if states is None else np.asarray(states, np.int64)
    if begun.ndim != 1 or ((begun < 0) | (begun >= mdp.num_states)).any():
        raise ValueError(f"states={states!r} must be (K,) numbers of states, 0 to {mdp.num_states - 1}")
    tokens, lengths = mdp.tokens[begun], mdp.lengths[begun]
    at: IntArray = begun
    rows = np.arange(len(begun))
    while len(rows):
        chosen = best[at]
        tokens[rows, lengths[rows]] = chosen
        lengths[rows] += 1
        at = mdp.next_state[at, chosen]
        rows, at = rows[at >= 0], at[at >= 0]
    return Texts(tokens, lengths, None if mdp.sources is None else mdp.sources.indices[begun])


def _logs(chances: FloatArray, of_zero: float) -> FloatArray:
    logs: FloatArray = np.log(chances, out=np.full_like(chances, of_zero), where=chances > 0)
    return logs
