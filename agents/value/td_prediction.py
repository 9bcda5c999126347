"""Temporal-difference prediction: TD(0) and TD(lambda) (Sutton 1988, "Learning to predict by the methods of temporal
differences")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.data.text_batch import TextBatch
from agents.value.prediction import PolicyEvaluation
from agents.value.tabular import TabularConfig
from textgen_env.checks import check_number


@dataclass(frozen=True)
class TDPredictionConfig(TabularConfig):
    """Hyperparameters."""

    trace_decay: float = 0.0  # lambda; 0: TD(0), which learns from the next token; 1: as Monte Carlo

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("trace_decay", self.trace_decay, most=1)


class TDPrediction(PolicyEvaluation):
    """Table updated after each token: with delta_t = r_t + discount V(s_{t+1}) - V(s_t), every prefix s of the text
    moves by V(s) <- V(s) + alpha_n(s) e(s) delta_t; its trace e(s) is 1 when it is written, and then falls by discount
    * lambda a token (accumulating traces; Sutton and Barto 2018, section 12.2)."""

    config_class = TDPredictionConfig
    config: TDPredictionConfig

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """The updates of a batch; `td_error` is the root mean square of delta_t over it."""
        values, discount = self.values, self.config.discount
        decay = discount * self.config.trace_decay
        squares, count = 0.0, 0
        for rows, rewards in zip(self._rows_of(batch), batch.rewards, strict=True):
            self.visits[rows] += 1
            steps = self.config.step_sizes(self.visits[rows])
            traces = np.zeros(len(rows))
            for t, row in enumerate(rows):
                ahead = values[rows[t + 1]] if t + 1 < len(rows) else 0.0
                error = rewards[t] + discount * ahead - values[row]
                traces *= decay
                traces[t] += 1
                values[rows[: t + 1]] += (steps * traces)[: t + 1] * error
                squares, count = squares + error * error, count + 1
        self.updates += 1
        return {"td_error": float(np.sqrt(squares / count))}
