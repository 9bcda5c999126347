"""RLOO, REINFORCE Leave-One-Out: several texts for each source, each compared with the others.

Kool, van Hoof and Welling, "Buy 4 REINFORCE samples, get a baseline for free!" (2019); Ahmadian, Cremer, Galle, Fadaee,
Kreutzer, Pietquin, Ustun and Hooker, "Back to Basics: Revisiting REINFORCE-style optimization for learning from human
feedback in LLMs" (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from torch import Tensor

from agents.data.episodes import Episodes, play, play_from
from agents.functional.returns import leave_one_out_baseline, scaled_to_unit, whole_return, written
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from agents.protocol import Envs, FloatArray, IntArray
from textgen_env.checks import check_at_least


@dataclass(frozen=True)
class RLOOConfig(PolicyGradientConfig):
    """Hyperparameters, with those of Ahmadian et al. 2024 in brackets. Their penalty for leaving the first policy,
    which they take off the reward, is left to the environment's reward."""

    group_size: int = 8  # k: texts for one source; of an unconditional task, texts compared with each other [2, 4]
    entropy_weight: float = 0.5  # of the entropy bonus, at the start [0]
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("group_size", self.group_size, least=2)


class RLOO(PolicyGradientAgent):
    """Maximises E[R] by the gradient 1/k sum_i (R_i - 1/(k-1) sum_{j != i} R_j) grad log pi(x_i | source), R the return
    of a whole text.

    A batch is rounded up to whole groups. The sources of a conditional task are those that the environment draws, each
    of them written for k times; the texts of an unconditional task are split into groups.
    """

    config_class = RLOOConfig
    config: RLOOConfig

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> Episodes:
        """Whole groups of texts, one group behind the other, at least as many as `quota` asks for."""
        size, rows = self.config.group_size, envs.num_envs
        whole = size // gcd(size, rows)
        each = whole * -(-int(quota.max()) // whole)
        if not self.spec.conditional:
            return play(self.explore, envs, np.full(rows, each), seed=seed, masked=True)
        sources = drawn_sources(envs, rows * each // size, seed).repeat(size)
        return play_from(self.explore, envs, {"source": sources}, masked=True)

    def losses(self, episodes: Episodes) -> dict[str, Tensor]:
        """`policy` and `entropy`, for groups of texts that this policy wrote."""
        lengths = episodes.lengths
        returns = whole_return(episodes.rewards, lengths, self.config.discount)[:, 0]
        advantages = self.advantages(returns, lengths)[:, None] * written(lengths, self.spec.max_length)
        if self.config.scale_advantages:
            advantages = scaled_to_unit(advantages, lengths)
        return self.weighed(episodes, advantages)

    def advantages(self, returns: FloatArray, lengths: IntArray) -> FloatArray:
        """What each token of a text is weighed by, (M,) from the texts' returns (M,) and lengths (M,)."""
        return returns - leave_one_out_baseline(returns, self.config.group_size)


def drawn_sources(envs: Envs, count: int, seed: int | None = None) -> IntArray:
    """`count` rows of the source table, as the environment draws them when it is reset."""
    drawn: list[int] = []
    while len(drawn) < count:
        _, infos = envs.reset(seed=seed)
        drawn.extend(infos["source"].tolist())
        seed = None
    return np.array(drawn[:count], np.int64)
