"""GRPO's advantages: texts for one source, measured in standard deviations of their group.

Shao et al., "DeepSeekMath: Pushing the limits of mathematical reasoning in open language models" (2024), section 4.1;
Liu et al., "Understanding R1-Zero-like training: a critical perspective" (2025), for what each division does.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.functional.returns import group_relative_advantages
from agents.policy_gradient.rloo import RLOO, RLOOConfig
from agents.protocol import FloatArray, IntArray


@dataclass(frozen=True)
class GRPOConfig(RLOOConfig):
    """Hyperparameters, with those of Shao et al. 2024 in brackets. A batch is learned from once, so that the ratio to
    the policy that wrote it is 1 and is never clipped; the penalty for leaving the first policy is left to the
    environment's reward."""

    group_size: int = 8  # k: texts for one source [64]
    scale_advantages: bool = False  # divide them by their root mean square besides [no]
    divide_by_std: bool = True  # a group's advantages by its standard deviation [yes; Dr. GRPO: no]
    divide_by_length: bool = False  # a text's by its number of tokens [yes; Dr. GRPO: no]


class GRPO(RLOO):
    """Follows 1/k sum_i A_i grad log pi(x_i | source), A_i = (R_i - mean) / std over the texts of the source.

    Neither division leaves the gradient that of the expected return; see `group_relative_advantages`. Division by
    length favours short texts among the good ones and long ones among the bad.
    """

    config_class = GRPOConfig
    config: GRPOConfig

    def advantages(self, returns: FloatArray, lengths: IntArray) -> FloatArray:
        """What each token of a text is weighed by, (M,) from the texts' returns (M,) and lengths (M,)."""
        advantages = group_relative_advantages(returns, self.config.group_size, self.config.divide_by_std)
        return advantages / lengths if self.config.divide_by_length else advantages
