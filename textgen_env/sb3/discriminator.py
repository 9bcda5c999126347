"""Callback of Stable-Baselines3 that logs a reward that learns, or makes it learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from textgen_env.checks import check_at_least
from textgen_env.rewards.combine import parts_of
from textgen_env.rewards.learned import LearnedReward


class DiscriminatorCallback(BaseCallback):
    """Log of how a discriminator, or a ranker in its place, learns: `discriminator/loss` (nats a text) and
    `discriminator/accuracy`.

    Where the reward has `auto_update=False`, also makes it learn: from each `update_every` finished texts.

    Args:
        update_every: finished texts between two calls of the reward's `update`.
        verbose: as in Stable-Baselines3.

    Raises:
        ValueError: when training starts on environments without a `LearnedReward`, or in other processes.
    """

    def __init__(self, update_every: int = 64, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.update_every = check_at_least("update_every", update_every)
        self._followed: list[_Followed] = []

    def _init_callback(self) -> None:
        rewards = self.training_env.get_attr("reward")
        if self.training_env.get_attr("reward")[0] is not rewards[0]:
            raise ValueError(
                "the environments run in other processes, where their rewards are out of reach; "
                "use make_sb3_vec_env or DummyVecEnv"
            )
        followed: dict[int, _Followed] = {}
        for row, reward in enumerate(rewards):
            for learner in (part for part in parts_of(reward) if isinstance(part, LearnedReward)):
                followed.setdefault(id(learner), _Followed(learner)).rows.append(row)
        if not followed:
            raise ValueError(
                f"the environment's reward is {type(rewards[0]).__name__}; DiscriminatorCallback needs a "
                "reward that learns: choose an id such as 'TextGen-OracleSmallGAN-v0'"
            )
        self._followed = list(followed.values())

    def _on_step(self) -> bool:
        infos, dones = self.locals["infos"], self.locals["dones"]
        for followed in self._followed:
            learner, texts = followed.learner, followed.texts
            if not learner.auto_update:
                texts += [(infos[row]["tokens"], infos[row]["length"]) for row in followed.rows if dones[row]]
            while len(texts) >= self.update_every:
                tokens, lengths = zip(*texts[: self.update_every], strict=True)
                learner.update(np.stack(tokens), np.array(lengths))
                del texts[: self.update_every]
            if learner.last_update is not followed.logged:
                followed.logged = learner.last_update
                for name, value in learner.last_update.items():
                    self.logger.record_mean(f"discriminator/{name}", value)
        return True


@dataclass
class _Followed:
    """One learner: the rows that it rewards, the texts that it has not learned from, the update last logged."""

    learner: LearnedReward[Any]
    rows: list[int] = field(default_factory=list)
    texts: list[tuple[NDArray[np.int64], int]] = field(default_factory=list)
    logged: dict[str, float] = field(default_factory=dict)
