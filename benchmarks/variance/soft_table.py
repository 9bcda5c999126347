"""Reward of Tiny as a function of soft tokens, for estimators that differentiate it."""

from __future__ import annotations

import torch
from torch import Tensor

from textgen_env.rewards.table import TableReward
from textgen_env.tasks.base import Sources, Task


class SoftTable(TableReward):
    """Reward: score(y) = sum_t sum_{x_1 .. x_t} y_1[x_1] .. y_t[x_t] r(x_1 .. x_t), over prefixes that have not ended
    before: of one-hots, what `TableReward` pays. Other functions of soft tokens agree with it there; what a gradient
    through soft tokens is biased by depends on which is taken.
    """

    _eos_id: int | None = None

    def bind(self, task: Task) -> SoftTable:
        """As `TableReward`."""
        bound = super().bind(task)
        bound._eos_id = task.vocabulary.eos_id
        return bound

    def soft_score(self, one_hots: Tensor, sources: Sources | None = None) -> Tensor:
        """Scores (N,) of weights (N, T, V + 1) of the tokens and the blank."""
        weights = one_hots[:, :, : self._vocab_size]
        going = torch.ones_like(weights[:, 0, :1])  # (N, V^t): of each prefix that goes on
        scores = torch.zeros_like(going[:, 0])
        for t, level in enumerate(self.levels):
            reached = going[:, :, None] * weights[:, t, None]
            scores = scores + reached.flatten(1) @ torch.from_numpy(level).to(weights)
            if self._eos_id is not None:
                ended = torch.arange(self._vocab_size, device=weights.device) == self._eos_id
                reached = reached.masked_fill(ended, 0.0)
            going = reached.flatten(1)
        return scores
