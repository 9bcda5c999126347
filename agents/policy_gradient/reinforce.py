"""REINFORCE: the policy follows the gradient of its expected return (Williams 1992, "Simple statistical
gradient-following algorithms for connectionist reinforcement learning")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.functional.losses import policy_gradient_loss, value_loss
from agents.functional.returns import (
    batch_mean_baseline,
    constant_baseline,
    no_baseline,
    reward_to_go,
    scaled_to_unit,
    whole_return,
    written,
)
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from agents.protocol import FloatArray, IntArray
from textgen_env.checks import check_choice, check_number


@dataclass(frozen=True)
class ReinforceConfig(PolicyGradientConfig):
    """Hyperparameters, with those of Williams 1992 in brackets where the paper has them. It has plain gradient ascent
    on single texts in place of Adam on batches, and neither discount nor entropy bonus (Williams and Peng 1991 add
    one)."""

    credit: Literal["reward_to_go", "whole"] = "reward_to_go"  # what a token is credited with [whole]
    baseline: Literal["none", "constant", "batch_mean", "learned"] = "batch_mean"  # learned: added to the mean
    constant: float = 0.0  # of the constant baseline, in the reward's unit
    value_weight: float = 1.0  # of the learned baseline's error in the loss
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("credit", self.credit, ("reward_to_go", "whole"))
        check_choice("baseline", self.baseline, ("none", "constant", "batch_mean", "learned"))
        check_number("constant", self.constant, least=-float("inf"))
        check_number("value_weight", self.value_weight)


class Reinforce(PolicyGradientAgent):
    """Agent that maximises E[sum_t r_t] by the gradient E[sum_t (G_t - b_t) grad log pi(x_t | x_<t)]."""

    config_class = ReinforceConfig
    config: ReinforceConfig

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """The terms of the loss for texts that this policy wrote: `policy`, `entropy` and, with a learned baseline,
        `value`."""
        config, lengths = self.config, batch.lengths
        credited = reward_to_go if config.credit == "reward_to_go" else whole_return
        returns = credited(batch.rewards, lengths, config.discount)
        batch = batch.to(self.device)
        log_probs, entropy, hidden = self.log_probs_and_entropy(batch)
        terms = {}
        baseline = self._baseline(returns, lengths)
        if config.baseline == "learned":
            values = self.network.values(hidden)
            terms["value"] = value_loss(values, self.float_tensor(returns - baseline), batch.written)
            baseline = baseline + values.detach().double().cpu().numpy()
        advantages = (returns - baseline) * written(lengths, self.spec.max_length)
        if config.scale_advantages:
            advantages = scaled_to_unit(advantages, lengths)
        terms["policy"] = policy_gradient_loss(log_probs, self.float_tensor(advantages), batch.written)
        terms["entropy"] = entropy
        return terms

    def total_loss(self, terms: dict[str, Tensor]) -> Tensor:
        """policy + value_weight * value - entropy_weight * 2^(-tokens / half-life) * entropy."""
        loss = super().total_loss(terms)
        return loss + self.config.value_weight * terms["value"] if "value" in terms else loss

    def _baseline(self, returns: FloatArray, lengths: IntArray) -> FloatArray:
        """The part of b_t (N, T) that does not have to be learned."""
        if self.config.baseline == "none":
            return no_baseline(returns)
        if self.config.baseline == "constant":
            return constant_baseline(returns, self.config.constant)
        return batch_mean_baseline(returns, lengths)

    def _has_value_head(self) -> bool:
        return self.config.baseline == "learned"
