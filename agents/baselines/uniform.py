"""The agent that has learned nothing: every allowed token is equally likely. What the others are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from agents.baselines.independent_tokens import IndependentTokens
from agents.protocol import Callback, Envs
from textgen_env.checks import check_at_least


@dataclass(frozen=True)
class UniformConfig:
    """No hyperparameters."""


class Uniform(IndependentTokens):
    """pi(x_t | x_<t) = 1/V, or one over the number of allowed tokens where masks are given."""

    config_class = UniformConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Nothing to learn: no token is written; `callback` is called once."""
        self.spec.check_envs(envs)
        check_at_least("total_tokens", total_tokens)
        self.report_progress(callback, float("nan"), {})
        return self
