"""Base of policy evaluation: a table V(s) of what the prefixes of a given policy are worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.bases.value_agent import ValueAgent
from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from agents.functional.exploration import checked_masks
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from agents.value.prefix_index import PrefixIndex
from agents.value.tabular import TabularConfig

# How far the probabilities of a prefix's tokens may add up to something other than 1.
ROUNDING = 1e-6


class PolicyEvaluation(ValueAgent):
    """Base of agents with a table V(s) of a policy that does not learn: the uniform one, until `set_policy` gives
    another. `predict`, `sample` and `log_prob` are that policy's; with `deterministic=True` its likeliest token.

    Attributes:
        rows: which row of the tables is which prefix's.
        values: (R,) float64 V(s); 0 at first.
        visits: (R,) int64, how many updates each had.
        policy: (R, V) float64, the probability of each token.

    Raises:
        ValueError: too many prefixes; and as `TrainableAgent`, whose `device` has no effect here.
    """

    tables = ("values", "visits", "policy")
    config: TabularConfig

    def set_policy(
        self, policy: FloatArray, tokens: IntArray, lengths: IntArray, sources: IntArray | None = None
    ) -> None:
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

    def _rows_of(self, batch: TextBatch) -> list[IntArray]:
        """The rows (L,) of s_0 ... s_{L-1} of each text."""
        rows = self.rows.along(batch.tokens, batch.sources)
        return [of_text[:length] for of_text, length in zip(rows, batch.lengths, strict=True)]

    def _rows_after(self, tokens: IntArray, lengths: IntArray, sources: IntArray | None) -> IntArray:
        given = self._checked_prefixes(tokens, lengths, sources)
        return self.rows.along(tokens, given)[np.arange(len(tokens)), lengths]

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        super()._build(spec, config, seed, device)
        self.rows = PrefixIndex(spec)
        self.values: FloatArray = np.zeros(self.rows.count)
        self.visits: IntArray = np.zeros(self.rows.count, np.int64)
        self.policy: FloatArray = np.full((self.rows.count, spec.vocab_size), 1 / spec.vocab_size)

    def _next(
        self, observation: Observation, state: State, episode_start: BoolArray | None
    ) -> tuple[FloatArray, State, bool]:
        rows, single = self.rows.observed(observation)
        return self.policy[rows], None, single

    def _along(self, tokens: IntArray, sources: IntArray | None) -> FloatArray:
        return self.policy[self.rows.along(tokens, sources)]

    def _chances(self, known: FloatArray, allowed: BoolArray | None, exploring: bool) -> FloatArray:
        """The policy, shared out among the tokens allowed; among all of those equally where it has none of them."""
        if allowed is None:
            return known
        weights = known * checked_masks(allowed)
        weights = np.where(weights.any(-1, keepdims=True), weights, allowed)
        return np.asarray(weights / weights.sum(-1, keepdims=True))
