"""A generator whose tokens are soft one-hots, so that the discriminator's gradient reaches it through them.

Kusner and Hernandez-Lobato, "GANs for sequences of discrete elements with the Gumbel-softmax distribution" (2016);
Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax" (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from agents.adversarial.base import AdversarialAgent, AdversarialConfig
from agents.adversarial.relaxation import RelaxedWriter
from agents.data.episodes import play
from agents.protocol import Envs, IntArray
from textgen_env.checks import check_at_least, check_number
from textgen_env.tasks.base import Sources


@dataclass(frozen=True)
class GumbelSoftmaxConfig(AdversarialConfig):
    """Hyperparameters. Jang et al. 2017 let tau fall as max(0.5, exp(-r t)); Kusner and Hernandez-Lobato 2016 from 5 to
    1. Neither imitates first; the rounds are SeqGAN's."""

    temperature: float = 1.0  # tau, at first
    least_temperature: float = 0.1  # below it tau does not fall
    half_life: int | None = 200  # g-steps in which tau halves; None: constant
    straight_through: bool = True  # the discriminator reads whole tokens, the gradient is the soft one's

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("temperature", "least_temperature"):
            check_number(name, getattr(self, name), above=0)
        if self.least_temperature > self.temperature:
            raise ValueError(
                f"least_temperature={self.least_temperature} must be at most temperature={self.temperature}"
            )
        if self.half_life is not None:
            check_at_least("half_life", self.half_life)
        if self.cell == "transformer":
            raise ValueError("cell='transformer' reads whole tokens only; for soft ones choose 'lstm' or 'gru'")

    def temperature_after(self, g_steps: int) -> float:
        """tau after that many g-steps."""
        halvings = 0.0 if self.half_life is None else g_steps / self.half_life
        return max(self.least_temperature, float(self.temperature * 0.5**halvings))


@runtime_checkable
class SoftReward(Protocol):
    """A reward that is differentiable in the tokens, as `DiscriminatorReward` is."""

    def soft_score(self, one_hots: Tensor, sources: Sources | None = None) -> Tensor: ...


class SoftScores(NamedTuple):
    """Scores of soft texts (M,), with their gradient; the mean return of the hard ones, and the tokens written."""

    scores: Tensor
    mean_return: float
    tokens_written: int


class GumbelSoftmax(AdversarialAgent):
    """Follows the gradient of E[D(y)], y a text of soft one-hots y_t = softmax((z_t + g_t) / tau), z_t the logits after
    y_<t and g_t Gumbel noise. Any reward with `soft_score` stands for D.

    The environment is played with the hard tokens: it counts them, masks and pays them. The gradient is biased while
    tau is above 0, and varies the more the lower it is.
    """

    config_class = GumbelSoftmaxConfig
    config: GumbelSoftmaxConfig
    counters = (*AdversarialAgent.counters, "g_steps_taken")
    g_steps_taken: int

    def follow(self, envs: Envs) -> tuple[float, dict[str, float]]:
        """A g-step on `batch_size` texts, rounded up to as many for each row; reports `policy`, minus the mean soft
        score, and `temperature`.

        Raises:
            ValueError: a reward without `soft_score`.
            FloatingPointError: a score or the gradient is not finite.
        """
        texts = self.soft_scores(envs, -(-self.config.batch_size // envs.num_envs))
        self.tokens_generated += texts.tokens_written
        loss = -texts.scores.mean()
        temperature = torch.tensor(self.config.temperature_after(self.g_steps_taken))
        losses = self._descend(loss, {"policy": loss, "temperature": temperature})
        self.g_steps_taken += 1
        return texts.mean_return, losses

    def policy_loss(self, envs: Envs, quota: IntArray, seed: int) -> tuple[Tensor, int]:
        """As `agents.exact.HasPolicyLoss`: minus the mean soft score."""
        texts = self.soft_scores(envs, int(quota.max()), seed)
        return -texts.scores.mean(), texts.tokens_written

    def soft_scores(self, envs: Envs, rounds: int, seed: int | None = None) -> SoftScores:
        """Of `rounds` texts of each row. Without a `seed` the environment's is drawn from the agent's generator."""
        config, core = self.config, envs.unwrapped
        if not isinstance(core.reward, SoftReward):  # type: ignore[attr-defined]
            raise ValueError(
                f"envs: their reward {type(core.reward).__name__} has no soft_score(one_hots, sources); take one that "  # type: ignore[attr-defined]
                'is differentiable, such as reward="discriminator"'
            )
        if seed is None:
            seed = int(torch.randint(2**31, (), generator=self.generator))
        scores, returns, tokens_written = [], [], 0
        for _ in range(rounds):
            writer = RelaxedWriter(
                self.network,
                self.spec,
                config.temperature_after(self.g_steps_taken),
                config.straight_through,
                self.generator,
                envs.num_envs,
            )
            try:
                played = play(writer.predict, envs, np.ones(envs.num_envs, np.int64), seed=seed, masked=True)
            except FloatingPointError as error:
                raise FloatingPointError(f"{type(self).__name__}: {error}, in update {self.updates + 1}") from None
            seed = None
            tokens_written += played.tokens_written
            sources = None
            if played.source_rows is not None:
                sources = core.task.sources.take(played.source_rows)  # type: ignore[attr-defined]
            scores.append(core.reward.soft_score(writer.texts(), sources))  # type: ignore[attr-defined]
            returns.append(played.returns)
        return SoftScores(torch.cat(scores), float(np.concatenate(returns).mean()), tokens_written)
