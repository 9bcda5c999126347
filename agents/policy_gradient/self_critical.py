"""Self-critical sequence training: a text is as good as it is better than the one that the policy writes greedily.

Rennie, Marcheret, Mroueh, Ross and Goel, "Self-critical sequence training for image captioning" (2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from agents.data.episodes import play, play_from
from agents.data.text_batch import TextBatch
from agents.functional.returns import scaled_to_unit, whole_return, written
from agents.policy_gradient.base import PolicyGradientAgent, PolicyGradientConfig
from agents.protocol import Envs, IntArray


@dataclass(frozen=True)
class SelfCriticalConfig(PolicyGradientConfig):
    """Hyperparameters. The paper begins with a policy that maximum likelihood trained (`initialise_from`), and has no
    entropy bonus."""

    entropy_weight: float = 0.5  # of the entropy bonus, at the start: a greedy text that is best so far draws all to it
    scale_advantages: bool = True  # divide them by their root mean square: the reward's unit then hardly matters [no]


class SelfCritical(PolicyGradientAgent):
    """Agent that follows (R(x) - R(greedy text of the same source)) grad log pi(x | source), equation 8: the baseline
    is what the policy earns the way that it is used after training. It does not depend on x, so the gradient is
    unbiased.

    The greedy texts are written in the environment as well, and their tokens count: one for each text of a conditional
    task; one in all otherwise, which all rows write.
    """

    config_class = SelfCriticalConfig
    config: SelfCriticalConfig

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """Texts drawn from the policy, and the returns of the greedy ones."""
        drawn = play(self.explore, envs, quota, seed=seed, masked=True)
        if drawn.source_rows is None:
            greedy = play(self.explore, envs, np.eye(1, envs.num_envs, dtype=np.int64)[0], True, masked=True)
        else:
            greedy = play_from(self.explore, envs, {"source": drawn.source_rows}, True, masked=True)
        returns = whole_return(greedy.rewards, greedy.lengths, self.config.discount)[:, 0]
        return replace(
            drawn,
            greedy_returns=np.broadcast_to(returns, drawn.lengths.shape),
            tokens_written=drawn.tokens_written + greedy.tokens_written,
            device=self.device,
        )

    def losses(self, batch: TextBatch) -> dict[str, Tensor]:
        """`policy` and `entropy`, for texts from `gather`."""
        lengths, greedy_returns = batch.lengths, batch.greedy_returns
        assert greedy_returns is not None, "batch: its texts are not compared with greedy ones; take those of gather"
        returns = whole_return(batch.rewards, lengths, self.config.discount)
        advantages = (returns - greedy_returns[:, None]) * written(lengths, self.spec.max_length)
        if self.config.scale_advantages:
            advantages = scaled_to_unit(advantages, lengths)
        return self.advantage_losses(batch, advantages)
