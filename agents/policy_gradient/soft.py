"""Soft policy gradient: a policy that is paid for its entropy too, at a temperature that stays (Williams and Peng
1991, "Function Optimization Using Connectionist Reinforcement Learning Algorithms"; Haarnoja, Tang, Abbeel and Levine
2017, "Reinforcement Learning with Deep Energy-Based Policies", equation 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.functional.losses import policy_gradient_loss, value_loss
from agents.functional.returns import batch_mean_baseline, reward_to_go, whole_return, written
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from textgen_env.checks import check_at_least, check_choice, check_number


@dataclass(frozen=True)
class SoftPolicyGradientConfig(PolicyGradientConfig):
    """Hyperparameters. The entropy's weight is the temperature, which stays, and a bonus that fades: what a token may
    lead to is learned before it is written ever less, and then, without it, never."""

    temperature: float = 1.0  # tau, what a nat of entropy earns, in the reward's unit
    credit: Literal["whole", "reward_to_go"] = "whole"  # whole: the gradient's noise vanishes at the optimum
    baseline: Literal["batch_mean", "learned"] = "batch_mean"  # learned: added to the mean, as where sources differ
    learning_rate_half_life: int | None = 200_000  # tokens written until it has halved; None: constant
    max_grad_norm: float = 100.0  # longer gradients are shortened to it; those of rare texts, which are long, are not
    entropy_weight: float = 3.0  # of the bonus beyond the temperature, at the start, in the reward's unit
    entropy_half_life: int | None = 6_000  # tokens written until it has halved; None: constant

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("temperature", self.temperature, above=0)
        check_choice("credit", self.credit, ("whole", "reward_to_go"))
        check_choice("baseline", self.baseline, ("batch_mean", "learned"))
        if self.learning_rate_half_life is not None:
            check_at_least("learning_rate_half_life", self.learning_rate_half_life)


class SoftPolicyGradient(PolicyGradientAgent):
    """Agent that maximises E[sum_t r_t + tau H(pi(. | x_<t))] = E[sum_t r_t - tau log pi(x_t | x_<t)], discounted
    alike; tau is the temperature, and at first the fading bonus besides.

    With discount 1 that is tau log Z - tau KL(pi || p*), so its optimum is p*(x) = exp(score(x) / tau) / Z:
    `textgen_env.solve.soft_optimum`. Each token is credited with G = sum_k r_k - tau log pi(x_k | x_<k), of the whole
    text or from itself on; the derivative of -tau log pi itself is 0 in expectation. At the optimum the whole text's G
    is tau log Z for every text: less its mean nothing is left, and no noise either.
    """

    config_class = SoftPolicyGradientConfig
    config: SoftPolicyGradientConfig

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """A step whose length has halved with every `learning_rate_half_life` tokens."""
        half_life = self.config.learning_rate_half_life
        faded = 1.0 if half_life is None else 0.5 ** (self.tokens_generated / half_life)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * faded
        return super().learn(batch)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote: `policy`, `entropy` and, with a learned baseline,
        `value`."""
        config, lengths = self.config, batch.lengths
        batch = batch.to(self.device)
        log_probs, entropy, hidden = self.log_probs_and_entropy(batch)
        surprise = -log_probs.detach().double().cpu().numpy()
        credited = whole_return if config.credit == "whole" else reward_to_go
        temperature = config.temperature + self.entropy_weight
        returns = credited(batch.rewards + temperature * surprise, lengths, config.discount)
        baseline = batch_mean_baseline(returns, lengths)
        terms = {}
        if config.baseline == "learned":
            values = self.network.values(hidden)
            terms["value"] = value_loss(values, self.float_tensor(returns - baseline), batch.written)
            baseline = baseline + values.detach().double().cpu().numpy()
        advantages = np.where(written(lengths, self.spec.max_length), returns - baseline, 0.0)
        terms["policy"] = policy_gradient_loss(log_probs, self.float_tensor(advantages), batch.written)
        terms["entropy"] = entropy
        return terms

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """policy + value."""
        return terms["policy"] + terms["value"] if "value" in terms else terms["policy"]

    def _has_value_head(self) -> bool:
        return self.config.baseline == "learned"
