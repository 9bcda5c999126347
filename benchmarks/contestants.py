"""What takes part in an experiment: agents of agents/ and algorithms of Stable-Baselines3, behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

import textgen_env  # noqa: F401  registers the ids
from agents.base import Agent, Progress
from agents.rollout import Predict
from benchmarks.specs import Run, load_object
from textgen_env import Task, Texts

FloatArray = NDArray[np.float64]
Watch = Callable[[int, int], None]
"""Called as watch(tokens_generated, tokens_read) whenever the policy may have changed."""


class NoLikelihood(Exception):
    """The policy gives no probabilities of texts; the message says why."""


class Contestant(Protocol):
    """A policy that can be trained and measured.

    Attributes:
        predict: chooses tokens, as in Stable-Baselines3.
    """

    predict: Predict

    def train(self, total_tokens: int, watch: Watch) -> None:
        """Learns in its own environment until about `total_tokens` tokens are generated or read."""
        ...

    def drawing(self, seed: int) -> AbstractContextManager[None]:
        """Within it, `predict` draws from the seed, and later training is as if it had not drawn."""
        ...

    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """log p of whole texts (N,), in nats.

        Raises:
            NoLikelihood: it has none.
        """
        ...


class AgentContestant:
    """An agent of the Protocol in agents/base.py.

    Raises:
        ValueError: an import path that leads nowhere; hyperparameters for an agent without a `config_class`.
        TypeError: a class that lacks a method of the Protocol; unknown hyperparameters.
    """

    def __init__(self, run: Run) -> None:
        row = run.row
        agent_class = load_object(row.agent)
        missing = [name for name in PROTOCOL_METHODS if not callable(getattr(agent_class, name, None))]
        if missing:
            raise TypeError(f"{row.agent} is no agent: it lacks {', '.join(missing)}; see agents/base.py")
        config = _config(agent_class, row.agent, row.hyperparameters)
        self.envs = gymnasium.make_vec(run.env_id, num_envs=row.num_envs, **run.env_kwargs)
        self.agent: Agent = agent_class(self.envs, config=config, seed=run.seed)
        self.predict: Predict = self.agent.predict

    def train(self, total_tokens: int, watch: Watch) -> None:
        """The agent's own training."""

        def callback(progress: Progress) -> None:
            watch(progress.tokens_generated, progress.tokens_read)

        self.agent.train(self.envs, total_tokens, callback)

    def drawing(self, seed: int) -> AbstractContextManager[None]:
        """Nothing to do: `predict` draws from a generator of its own, seeded with the agent."""
        return nullcontext()

    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """The agent's own."""
        return self.agent.log_prob(texts.tokens, texts.lengths, source_tokens(texts, task))


PROTOCOL_METHODS = ("train", "predict", "sample", "log_prob", "save", "load")


def source_tokens(texts: Texts, task: Task) -> NDArray[np.int64] | None:
    """The source tokens (N, S) of texts of a conditional task, or None."""
    return None if texts.sources is None or task.sources is None else task.sources.tokens[texts.sources]


def _config(agent_class: Any, path: str, hyperparameters: Mapping[str, Any]) -> Any:
    if not hyperparameters:
        return None
    config_class = getattr(agent_class, "config_class", None)
    if config_class is None:
        raise ValueError(
            f"{path} has no `config_class` to take hyperparameters {sorted(hyperparameters)}; leave them out"
        )
    return config_class(**hyperparameters)
