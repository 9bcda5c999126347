"""Protocol of agents, which the benchmarks train, evaluate and compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike, NDArray

from textgen_env import Texts

Envs = VectorEnv[Any, Any, Any]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Observation = IntArray | dict[str, IntArray]
State = tuple[NDArray[Any], ...] | None
"""State that `predict` carries from token to token: arrays whose first axis is the row, as in Stable-Baselines3."""


@dataclass(frozen=True)
class Progress:
    """Progress of training.

    Attributes:
        tokens_generated: tokens written in environments so far, in all of the agent's training.
        tokens_read: tokens of training data learned from so far, in all of the agent's training.
        mean_return: of the latest episodes, in the reward's unit; NaN where none were played.
        losses: the latest update's, by name.
        phase: of an agent that learns in several, such as "mle" and then "adversarial"; else "".
        tokens_rolled_out: tokens written in Monte-Carlo roll-outs so far, which are not among `tokens_generated`.
    """

    tokens_generated: int
    tokens_read: int
    mean_return: float
    losses: dict[str, float]
    phase: str = ""
    tokens_rolled_out: int = 0


Callback = Callable[[Progress], bool | None]
"""Called after every update. Training stops when it returns False or another false value, such as `np.bool_(False)`;
None goes on."""


@runtime_checkable
class Agent(Protocol):
    """Algorithm with its policy. The constructor is `Agent(envs, config=..., seed=0)`."""

    def train(self, envs: Envs, total_tokens: int, callback: Callback | None = None) -> Self:
        """Learns until `total_tokens` more tokens have been written, or for agents that learn from data read. It stops
        after the update that reaches the number, so it may pass it by less than one update."""
        ...

    def predict(
        self,
        observation: Observation,
        state: State = None,
        episode_start: BoolArray | None = None,
        deterministic: bool = False,
        action_masks: BoolArray | None = None,
    ) -> tuple[IntArray, State]:
        """The next tokens (N,) after the observed prefixes (N, T), and the state to hand to the next call: the
        signature of Stable-Baselines3's `predict` (with `action_masks` (N, V), of sb3-contrib's MaskablePPO).
        `episode_start` (N,) marks rows whose text begins anew. A single observation (T,) gives a single token ().
        Without `action_masks`, tokens may be chosen that the environment does not allow."""
        ...

    def sample(self, n: int, sources: ArrayLike | None = None) -> Texts:
        """`n` texts of the policy's own, no masks applied; for a conditional task, of the source tokens (n, S)."""
        ...

    def log_prob(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """log p of whole texts (N, T), (N,) under the policy (N,), in nats, no masks applied; for a conditional task,
        given the source tokens (N, S)."""
        ...

    def save(self, path: str | PathLike[str]) -> None:
        """Writes everything that `load` needs, without pickle."""
        ...

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The agent that `save` wrote; it goes on learning where that one stood."""
        ...
