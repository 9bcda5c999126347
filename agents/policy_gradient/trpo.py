"""TRPO: the longest step along the natural gradient that keeps the policy within a bound, and does better (Schulman,
Levine, Moritz, Jordan and Abbeel 2015, "Trust Region Policy Optimization")."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.functional.losses import entropy, policy_kl, surrogate_loss
from agents.functional.natural_gradient import Product, assign, flat, line_search, longest_step
from agents.policy_gradient.base import PolicyGradientAgent
from agents.policy_gradient.natural import Estimates, NaturalGradientConfig, estimate, natural_update
from textgen_env.checks import check_at_least, check_number
from textgen_env.models.linear_distribution import Layer


@dataclass(frozen=True)
class TRPOConfig(NaturalGradientConfig):
    """Hyperparameters, with those of Schulman et al. 2015 in brackets where the paper has them."""

    learning_rate: float = 1.0  # of the first step tried, as a share of the longest that max_kl allows [1]
    scale_advantages: bool = True  # only the entropy bonus is weighed by it: max_kl sets the step's length [no]
    max_kl: float = 0.05  # how far a step takes the policy, in nats a text [0.01 a state]
    backtracks: int = 10  # steps tried before the policy stays where it is
    shrink: float = 0.8  # of each to the one before

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("backtracks", self.backtracks)
        check_number("learning_rate", self.learning_rate, above=0, most=1)
        check_number("shrink", self.shrink, above=0, most=1)


class TRPO(PolicyGradientAgent):
    """Agent that maximises E_old[sum_t rho_t A_t], rho_t = pi / pi_old of token t, subject to KL(pi_old || pi) <=
    max_kl, over the states that pi_old's texts went through."""

    config_class = TRPOConfig
    has_critic = True
    config: TRPOConfig

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """A step of the policy, and `value_steps` of the critic; see `natural_update`."""
        return natural_update(self, self.config, batch, self.move)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """The terms for texts that this policy wrote: `policy`, `value` and `entropy`."""
        return estimate(self, batch).terms

    @torch.no_grad()
    def move(self, estimates: Estimates, direction: Tensor, fisher: Product) -> dict[str, float]:
        """Takes the policy along F^-1 g (P,) as far as the bound and the line search let it: `kl` of the step (nats a
        text, over the batch's states) and how many lengths were `tried`."""
        config, parameters, batch = self.config, self.policy_parameters, estimates.batch
        old = estimates.layer.detach()
        old_log_probs, _ = self.log_probs_and_entropies(batch, old)

        def tried(vector: Tensor) -> tuple[float, float]:
            assign(parameters, vector)
            layer = self.network.layer_over(batch.token_ids, batch.source_ids)
            divergence = policy_kl(old, layer, batch.written, *self.passing(batch))
            return self.surrogate(estimates, layer, old_log_probs), float(divergence)

        start = flat(parameters)
        with torch.enable_grad():
            step = config.learning_rate * longest_step(fisher, direction, config.max_kl)
        loss = self.surrogate(estimates, old, old_log_probs)
        chosen, count = line_search(tried, start, step, loss, config.max_kl, config.backtracks, config.shrink)
        return {"kl": tried(chosen)[1], "tried": float(count)}

    def surrogate(self, estimates: Estimates, layer: Layer, old_log_probs: Tensor) -> float:
        """The loss of a policy with these hidden states and this output layer, entropy bonus included."""
        batch = estimates.batch
        log_probs, entropies = self.log_probs_and_entropies(batch, layer)
        loss = surrogate_loss(log_probs, old_log_probs, estimates.advantages, batch.written)
        return float(loss - self.entropy_weight * entropy(entropies, batch.written))
