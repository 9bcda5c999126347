"""PPO: several steps on each batch, in which no token gains by becoming much likelier or much less likely than it was
when it was written (Schulman, Wolski, Dhariwal, Radford and Klimov 2017, "Proximal Policy Optimization Algorithms")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.functional.losses import approximate_kl, clip_fraction, clipped_value_loss, ppo_clip_loss, value_loss
from agents.policy_gradient.base import ActorCriticConfig, PolicyGradientAgent
from textgen_env.checks import check_at_least, check_number

# Of approximate KL over its target, from which on a batch is left, as in Stable-Baselines3 and Spinning Up.
KL_SLACK = 1.5


@dataclass(frozen=True)
class PPOConfig(ActorCriticConfig):
    """Hyperparameters, with those of Schulman et al. 2017 for Atari in brackets where the paper has them."""

    learning_rate: float = 0.003  # of Adam [0.00025, fading to 0]
    batch_size: int = 256  # texts written at a time, rounded up to as many for each row [8 rows of 128 steps]
    entropy_weight: float = 0.5  # of the entropy bonus, at the start [0.01, constant]
    entropy_half_life: int | None = 20_000  # tokens written until the entropy bonus has halved; None: constant
    epochs: int = 4  # passes over each batch [3]
    minibatches: int = 4  # steps of Adam in a pass, each on as many whole texts [4]
    clip: float = 0.2  # epsilon: what a token's probability may gain or lose before it no longer counts [0.1]
    value_clip: float | None = None  # how far a value may go in a batch before it no longer counts; None: any [none]
    target_kl: float | None = None  # nats a token; at 1.5 times it a batch is left; None: never [none]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epochs", "minibatches"):
            check_at_least(name, getattr(self, name))
        check_number("clip", self.clip, above=0)
        for name in ("value_clip", "target_kl"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), above=0)

    @property
    def texts_a_step(self) -> int:
        """Texts in a step of Adam."""
        return -(-self.batch_size // self.minibatches)


class OldEstimates(NamedTuple):
    """Estimates (M, T) of the policy and the critic that a batch was written with.

    Attributes:
        log_probs: log pi_old(x_t | x_<t).
        values: of the critic.
        advantages, targets: as `PolicyGradientAgent.critic_advantages`.
    """

    log_probs: Tensor
    values: Tensor
    advantages: Tensor
    targets: Tensor

    def take(self, rows: Tensor) -> OldEstimates:
        """Of the texts numbered `rows` (K,)."""
        return OldEstimates(*(part[rows] for part in self))


class PPO(PolicyGradientAgent):
    """Agent that maximises E_old[sum_t min(rho_t A_t, clamp(rho_t, 1 - clip, 1 + clip) A_t)], rho_t = pi / pi_old of
    token t, by `epochs` passes over texts that pi_old wrote."""

    config_class = PPOConfig
    has_critic = True
    config: PPOConfig

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """The passes; the losses are their means over the steps taken: `policy`, `value`, `entropy`, `approximate_kl`
        (nats a token) and `clip_fraction`."""
        config = self.config
        batch = batch.to(self.device)
        old = self.old_estimates(batch)
        steps: list[dict[str, float]] = []
        for _ in range(config.epochs):
            order = torch.randperm(len(batch), generator=self.generator)
            for rows in order.tensor_split(min(config.minibatches, len(order))):
                terms = self.clipped_losses(batch.take(rows.numpy()), old.take(rows.to(self.device)))
                # What the first step of a batch would find is 0.
                if config.target_kl is not None and steps and terms["approximate_kl"] > KL_SLACK * config.target_kl:
                    return _means(steps)
                steps.append(self.policy_step(terms, batch))
        return _means(steps)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote, as a whole."""
        batch = batch.to(self.device)
        return self.clipped_losses(batch, self.old_estimates(batch))

    @torch.no_grad()
    def old_estimates(self, batch: TextBatch) -> OldEstimates:
        """Those of policy and critic as they now are."""
        log_probs, _, hidden = self.log_probs_and_entropy(batch)
        values = self.network.values(hidden)
        return OldEstimates(log_probs, values, *self.critic_advantages(batch, values))

    def clipped_losses(self, batch: TextBatch, old: OldEstimates) -> dict[str, Tensor]:
        """The terms of the loss for texts that another policy may have written, whose estimates are `old`."""
        config, written = self.config, batch.written
        log_probs, entropy, hidden = self.log_probs_and_entropy(batch)
        values = self.network.values(hidden)
        if config.value_clip is None:
            value = value_loss(values, old.targets, written)
        else:
            value = clipped_value_loss(values, old.values, old.targets, written, config.value_clip)
        return {
            "policy": ppo_clip_loss(log_probs, old.log_probs, old.advantages, written, config.clip),
            "value": value,
            "entropy": entropy,
            "approximate_kl": approximate_kl(log_probs.detach(), old.log_probs, written),
            "clip_fraction": clip_fraction(log_probs.detach(), old.log_probs, written, config.clip),
        }


def _means(steps: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([step[name] for step in steps])) for name in steps[0]}
