"""Solution of a game: the best that can be done in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from textgen_env.rewards.base import FloatArray
from textgen_env.solve.mdp import MOST_STATES, TextMDP
from textgen_env.solve.planning import (
    backward_induction,
    checked_temperature,
    greedy_policy,
    soft_optimum,
    soft_policy,
)
from textgen_env.solve.policies import expected_return, greedy_texts
from textgen_env.vocabulary import Texts


@dataclass(frozen=True, eq=False)
class Solution:
    """Best play of a game.

    Attributes:
        mdp: the game.
        temperature: tau, what a nat of entropy earns in each state; 0 for the return alone.
        V, Q: (S,) and (S, V) the optimal values, entropy included; Q is -inf where a token is not allowed.
        policy: (S, V) the optimal policy: the first of the best tokens, or with a temperature exp((Q - V) / tau).
    """

    mdp: TextMDP
    temperature: float
    V: FloatArray
    Q: FloatArray
    policy: FloatArray

    @property
    def optimum(self) -> float:
        """The most that can be expected of a text: the return, and tau times the entropy."""
        return float(self.mdp.start @ self.V)

    @cached_property
    def expected_return(self) -> float:
        """The policy's expected return, in the reward's unit: the optimum where the temperature is 0."""
        return expected_return(self.mdp, self.policy)

    @cached_property
    def texts(self) -> Texts:
        """The text that takes the policy's likeliest token each time, for each source of a conditional task: an optimal
        text where the temperature is 0."""
        return greedy_texts(self.mdp, self.policy)


def solve(env: Any, discount: float = 1.0, temperature: float = 0.0, most_states: int = MOST_STATES) -> Solution:
    """Solves an environment by backward induction.

    Args:
        env: made by `gymnasium.make` or `make_vec`.
        discount: of the rewards of each further token.
        temperature: tau; above 0 for the best policy that earns tau times its entropy in each state besides.
        most_states: how many prefixes it takes on.

    Raises:
        TypeError, ValueError: as `TextMDP.of`; a temperature below 0.
    """
    tau = checked_temperature(temperature)
    mdp = TextMDP.of(env, discount, most_states)
    if tau:
        V, Q = soft_optimum(mdp, tau)
        return Solution(mdp, tau, V, Q, soft_policy(Q, tau))
    V, Q = backward_induction(mdp)
    return Solution(mdp, tau, V, Q, greedy_policy(Q))
