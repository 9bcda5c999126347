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

from agents.data.episodes import play, play_from
from agents.data.text_batch import TextBatch
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
    """Agent that maximises E[R] by the gradient 1/k sum_i (R_i - 1/(k-1) sum_{j != i} R_j) grad log pi(x_i | source), R
    the return of a whole text.

    A batch is rounded up to whole groups. The sources of a conditional task are those that the environment draws, each
    of them written for k times; the texts of an unconditional task are split into groups.
    """

    config_class = RLOOConfig
    config: RLOOConfig

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """Whole groups of texts; see `play_groups`."""
        return play_groups(self, envs, quota, self.config.group_size, seed)

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """`policy` and `entropy`, for groups of texts that this policy wrote."""
        returns = whole_return(batch.rewards, batch.lengths, self.config.discount)[:, 0]
        credit = returns - leave_one_out_baseline(returns, self.config.group_size)
        return self.advantage_losses(batch, along_texts(credit, batch, self.config.scale_advantages))


def play_groups(
    agent: PolicyGradientAgent, envs: Envs, quota: IntArray, group_size: int, seed: int | None = None
) -> TextBatch:
    """Whole groups of texts, one group behind the other, at least as many as `quota` asks for: for one source each, or
    of an unconditional task any."""
    rows = envs.num_envs
    whole = group_size // gcd(group_size, rows)
    each = whole * -(-int(quota.max()) // whole)
    if not agent.spec.conditional:
        return play(agent.explore, envs, np.full(rows, each), seed=seed, masked=True).to(agent.device)
    sources = drawn_sources(envs, rows * each // group_size, seed).repeat(group_size)
    return play_from(agent.explore, envs, {"source": sources}, masked=True).to(agent.device)


def along_texts(credit: FloatArray, batch: TextBatch, scale: bool) -> FloatArray:
    """The advantages (M, T) of tokens that are each credited as their text is (M,); scaled to unit size if `scale`."""
    advantages = credit[:, None] * written(batch.lengths, batch.tokens.shape[1])
    return scaled_to_unit(advantages, batch.lengths) if scale else advantages


def drawn_sources(envs: Envs, count: int, seed: int | None = None) -> IntArray:
    """`count` rows of the source table, as the environment draws them when it is reset."""
    drawn: list[int] = []
    while len(drawn) < count:
        _, infos = envs.reset(seed=seed)
        drawn.extend(infos["source_row"].tolist())
        seed = None
    return np.array(drawn[:count], np.int64)
