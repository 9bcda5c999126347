"""Exploration of an agent with action values, which at times tries other tokens than the best: pure functions, and
their hyperparameters.

Values are (..., V) float64, `allowed` (..., V) bool the tokens that may be written, None for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agents.protocol import BoolArray, FloatArray
from textgen_env.checks import check_at_least, check_choice, check_number, check_shape

Exploration = Literal["epsilon_greedy", "boltzmann"]
Schedule = Literal["constant", "linear", "exponential"]


@dataclass(frozen=True)
class ExplorationConfig:
    """Hyperparameters of exploration. Its end is near greedy, as the finished agent writes by it."""

    exploration: Exploration = "epsilon_greedy"  # or "boltzmann"
    exploration_schedule: Schedule = "linear"  # or "exponential"; "constant": at its end from the first token on
    exploration_start: float = 1.0  # epsilon; or the temperature, in the reward's unit a nat
    exploration_end: float = 0.002  # the same; `predict` and `log_prob` mean this one
    exploration_tokens: int = 60_000  # written until it is there

    def __post_init__(self) -> None:
        check_choice("exploration", self.exploration, ("epsilon_greedy", "boltzmann"))
        check_choice("exploration_schedule", self.exploration_schedule, ("constant", "linear", "exponential"))
        check_at_least("exploration_tokens", self.exploration_tokens)
        positive = self.exploration == "boltzmann" or self.exploration_schedule == "exponential"
        most = 1.0 if self.exploration == "epsilon_greedy" else float("inf")
        for name in ("exploration_start", "exploration_end"):
            check_number(name, getattr(self, name), above=0 if positive else None, most=most)

    def exploration_after(self, tokens: int) -> float:
        """Epsilon or the temperature once `tokens` have been written."""
        share = tokens / self.exploration_tokens
        return scheduled(self.exploration_schedule, self.exploration_start, self.exploration_end, share)

    def chances(self, values: FloatArray, level: float, allowed: BoolArray | None = None) -> FloatArray:
        """The probability of each token at an epsilon or a temperature, `level`."""
        return (epsilon_greedy if self.exploration == "epsilon_greedy" else boltzmann)(values, level, allowed)


def scheduled(schedule: Schedule, start: float, end: float, share: float) -> float:
    """Where a schedule stands once `share` of its way is gone; it stays at its end.

    linear: start + share (end - start); exponential: start (end / start)^share; constant: end.
    """
    if schedule == "constant" or share >= 1:
        return end
    if schedule == "linear":
        return start + share * (end - start)
    return float(start * (end / start) ** share)


def greedy(values: FloatArray, allowed: BoolArray | None = None) -> np.ndarray:
    """The token (...) of the greatest value among those allowed; of several, the first.

    Raises:
        ValueError: nothing allowed somewhere.
    """
    return np.asarray(_permitted(values, allowed).argmax(-1))


def epsilon_greedy(values: FloatArray, epsilon: float, allowed: BoolArray | None = None) -> FloatArray:
    """Chances (..., V): any of the tokens allowed with probability epsilon, else the best of them; several that are
    best share its part (Watkins 1989; Sutton and Barto 2018, section 2.2).

    Args:
        values: finite where allowed. epsilon: in [0, 1].

    Raises:
        ValueError: nothing allowed somewhere.
    """
    permitted = _permitted(values, allowed)
    best = permitted == permitted.max(-1, keepdims=True)
    any_of_them = permitted > -np.inf
    return np.asarray(
        epsilon * any_of_them / any_of_them.sum(-1, keepdims=True) + (1 - epsilon) * best / best.sum(-1, keepdims=True)
    )


def boltzmann(values: FloatArray, temperature: float, allowed: BoolArray | None = None) -> FloatArray:
    """Chances (..., V) exp(Q(s, a) / tau) / sum_b exp(Q(s, b) / tau) over the tokens b allowed (Sutton 1990; Sutton and
    Barto 2018, section 2.8).

    Args:
        values: finite where allowed. temperature: tau > 0, in the values' unit a nat.

    Raises:
        ValueError: nothing allowed somewhere.
    """
    permitted = _permitted(values, allowed)
    # A temperature next to 0 sends what is not the best to -inf, as it should.
    with np.errstate(over="ignore"):
        weights = np.exp((permitted - permitted.max(-1, keepdims=True)) / temperature)
    return np.asarray(weights / weights.sum(-1, keepdims=True))


def checked_masks(allowed: BoolArray) -> BoolArray:
    """`allowed` (..., V), which tokens may be chosen.

    Raises:
        ValueError: nothing allowed somewhere.
    """
    none = ~allowed.any(-1)
    if none.any():
        raise ValueError(f"action_masks: row {int(none.argmax())} allows no token; it must allow at least one")
    return allowed


def _permitted(values: FloatArray, allowed: BoolArray | None) -> FloatArray:
    """The values, -inf where not allowed."""
    if allowed is None:
        return values
    check_shape("allowed", allowed, values.shape)
    return np.where(checked_masks(allowed), values, -np.inf)
