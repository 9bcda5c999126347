"""An agent that derives from nothing, as a user may write one."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from typing import Any, Self

import numpy as np

from agents.data.episodes import evaluate
from agents.protocol import Progress
from textgen_env import Texts


class Positions:
    """The cross-entropy method on a table of p(token | position)."""

    def __init__(self, envs: Any, config: Any = None, seed: int = 0) -> None:
        size = envs.single_action_space.n
        self.table = np.full((*envs.single_observation_space.shape, size), 1 / size)
        self.eos_id, self.tokens_generated = envs.unwrapped.task.vocabulary.eos_id, 0
        self.rng = np.random.default_rng(seed)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
        action_masks: Any = None,
    ) -> tuple[np.ndarray, None]:
        # What is chosen after a text that is full is not looked at.
        position = np.minimum((observation < self.table.shape[1]).sum(1), len(self.table) - 1)
        chances = self.table[position]
        chances = chances if action_masks is None else chances * action_masks
        if deterministic:
            return chances.argmax(1), None
        below = chances.cumsum(1)
        return (below > self.rng.random((len(below), 1)) * below[:, -1:]).argmax(1), None

    def train(self, envs: Any, total_tokens: int, callback: Callable[..., Any] | None = None) -> Self:
        until = self.tokens_generated + total_tokens
        while self.tokens_generated < until:
            played = evaluate(self.predict, envs, 200)
            best = played.texts.tokens[np.argsort(played.returns)[-20:]]
            counts = (best[:, :, None] == np.arange(self.table.shape[1])).sum(0) + 0.1
            self.table = counts / counts.sum(1, keepdims=True)
            self.tokens_generated += int(played.texts.lengths.sum())
            progress = Progress(self.tokens_generated, 0, float(played.returns.mean()), {})
            if callback is not None and callback(progress) is False:
                break
        return self

    def sample(self, n: int, sources: Any = None) -> Texts:
        size = self.table.shape[1]
        tokens = np.stack([self.rng.choice(size, n, p=row) for row in self.table], 1)
        ended = np.cumsum(tokens == self.eos_id, 1) - (tokens == self.eos_id) > 0
        return Texts(np.where(ended, size, tokens), (~ended).sum(1))

    def log_prob(self, tokens: Any, lengths: Any = None, sources: Any = None) -> np.ndarray:
        logs = np.pad(np.log(self.table), ((0, 0), (0, 1)))
        return np.asarray(logs[np.arange(len(logs)), tokens].sum(1))

    def save(self, path: str | PathLike[str]) -> None:
        kept = json.dumps([self.rng.bit_generator.state, self.eos_id, self.tokens_generated])
        with open(path, "wb") as file:
            np.savez(file, table=self.table, kept=kept)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        agent = cls.__new__(cls)
        with np.load(path, allow_pickle=False) as kept:
            agent.table = kept["table"]
            state, agent.eos_id, agent.tokens_generated = json.loads(str(kept["kept"]))
        agent.rng = np.random.default_rng(0)
        agent.rng.bit_generator.state = state
        return agent
