"""Protocol of policy adapters: how the benchmarks train, play and measure a policy, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agents.data.episodes import Predict
from agents.protocol import Envs, Progress
from benchmarks.measures.measured import Likelihoods
from textgen_env import Task, Texts

Watch = Callable[[Progress], bool]
"""Called whenever the policy may have changed, with all that was spent so far; returning False stops training."""
Counts = tuple[int, int, int]
"""Of tokens generated, read and rolled out."""


class PolicyAdapter(Likelihoods, Protocol):
    """Adapter of a policy that can be trained and measured.

    Attributes:
        predict: chooses tokens, as in Stable-Baselines3.
        envs: that it learns in, of Gymnasium or Stable-Baselines3.
    """

    predict: Predict
    envs: Any

    def train(self, total_tokens: int, watch: Watch) -> None:
        """Learns in its own environment until about `total_tokens` more tokens are spent."""
        ...

    def drawing(self, seed: int) -> AbstractContextManager[None]:
        """Within it, `predict` draws from the seed; afterwards the training generator is restored."""
        ...


@runtime_checkable
class ResumableAdapter(PolicyAdapter, Protocol):
    """Adapter of a policy that can be saved at any point of its training, taken up there again, and kept at its best.

    Attributes:
        envs: that it learns in; their generators, and a reward that learns, are saved beside it.
        offset: tokens that its progress counts beyond those that it counted itself.
    """

    envs: Envs
    offset: Counts

    def save(self, path: Path) -> None:
        """Writes the policy, with all that its training goes on from."""
        ...

    def load(self, path: Path) -> None:
        """Takes the policy that was saved there in place of this one."""
        ...


@runtime_checkable
class KeptAdapter(Protocol):
    """Adapter of a policy that can be kept at the end of its training, to be asked again."""

    def save_policy(self, path: Path) -> None:
        """Writes what the policy is asked by."""
        ...


def source_tokens(texts: Texts, task: Task) -> NDArray[np.int64] | None:
    """The source tokens (N, S) of texts of a conditional task, or None."""
    return None if texts.sources is None or task.sources is None else task.sources.tokens[texts.sources]
