"""Advantage actor-critic: the policy follows its gradient, with a learned value in place of what is still to come
(Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning", without the asynchrony: A2C), and advantages
as in Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation"."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.functional.losses import policy_gradient_loss, value_loss
from agents.policy_gradient.base import ActorCriticConfig, PolicyGradientAgent


@dataclass(frozen=True)
class A2CConfig(ActorCriticConfig):
    """Hyperparameters. Mnih et al. 2016 have RMSProp in place of Adam, and batches of 5 steps that a value of the state
    after them completes in place of whole texts."""


class A2C(PolicyGradientAgent):
    """Agent that maximises E[sum_t r_t] by the gradient E[sum_t A_t grad log pi(x_t | x_<t)], A of a critic V(x_<t)
    that learns beside it."""

    config_class = A2CConfig
    has_critic = True
    config: A2CConfig

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote: `policy`, `value` and `entropy`."""
        batch = batch.to(self.device)
        log_probs, entropy, hidden = self.log_probs_and_entropy(batch)
        values = self.network.values(hidden)
        advantages, targets = self.critic_advantages(batch, values)
        return {
            "policy": policy_gradient_loss(log_probs, advantages, batch.written),
            "value": value_loss(values, targets, batch.written),
            "entropy": entropy,
        }
