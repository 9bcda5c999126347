"""Training loop of agents that learn from batches of whole texts."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch

from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from agents.functional.returns import written
from agents.protocol import Callback, Envs, IntArray
from textgen_env.checks import check_at_least


class EpisodicAgent(Protocol):
    """Agent that `play_and_learn` trains; its config has `batch_size`."""

    spec: TextSpec
    config: Any
    generator: torch.Generator
    updates: int
    tokens_generated: int

    @property
    def tokens_spent(self) -> int:
        """Tokens written, read and rolled out, in all of its training."""
        ...

    def gather(self, envs: Envs, quota: IntArray, seed: int | None = None) -> TextBatch:
        """The texts of the next batch, `quota[i]` of each row i."""
        ...

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """Learns from a batch; returns the losses, by name."""
        ...

    def report_progress(
        self, callback: Callback | None, mean_return: float, losses: dict[str, float], phase: str = ""
    ) -> bool:
        """Tells the callback where training stands; False if it asks to stop."""
        ...


def play_and_learn(agent: EpisodicAgent, envs: Envs, total_tokens: int, callback: Callback | None = None) -> None:
    """Gathers a batch of texts, learns from it, and begins again, until `total_tokens` more tokens have been written,
    or read from data. For every batch the environment is reset and seeded from the agent's own generator, so that
    training in parts is training at once.

    Raises:
        ValueError: envs of another shape.
        FloatingPointError: a reward, a loss or a gradient that is not finite.
    """
    agent.spec.check_envs(envs)
    until = agent.tokens_spent + check_at_least("total_tokens", total_tokens)
    quota = np.full(envs.num_envs, -(-agent.config.batch_size // envs.num_envs))
    while agent.tokens_spent < until:
        seed = int(torch.randint(2**31, (), generator=agent.generator))
        batch = agent.gather(envs, quota, seed)
        check_rewards(agent, batch)
        agent.tokens_generated += batch.tokens_written
        losses = agent.learn(batch)
        mean_return = float(batch.returns.mean()) if batch.tokens_written else float("nan")
        if not agent.report_progress(callback, mean_return, losses):
            break


def check_rewards(agent: EpisodicAgent, batch: TextBatch) -> None:
    """Refuses a batch before anything is learned or kept of it.

    Raises:
        FloatingPointError: a reward that is not finite.
    """
    there = written(batch.lengths, batch.rewards.shape[1])
    spoilt = there & ~np.isfinite(batch.rewards)
    if spoilt.any():
        text, t = (int(index[0]) for index in spoilt.nonzero())
        others = batch.rewards[there & ~spoilt]
        rest = f", the others lie in [{others.min():g}, {others.max():g}]" if len(others) else ""
        raise FloatingPointError(
            f"{type(agent).__name__}: the reward of token {t} of text {text} is {batch.rewards[text, t]} in "
            f"update {agent.updates + 1}; of the batch's {there.sum()} rewards {spoilt.sum()} are not "
            f"finite{rest}; look at the environment's reward"
        )
