"""What the agents share that learn from batches of whole texts, whoever wrote them."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch

from agents.bases.trainable import SavedAgent
from agents.data.episodes import Episodes, Predict, play
from agents.functional.returns import written
from agents.protocol import Callback, Envs, IntArray
from textgen_env.checks import check_at_least


class EpisodicLearner(SavedAgent):
    """Writes a batch of texts by `explore`, learns from it, and begins again. A subclass defines `explore` and `learn`,
    and its config has `batch_size`."""

    explore: Predict

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns until `total_tokens` more tokens have been written, or read from data. For every batch the environment
        is reset and seeded from the agent's own generator, so that training in parts is training at once. Losses
        reported: those of `learn`.

        Raises:
            ValueError: envs of another shape.
            FloatingPointError: a reward, a loss or a gradient that is not finite.
        """
        self.spec.check_envs(envs)
        until = self.tokens_spent + check_at_least("total_tokens", total_tokens)
        quota = np.full(envs.num_envs, -(-self.config.batch_size // envs.num_envs))
        while self.tokens_spent < until:
            seed = int(torch.randint(2**31, (), generator=self.generator))
            episodes = self.gather(envs, quota, seed)
            self._check_rewards(episodes)
            self.tokens_generated += episodes.tokens_written
            losses = self.learn(episodes)
            mean_return = float(episodes.returns.mean()) if episodes.tokens_written else float("nan")
            if not self._goes_on(callback, mean_return, losses):
                break
        return self

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> Episodes:
        """The texts of the next batch, `quota[i]` of each row i, written by this policy as it stands; an agent that
        learns from another's texts defines it anew."""
        return play(self.explore, envs, quota, seed=seed, masked=True)

    def learn(self, episodes: Episodes) -> dict[str, float]:
        """Takes what there is to be learned from a batch; the losses, by name."""
        raise NotImplementedError(f"{type(self).__name__} must define learn(episodes)")

    def _check_rewards(self, episodes: Episodes) -> None:
        """Before anything is learned or kept of them."""
        there = written(episodes.lengths, episodes.rewards.shape[1])
        spoilt = there & ~np.isfinite(episodes.rewards)
        if spoilt.any():
            text, t = (int(index[0]) for index in spoilt.nonzero())
            others = episodes.rewards[there & ~spoilt]
            rest = f", the others lie in [{others.min():g}, {others.max():g}]" if len(others) else ""
            raise FloatingPointError(
                f"{type(self).__name__}: the reward of token {t} of text {text} is {episodes.rewards[text, t]} in "
                f"update {self.updates + 1}; of the batch's {there.sum()} rewards {spoilt.sum()} are not "
                f"finite{rest}; look at the environment's reward"
            )
