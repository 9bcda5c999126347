"""What an agent is: the Protocol that the benchmarks train, evaluate and compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike, NDArray

from textgen_env import Texts

Observation = NDArray[np.int64] | dict[str, NDArray[np.int64]]
State = tuple[NDArray[Any], ...] | None
"""What `predict` carries from token to token: arrays whose first axis is the row, as in Stable-Baselines3."""


@dataclass(frozen=True)
class TextSpec:
    """The shape of the texts that an agent reads and writes; plain numbers, so that it is saved with the agent.

    Attributes:
        vocab_size: V, the number of actions.
        max_length: T.
        eos_id: the end token, or None.
        source_vocab_size: of a conditional task's sources, or 0.
        source_length: S, or 0.
    """

    vocab_size: int
    max_length: int
    eos_id: int | None = None
    source_vocab_size: int = 0
    source_length: int = 0

    @property
    def conditional(self) -> bool:
        """Whether there is a source."""
        return self.source_length > 0

    @classmethod
    def from_envs(cls, envs: VectorEnv[Any, Any, Any]) -> TextSpec:
        """Read off the spaces of a vector environment, and the end token off its task."""
        space = envs.single_observation_space
        actions = envs.single_action_space
        if not isinstance(actions, spaces.Discrete):
            raise TypeError(f"envs: the action space must be Discrete token ids, got {actions}")
        conditional = isinstance(space, spaces.Dict)
        tokens = space["tokens"] if isinstance(space, spaces.Dict) else space
        source = space["source"] if isinstance(space, spaces.Dict) else None
        assert isinstance(tokens, spaces.Box) and tokens.shape is not None
        return cls(
            vocab_size=int(actions.n),
            max_length=tokens.shape[0],
            eos_id=envs.unwrapped.task.vocabulary.eos_id,  # type: ignore[attr-defined]
            source_vocab_size=int(source.high.max()) if conditional and isinstance(source, spaces.Box) else 0,
            source_length=source.shape[0] if conditional and isinstance(source, spaces.Box) else 0,
        )


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Attributes:
        tokens_generated: tokens written in the environment so far.
        tokens_read: tokens of training data learned from so far.
        mean_return: of the latest episodes, in the reward's unit; NaN where none were played.
        losses: the latest update's, by name.
    """

    tokens_generated: int
    tokens_read: int
    mean_return: float
    losses: dict[str, float]


Callback = Callable[[Progress], bool | None]
"""Called after every update; returning False stops training."""


@runtime_checkable
class Agent(Protocol):
    """An algorithm with its policy. The constructor is `Agent(envs, config=..., seed=...)`."""

    def train(self, envs: VectorEnv[Any, Any, Any], total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns until `total_tokens` tokens have been written, or for agents that learn from data read."""
        ...

    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.int64], State]:
        """The next tokens (N,) after the observed prefixes (N, T), and the state to hand to the next call: the
        signature of Stable-Baselines3's `predict`. `episode_start` (N,) marks rows whose text begins anew."""
        ...

    def sample(self, n: int, sources: NDArray[np.int64] | None = None) -> Texts:
        """`n` texts of the policy's own; for a conditional task, of the sources (n, S)."""
        ...

    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """log p of whole texts under the policy (N,), in nats."""
        ...

    def save(self, path: str | PathLike[str]) -> None:
        """Writes everything that `load` needs, without pickle."""
        ...

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The agent that `save` wrote."""
        ...
