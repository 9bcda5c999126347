"""Agent that has learned nothing, which others are measured against: every allowed token is equally likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from agents.baselines.independent_tokens import IndependentTokens
from agents.protocol import Callback, Envs
from textgen_env.checks import check_at_least


@dataclass(frozen=True)
class UniformConfig:
    """Hyperparameters: none."""


class Uniform(IndependentTokens):
    """Uniform policy: pi(x_t | x_<t) = 1/V, or one over the number of allowed tokens where masks are given."""

    config_class = UniformConfig

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Nothing to learn: no token is written; `callback` is called once."""
        self.spec.check_envs(envs)
        check_at_least("total_tokens", total_tokens)
        self.report_progress(callback, float("nan"), {})
        return self
