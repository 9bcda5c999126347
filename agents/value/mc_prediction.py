"""Monte-Carlo prediction: a prefix is worth the mean of what the texts that begin with it went on to earn (Sutton and
Barto 2018, section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.data.text_batch import TextBatch
from agents.functional.returns import reward_to_go
from agents.value.prediction import PolicyEvaluation
from agents.value.tabular import TabularConfig


@dataclass(frozen=True)
class MCPredictionConfig(TabularConfig):
    """Hyperparameters. With steps of 1 / n, V is the mean of all returns: unbiased."""

    step_size_power: float = 1.0  # omega: an entry's n-th update is of step_size / n^omega


class MCPrediction(PolicyEvaluation):
    """Table updated by V(s_t) <- V(s_t) + alpha_n (G_t - V(s_t)), G_t = sum_{k >= t} discount^{k-t} r_k (equation 6.1).
    A prefix comes but once in a text: first-visit and every-visit are the same."""

    config_class = MCPredictionConfig
    config: MCPredictionConfig

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """The updates of a batch; `error` is the root mean square of G_t - V(s_t) over it."""
        returns = reward_to_go(batch.rewards, batch.lengths, self.config.discount)
        errors = []
        for rows, text_returns in zip(self._rows_of(batch), returns, strict=True):
            self.visits[rows] += 1
            error = text_returns[: len(rows)] - self.values[rows]
            self.values[rows] += self.config.step_sizes(self.visits[rows]) * error
            errors.append(error)
        self.updates += 1
        return {"error": float(np.sqrt(np.square(np.concatenate(errors)).mean()))}
