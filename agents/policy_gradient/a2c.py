"""Advantage actor-critic: the policy follows its gradient, with a learned value in place of what is still to come
(Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning", without the asynchrony: A2C), and advantages
as in Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation"."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agents.data.episodes import Episodes
from agents.functional.losses import policy_gradient_loss, value_loss
from agents.functional.returns import batch_mean_baseline, gae, no_baseline, reward_to_go, scaled_to_unit
from agents.policy_gradient.base import Played, PolicyGradientAgent, PolicyGradientConfig
from textgen_env.checks import check_number


@dataclass(frozen=True)
class A2CConfig(PolicyGradientConfig):
    """Hyperparameters, with those of Mnih et al. 2016 in brackets where the paper has them. It has RMSProp in place of
    Adam, and batches of 5 steps that a value of the state after them completes in place of whole texts."""

    gae_lambda: float = 0.95  # 1: advantages unbiased whatever the critic says; less: they vary less [1]
    value_learning_rate: float = 0.01  # of Adam, for the critic [the policy's, the critic's loss weighted by 0.5]
    center_values: bool = True  # the critic learns how far a state is from the batch's mean reward-to-go [no]
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("gae_lambda", self.gae_lambda, most=1)
        check_number("value_learning_rate", self.value_learning_rate, above=0)


class A2C(PolicyGradientAgent):
    """Maximises E[sum_t r_t] by the gradient E[sum_t A_t grad log pi(x_t | x_<t)], A of a critic V(x_<t) that learns
    beside it. The critic reads the policy's hidden states and does not change them."""

    config_class = A2CConfig
    config: A2CConfig

    def losses(self, episodes: Episodes) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote: `policy`, `value` and `entropy`."""
        played = Played.of(episodes, self.device)
        log_probs, entropy, hidden = self.log_probs_and_entropy(played)
        values = self.network.values(hidden)
        advantages, targets = self.advantages(episodes, values)
        return {
            "policy": policy_gradient_loss(log_probs, advantages, played.written),
            "value": value_loss(values, targets, played.written),
            "entropy": entropy,
        }

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """policy + value - entropy_weight * 2^(-tokens / half-life) * entropy. How policy and value are weighted beside
        each other does not matter: no parameter is of both."""
        return super().total_loss(terms) + terms["value"]

    def advantages(self, episodes: Episodes, values: Tensor) -> tuple[Tensor, Tensor]:
        """What the tokens are credited with (N, T), and what the critic's `values` (N, T) before them should have been
        (N, T): by as much more as the advantage is (the lambda-return; Sutton and Barto 2018, equation 12.3).

        With `center_values`, V(x_<t) is the critic's value and the mean of the other texts' rewards-to-go at t. Rewards
        of any unit are so estimated from the first batch on; and as a text has no say in its own mean, that by itself
        biases nothing.
        """
        config, lengths, rewards = self.config, episodes.lengths, episodes.rewards
        said = values.detach().double().cpu().numpy()
        to_go = reward_to_go(rewards, lengths, config.discount)
        mean = batch_mean_baseline(to_go, lengths) if config.center_values else no_baseline(to_go)
        found = gae(rewards, said + mean, lengths, config.discount, config.gae_lambda)
        credited = scaled_to_unit(found, lengths) if config.scale_advantages else found
        return self._float(credited), self._float(found + said)

    def _has_value_head(self) -> bool:
        return True

    @property
    def policy_parameters(self) -> list[nn.Parameter]:
        """Those that the policy depends on: all but the critic's."""
        critic = {id(parameter) for parameter in self._critic.parameters()}
        return [parameter for parameter in self.parameters if id(parameter) not in critic]

    @property
    def _critic(self) -> nn.Module:
        return self.network.get_submodule("value")

    def _adam(self, learning_rate: float) -> torch.optim.Adam:
        critic = {"params": list(self._critic.parameters()), "lr": self.config.value_learning_rate}
        return torch.optim.Adam([{"params": self.policy_parameters}, critic], lr=learning_rate, fused=True)
