"""GRPO, Group Relative Policy Optimisation: texts for one source, measured in standard deviations of their group.

Shao et al., "DeepSeekMath: Pushing the limits of mathematical reasoning in open language models" (2024), section 4.1;
Liu et al., "Understanding R1-Zero-like training: a critical perspective" (2025), for what each division does.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.data.text_batch import TextBatch
from agents.functional.returns import group_relative_advantages, whole_return
from agents.policy_gradient.base import PolicyGradientAgent
from agents.policy_gradient.rloo import RLOOConfig, along_texts, play_groups
from agents.protocol import Envs, IntArray


@dataclass(frozen=True)
class GRPOConfig(RLOOConfig):
    """Hyperparameters, with those of Shao et al. 2024 in brackets. A batch is learned from once, so that the ratio to
    the policy that wrote it is 1 and is never clipped; the penalty for leaving the first policy is left to the
    environment's reward."""

    group_size: int = 8  # k: texts for one source [64]
    scale_advantages: bool = False  # divide them by their root mean square besides [no]
    divide_by_std: bool = True  # a group's advantages by its standard deviation [yes; Dr. GRPO: no]
    divide_by_length: bool = False  # a text's by its number of tokens [yes; Dr. GRPO: no]


class GRPO(PolicyGradientAgent):
    """Agent that follows 1/k sum_i A_i grad log pi(x_i | source), A_i = (R_i - mean) / std over the texts of the
    source.

    Neither division leaves the gradient that of the expected return; see `group_relative_advantages`. Division by
    length favours short texts among the good ones and long ones among the bad.
    """

    config_class = GRPOConfig
    config: GRPOConfig

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """Whole groups of texts; see `play_groups`."""
        return play_groups(self, envs, quota, self.config.group_size, seed)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """`policy` and `entropy`, for groups of texts that this policy wrote."""
        config = self.config
        returns = whole_return(batch.rewards, batch.lengths, config.discount)[:, 0]
        credit = group_relative_advantages(returns, config.group_size, config.divide_by_std)
        if config.divide_by_length:
            credit = credit / batch.lengths
        return self.advantage_losses(batch, along_texts(credit, batch, config.scale_advantages))
