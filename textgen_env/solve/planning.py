"""Values by dynamic programming: of a policy, of the best one, and of the best one that is paid for its entropy.

Puterman, "Markov Decision Processes" (1994); Sutton and Barto, "Reinforcement Learning" (2nd edition, 2018), chapters
3 and 4. As a text only grows, one sweep from the longest prefixes to the shortest is exact: backward induction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from textgen_env.checks import is_number
from textgen_env.rewards.base import FloatArray
from textgen_env.solve.mdp import TextMDP

Backup = Callable[[FloatArray, slice], FloatArray]
"""From Q (n, V) of the states in a slice to their V (n,)."""


class Values(NamedTuple):
    """Values: what there is still to be earned, in the reward's unit.

    Attributes:
        V: (S,) float64, from each state.
        Q: (S, V) float64, from each state with each token; -inf where it is not allowed.
    """

    V: FloatArray
    Q: FloatArray


class Iterated(NamedTuple):
    """Outcome of value iteration.

    Attributes:
        V, Q: as in `Values`.
        sweeps: over all states, the last of which moved no value by more than the tolerance.
    """

    V: FloatArray
    Q: FloatArray
    sweeps: int


def evaluate_policy(mdp: TextMDP, policy: ArrayLike, temperature: float = 0.0) -> Values:
    """The values of a policy, by the Bellman expectation equation (Sutton and Barto 2018, equation 4.4):
    V(s) = sum_a pi(a|s) Q(s, a), Q(s, a) = r(s, a) + discount V(s').

    Args:
        mdp: the game.
        policy: (S, V) probabilities.
        temperature: tau >= 0. Above 0 each state also earns tau H(pi(.|s)), the entropy in nats.

    Raises:
        TypeError, ValueError: no policy of this game; a temperature below 0.
    """
    chances = mdp.checked_policy(policy)
    return _swept(mdp, _expectation(chances, checked_temperature(temperature)))


def backward_induction(mdp: TextMDP) -> Values:
    """The optimal values, by one sweep of the Bellman optimality equation (Sutton and Barto 2018, equation 3.19):
    V(s) = max_a Q(s, a)."""
    return _swept(mdp, _maximum)


def value_iteration(mdp: TextMDP, tolerance: float = 1e-12) -> Iterated:
    """The optimal values, by sweeps of the Bellman optimality operator over all states, from V = 0, until none moves a
    value by more than `tolerance` (Sutton and Barto 2018, section 4.4). T sweeps make them exact and one more finds
    that nothing moves, whatever the discount: what `backward_induction` does in one.

    Raises:
        ValueError: a tolerance below 0.
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance={tolerance!r} must be at least 0")
    everywhere = slice(mdp.num_states)
    V, sweeps, moved = np.zeros(mdp.num_states + 1), 0, np.inf
    while moved > tolerance:
        Q = _looked_ahead(mdp, V, everywhere)
        better = _maximum(Q, everywhere)
        moved = float(np.abs(better - V[:-1]).max())
        V[:-1] = better
        sweeps += 1
    return Iterated(V[:-1], Q, sweeps)


def soft_optimum(mdp: TextMDP, temperature: float) -> Values:
    """The optimal values where each state also earns tau H(pi(.|s)): V(s) = tau log sum_a exp(Q(s, a) / tau)
    (Haarnoja, Tang, Abbeel and Levine, "Reinforcement learning with deep energy-based policies", 2017, theorems 1 and
    2). Its policy is `soft_policy`. With discount 1, that writes text x with probability proportional to
    exp(score(x) / tau).

    Args:
        mdp: the game.
        temperature: tau > 0, in the reward's unit a nat.

    Raises:
        TypeError, ValueError: a temperature that is not above 0.
    """
    tau = _checked_above_zero(temperature)
    return _swept(mdp, lambda Q, states: _soft_maximum(Q, tau))


def greedy_policy(Q: FloatArray) -> FloatArray:
    """(S, V): all on the token of the greatest Q; of several, on the first, that is of the least id."""
    chances = np.zeros_like(Q)
    chances[np.arange(len(Q)), Q.argmax(1)] = 1.0
    return chances


def soft_policy(Q: FloatArray, temperature: float) -> FloatArray:
    """(S, V): exp((Q(s, a) - V(s)) / tau), V(s) = tau log sum_a exp(Q(s, a) / tau) (Haarnoja et al. 2017, theorem 1).

    Raises:
        TypeError, ValueError: a temperature that is not above 0.
    """
    chances = _boltzmann(Q, _checked_above_zero(temperature))
    chances /= chances.sum(1, keepdims=True)
    return chances


def bellman_residual(mdp: TextMDP, Q: FloatArray, policy: ArrayLike | None = None, temperature: float = 0.0) -> float:
    """max |Q(s, a) - r(s, a) - discount V(s')| over all states and the tokens that are allowed: 0 for a solution.

    Args:
        mdp: the game.
        Q: (S, V) what is tested.
        policy: (S, V) whose equation it is, V(s) = sum_a pi(a|s) Q(s, a); None for the optimality equation.
        temperature: of the entropy that is earned besides, as in `evaluate_policy` and `soft_optimum`.

    Raises:
        TypeError, ValueError: Q of another shape, no policy of this game, a temperature below 0.
    """
    if np.shape(Q) != mdp.allowed.shape:
        raise ValueError(f"Q has shape {np.shape(Q)}, expected {mdp.allowed.shape}: states and tokens")
    tau, everywhere = checked_temperature(temperature), slice(mdp.num_states)
    held = np.where(mdp.allowed, Q, -np.inf)
    V = np.zeros(mdp.num_states + 1)
    if policy is not None:
        V[:-1] = _expectation(mdp.checked_policy(policy), tau)(held, everywhere)
    else:
        V[:-1] = _soft_maximum(held, tau) if tau > 0 else _maximum(held, everywhere)
    wanted = _looked_ahead(mdp, V, everywhere)
    return float(np.abs(held[mdp.allowed] - wanted[mdp.allowed]).max())


def checked_temperature(temperature: float) -> float:
    """`temperature` if it is a finite number >= 0.

    Raises:
        TypeError: not a number.
        ValueError: below 0, or not finite.
    """
    if not is_number(temperature):
        raise TypeError(f"temperature={temperature!r} must be a number, got {type(temperature).__name__}")
    if not 0 <= temperature < np.inf:
        raise ValueError(f"temperature={temperature!r} must be finite and at least 0")
    return float(temperature)


def row_entropies(chances: FloatArray) -> FloatArray:
    """-sum_a p(a) log p(a) of each row of (n, V), in nats."""
    logs = np.log(chances, out=np.zeros_like(chances), where=chances > 0)
    entropies: FloatArray = -(chances * logs).sum(1)
    return entropies


def _checked_above_zero(temperature: float) -> float:
    tau = checked_temperature(temperature)
    if tau == 0:
        raise ValueError("temperature=0: the soft optimum needs one above 0; its limit is backward_induction(mdp)")
    return tau


def _swept(mdp: TextMDP, backup: Backup) -> Values:
    """One sweep from the longest prefixes to the shortest."""
    V = np.zeros(mdp.num_states + 1)
    Q = np.empty(mdp.allowed.shape)
    for level in reversed(mdp.levels):
        Q[level] = _looked_ahead(mdp, V, level)
        V[level] = backup(Q[level], level)
    return Values(V[:-1], Q)


def _looked_ahead(mdp: TextMDP, V: FloatArray, states: slice) -> FloatArray:
    """Q (n, V) of `states`, from V (S + 1,), whose last entry is the 0 after a text's end: next_state is -1 there."""
    ahead = mdp.rewards[states] + mdp.discount * V[mdp.next_state[states]]
    return np.where(mdp.allowed[states], ahead, -np.inf)


def _expectation(policy: FloatArray, temperature: float) -> Backup:
    def backup(Q: FloatArray, states: slice) -> FloatArray:
        chances = policy[states]
        # 0 times the -inf of a token that is not allowed is 0.
        earned = np.multiply(chances, Q, out=np.zeros_like(Q), where=chances > 0)
        values: FloatArray = earned.sum(1)
        return values + temperature * row_entropies(chances) if temperature else values

    return backup


def _maximum(Q: FloatArray, states: slice) -> FloatArray:
    best: FloatArray = Q.max(1)
    return best


def _soft_maximum(Q: FloatArray, temperature: float) -> FloatArray:
    """tau log sum_a exp(Q / tau), without overflow."""
    values: FloatArray = Q.max(1) + temperature * np.log(_boltzmann(Q, temperature).sum(1))
    return values


def _boltzmann(Q: FloatArray, temperature: float) -> FloatArray:
    """exp((Q - max_a Q) / tau)."""
    # A temperature next to 0 sends what is not the best to -inf, as it should.
    with np.errstate(over="ignore"):
        chances: FloatArray = np.exp((Q - Q.max(1, keepdims=True)) / temperature)
    return chances
