"""The agent that has learned nothing: every allowed token is equally likely. What the others are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from agents.base import BoolArray, Callback, Envs, FloatArray, IntArray, Observation, Progress, State
from agents.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from agents.text_spec import TextSpec
from textgen_env import Texts
from textgen_env.tasks.base import check_at_least


@dataclass(frozen=True)
class RandomConfig:
    """No hyperparameters."""


class Random:
    """pi(x_t | x_<t) = 1/V, or one over the number of allowed tokens where masks are given.

    Args:
        envs: a vector environment of the texts to write; only their shape is taken from it.
        config: without fields.
        seed: of the tokens drawn.
    """

    config_class = RandomConfig

    def __init__(self, envs: Envs, config: RandomConfig | None = None, seed: int = 0) -> None:
        self.spec = TextSpec.from_envs(envs)
        self.config = config or RandomConfig()
        self.seed = check_at_least("seed", seed, least=0)
        self.rng = _generator(self.seed)

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Nothing to learn: no token is written; `callback` is called once."""
        self.spec.check_envs(envs)
        check_at_least("total_tokens", total_tokens)
        if callback is not None:
            callback(Progress(0, 0, float("nan"), {}))
        return self

    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """A token of each text; if `deterministic`, the first allowed one."""
        tokens, _, single = self.spec.checked_observation(observation)
        shape = len(tokens), self.spec.vocab_size
        allowed = (
            np.ones(shape, np.bool_) if action_masks is None else np.asarray(action_masks, np.bool_).reshape(shape)
        )
        last = allowed.sum(1) - 1
        rank = np.zeros(len(tokens), np.int64) if deterministic else self.rng.integers(last, endpoint=True)
        chosen = (allowed.cumsum(1) > rank[:, None]).argmax(1)  # the token of that rank among the allowed ones
        return chosen[0] if single else chosen, None

    def sample(self, n: int, sources: ArrayLike | None = None) -> Texts:
        """`n` texts of uniformly drawn tokens, each up to the end token or the horizon."""
        self.spec.checked_sources(sources, check_at_least("n", n))
        tokens = self.rng.integers(self.spec.vocab_size, size=(n, self.spec.max_length))
        return Texts(*self.spec.checked_texts(tokens, None))

    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """-length * log V (N,), in nats."""
        ids, counts = self.spec.checked_texts(tokens, lengths)
        self.spec.checked_sources(sources, len(ids))
        return np.asarray(-counts * np.log(self.spec.vocab_size))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the texts' shape and the seed; a loaded agent draws from the seed anew."""
        write_checkpoint(path, Checkpoint(type(self).__name__, self.spec, {}, {"seed": self.seed}, {}))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The agent that `save` wrote; see `agents.checkpoint.read_checkpoint` for what is refused."""
        saved = read_checkpoint(path, cls.__name__)
        agent = cls.__new__(cls)
        agent.spec, agent.config, agent.seed = saved.spec, RandomConfig(), saved.counters["seed"]
        agent.rng = _generator(agent.seed)
        return agent


def _generator(seed: int) -> np.random.Generator:
    # Spawned, so that it does not repeat the numbers that a task or an environment draws with the same seed.
    return np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
