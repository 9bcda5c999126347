"""Self-critical sequence training: a text is as good as it is better than the one that the policy writes greedily.

Rennie, Marcheret, Mroueh, Ross and Goel, "Self-critical sequence training for image captioning" (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from agents.data.episodes import Episodes, play, play_from
from agents.functional.returns import scaled_to_unit, whole_return, written
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from agents.protocol import Envs, FloatArray, IntArray


@dataclass(frozen=True)
class SelfCriticalConfig(PolicyGradientConfig):
    """Hyperparameters. The paper begins with a policy that maximum likelihood trained (`adopt`), and has no entropy
    bonus."""

    entropy_weight: float = 0.5  # of the entropy bonus, at the start: a greedy text that is best so far draws all to it
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]


@dataclass(frozen=True)
class ComparedEpisodes(Episodes):
    """Texts with what they are compared with.

    Attributes:
        greedy_returns: (M,) float64, of the greedy text of each text's source.
    """

    greedy_returns: FloatArray


class SelfCritical(PolicyGradientAgent):
    """Follows (R(x) - R(greedy text of the same source)) grad log pi(x | source), equation 8: the baseline is what the
    policy earns the way that it is used after training. It does not depend on x, so the gradient is unbiased.

    The greedy texts are written in the environment as well, and their tokens count: one for each text of a conditional
    task; one in all otherwise, which all rows write.
    """

    config_class = SelfCriticalConfig
    config: SelfCriticalConfig

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> ComparedEpisodes:
        """Texts drawn from the policy, and the returns of the greedy ones."""
        drawn = play(self.explore, envs, quota, seed=seed, masked=True)
        if drawn.source_rows is None:
            greedy = play(self.explore, envs, np.eye(1, envs.num_envs, dtype=np.int64)[0], True, masked=True)
        else:
            greedy = play_from(self.explore, envs, {"source": drawn.source_rows}, True, masked=True)
        returns = whole_return(greedy.rewards, greedy.lengths, self.config.discount)[:, 0]
        parts = vars(drawn) | {"tokens_written": drawn.tokens_written + greedy.tokens_written}
        return ComparedEpisodes(**parts, greedy_returns=np.broadcast_to(returns, drawn.lengths.shape))

    def losses(self, episodes: Episodes) -> dict[str, Tensor]:
        """`policy` and `entropy`, for texts from `gather`."""
        assert isinstance(episodes, ComparedEpisodes)
        lengths = episodes.lengths
        returns = whole_return(episodes.rewards, lengths, self.config.discount)
        advantages = (returns - episodes.greedy_returns[:, None]) * written(lengths, self.spec.max_length)
        if self.config.scale_advantages:
            advantages = scaled_to_unit(advantages, lengths)
        return self.weighed(episodes, advantages)
