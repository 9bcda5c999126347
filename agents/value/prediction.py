"""What the agents share that learn what a given policy's prefixes are worth: everything but how."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from agents.data.episodes import Episodes
from agents.data.text_spec import checked_masks
from agents.protocol import BoolArray, FloatArray, IntArray
from agents.value.tabular import TabularAgent, TabularConfig

# How far the probabilities of a prefix's tokens may add up to something other than 1.
ROUNDING = 1e-6


class PolicyEvaluation(TabularAgent):
    """A table V(s) of a policy that does not learn: that which writes all tokens equally often, until `follow` is given
    another. `predict`, `sample` and `log_prob` are that policy's; with `deterministic=True` its likeliest token.

    Attributes:
        policy: (R, V) float64, the probability of each token.
    """

    tables: ClassVar[tuple[str, ...]] = (*TabularAgent.tables, "policy")
    config: TabularConfig
    policy: FloatArray

    def follow(self, policy: FloatArray, tokens: IntArray, lengths: IntArray, sources: IntArray | None = None) -> None:
        """Learns of another policy from now on: what is known is kept, and steps are counted anew.

        Args:
            policy: (K, V), the probability of each token after the prefixes (K, T) of lengths (K,), given the source
                tokens (K, S) of a conditional task; such as `agents.exact.policy_table` and the states of its game.
                After other prefixes the policy stays as it is.

        Raises:
            ValueError: arrays of another shape; probabilities below 0 or that do not add up to 1 within 1e-6.
        """
        chances = np.asarray(policy, np.float64)
        at = self._rows_after(tokens, lengths, sources)
        if chances.shape != (len(at), self.spec.vocab_size):
            raise ValueError(f"policy has shape {chances.shape}, expected {(len(at), self.spec.vocab_size)}")
        # Written so that NaN fails.
        wrong = ~(np.abs(chances.sum(1) - 1) <= ROUNDING) | ~(chances >= 0).all(1)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"policy[{row}]={chances[row]} must be probabilities >= 0 that add up to 1")
        self.policy[at] = chances
        self.visits[:] = 0

    def values_after(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None = None) -> FloatArray:
        """V (K,) of prefixes (K, T) of lengths (K,), given the source tokens (K, S) of a conditional task.

        Raises:
            ValueError: prefixes of another shape.
        """
        return self.values[self._rows_after(tokens, lengths, sources)]

    def _rows_of(self, episodes: Episodes) -> list[IntArray]:
        """The rows (L,) of s_0 ... s_{L-1} of each text."""
        rows = self.rows.along(episodes.tokens, episodes.sources)
        return [of_text[:length] for of_text, length in zip(rows, episodes.lengths, strict=True)]

    def _rows_after(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None) -> IntArray:
        given = self._checked_prefixes(tokens, lengths, sources)
        return self.rows.along(tokens, given)[np.arange(len(tokens)), lengths]

    def _new_tables(self) -> None:
        self.values = np.zeros(self.rows.count)
        self.visits = np.zeros(self.rows.count, np.int64)
        self.policy = np.full((self.rows.count, self.spec.vocab_size), 1 / self.spec.vocab_size)

    def _known(self) -> FloatArray:
        return self.policy

    def _chances(self, known: FloatArray, allowed: BoolArray | None, exploring: bool) -> FloatArray:
        """The policy, shared out among the tokens allowed; among all of those equally where it has none of them."""
        if allowed is None:
            return known
        weights = known * checked_masks(allowed)
        weights = np.where(weights.any(-1, keepdims=True), weights, allowed)
        return np.asarray(weights / weights.sum(-1, keepdims=True))
