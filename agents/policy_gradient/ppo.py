"""PPO: several steps on each batch, in which no token gains by becoming much likelier or much less likely than it was
when it was written (Schulman, Wolski, Dhariwal, Radford and Klimov 2017, "Proximal Policy Optimization Algorithms")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.data.episodes import Episodes
from agents.functional.losses import approximate_kl, clip_fraction, clipped_value_loss, ppo_clip_loss, value_loss
from agents.policy_gradient.a2c import A2C, A2CConfig
from agents.policy_gradient.base import Played
from textgen_env.checks import check_at_least, check_number

# Of approximate KL over its target, from which on a batch is left, as in Stable-Baselines3 and Spinning Up.
KL_SLACK = 1.5


@dataclass(frozen=True)
class PPOConfig(A2CConfig):
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


class Judged(NamedTuple):
    """What the policy and the critic that a batch was written with say of it, (N, T) each.

    Attributes:
        log_probs: log pi_old(x_t | x_<t).
        values: of the critic.
        advantages, targets: as `A2C.advantages`.
    """

    log_probs: Tensor
    values: Tensor
    advantages: Tensor
    targets: Tensor

    def take(self, rows: Tensor) -> Judged:
        """Of the texts numbered `rows` (M,)."""
        return Judged(*(part[rows] for part in self))


class PPO(A2C):
    """Maximises E_old[sum_t min(rho_t A_t, clamp(rho_t, 1 - clip, 1 + clip) A_t)], rho_t = pi / pi_old of token t, by
    `epochs` passes over texts that pi_old wrote."""

    config_class = PPOConfig
    config: PPOConfig

    def learn(self, episodes: Episodes) -> dict[str, float]:
        """The passes; the losses are their means over the steps taken: `policy`, `value`, `entropy`, `approximate_kl`
        (nats a token) and `clip_fraction`."""
        config = self.config
        played = Played.of(episodes, self.device)
        judged = self.judged(episodes, played)
        steps: list[dict[str, float]] = []
        for _ in range(config.epochs):
            order = torch.randperm(len(played.tokens), generator=self.generator).to(self.device)
            for rows in order.tensor_split(min(config.minibatches, len(order))):
                terms = self.clipped_losses(played.take(rows), judged.take(rows))
                # What the first step of a batch would find is 0.
                if config.target_kl is not None and steps and terms["approximate_kl"] > KL_SLACK * config.target_kl:
                    return _means(steps)
                steps.append(self._descend(self.total_loss(terms), terms, batch=episodes))
        return _means(steps)

    def losses(self, episodes: Episodes) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote, as a whole."""
        played = Played.of(episodes, self.device)
        return self.clipped_losses(played, self.judged(episodes, played))

    @torch.no_grad()
    def judged(self, episodes: Episodes, played: Played) -> Judged:
        """What policy and critic say now."""
        log_probs, _, hidden = self.log_probs_and_entropy(played)
        values = self.network.values(hidden)
        return Judged(log_probs, values, *self.advantages(episodes, values))

    def clipped_losses(self, played: Played, old: Judged) -> dict[str, Tensor]:
        """The terms of the loss for texts that another policy may have written, which said `old` of them."""
        config, written = self.config, played.written
        log_probs, entropy, hidden = self.log_probs_and_entropy(played)
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
