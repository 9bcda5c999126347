"""Natural policy gradient: the steepest way up when a step is measured by how far the policy moves, not its
parameters (Amari 1998, "Natural Gradient Works Efficiently in Learning"; Kakade 2002, "A Natural Policy Gradient")."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.functional.natural_gradient import Product, assign, flat
from agents.policy_gradient.base import PolicyGradientAgent
from agents.policy_gradient.natural import Estimates, NaturalGradientConfig, estimate, natural_update


@dataclass(frozen=True)
class NPGConfig(NaturalGradientConfig):
    """Hyperparameters, with those of Kakade 2002 in brackets where the paper has them. It inverts a Fisher matrix of
    few parameters; the products in its place are those of Schulman et al. 2015."""

    learning_rate: float = 0.2  # alpha: the policy's step is alpha F^-1 g
    max_kl: float = 0.05  # in nats a text, by 1/2 x^T F x; a step x that goes farther is shortened to it [no bound]
    scale_advantages: bool = False  # what is to be gained shrinks near the best text, and with it the steps [no]
    entropy_weight: float = 0.3  # of the entropy bonus, at the start, in the reward's unit if advantages are not scaled


class NPG(PolicyGradientAgent):
    """Agent that maximises E[sum_t r_t] by steps along F^-1 g: g the policy gradient with a critic's advantages, F the
    Fisher information of the texts that the policy writes, sum_s d(s) sum_a pi(a|s) grad log pi(a|s) grad log
    pi(a|s)^T."""

    config_class = NPGConfig
    has_critic = True
    config: NPGConfig

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """A step of the policy, and `value_steps` of the critic; see `natural_update`."""
        return natural_update(self, self.config, batch, self.move)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """The terms for texts that this policy wrote: `policy`, `value` and `entropy`."""
        return estimate(self, batch).terms

    def move(self, estimates: Estimates, direction: Tensor, fisher: Product) -> dict[str, float]:
        """Takes the policy along F^-1 g (P,): `kl`, 1/2 x^T F x of the step x, damping included, in nats a text."""
        step = self.config.learning_rate * direction
        divergence = step @ fisher(step) / 2
        if divergence > self.config.max_kl:
            # Where the policy is nearly certain, F is nearly 0 and F^-1 g without a bound.
            step = step * (self.config.max_kl / divergence).sqrt()
        assign(self.policy_parameters, flat(self.policy_parameters) + step)
        return {"kl": min(float(divergence), self.config.max_kl)}
