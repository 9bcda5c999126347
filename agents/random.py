"""The agent that has learned nothing: every allowed token is equally likely. What the others are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from agents.base import Callback, Envs, Progress
from agents.independent_tokens import IndependentTokens
from textgen_env.tasks.base import check_at_least


@dataclass(frozen=True)
class RandomConfig:
    """No hyperparameters."""


class Random(IndependentTokens):
    """pi(x_t | x_<t) = 1/V, or one over the number of allowed tokens where masks are given."""

    config_class = RandomConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Nothing to learn: no token is written; `callback` is called once."""
        self.spec.check_envs(envs)
        check_at_least("total_tokens", total_tokens)
        if callback is not None:
            callback(Progress(0, 0, float("nan"), {}))
        return self
