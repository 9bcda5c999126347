"""What the agents share that keep a number for every prefix: everything but what they learn from a text.

As a text only grows, no prefix comes twice in it. Updates after each of its tokens and the same updates after its last
one are therefore the same, to the bit, and so are accumulating and replacing traces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.bases.checkpoint import Checkpoint
from agents.bases.episodic import EpisodicLearner
from agents.bases.trainable import SavedAgent
from agents.bases.value_policy import ValuePolicy
from agents.data.episodes import Episodes
from agents.data.text_spec import TextSpec
from agents.functional.exploration import ExplorationConfig
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from agents.value.prefix_index import PrefixRows
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class TabularConfig:
    """The hyperparameters that all of them have.

    With probability 1 the steps of an entry that is visited for ever make its noise vanish and its start forgotten if
    1/2 < step_size_power <= 1 (Robbins and Monro 1951); a constant step keeps up with what changes.
    """

    batch_size: int = 64  # texts written before they are learned from, rounded up to as many for each row
    discount: float = 1.0  # of later rewards
    step_size: float = 1.0  # of an entry's first update
    step_size_power: float = 0.8  # omega: its n-th update's is step_size / n^omega; 0: constant

    def __post_init__(self) -> None:
        check_at_least("batch_size", self.batch_size)
        check_number("discount", self.discount, most=1)
        check_number("step_size", self.step_size, above=0, most=1)
        check_number("step_size_power", self.step_size_power, most=1)


@dataclass(frozen=True)
class ControlConfig(ExplorationConfig, TabularConfig):
    """Those of the agents that look for the best tokens."""

    def __post_init__(self) -> None:
        TabularConfig.__post_init__(self)
        ExplorationConfig.__post_init__(self)


class TabularAgent(EpisodicLearner, ValuePolicy, SavedAgent):
    """A table over all prefixes of a task, for each of its sources.

    A subclass names its `config_class`, and defines `_new_tables` and `learn`.

    Attributes:
        rows: which row of the tables is which prefix's.
        values: (R, V) float64 Q(s, a), or (R,) V(s); 0 at first.
        visits: int64 of the same shape, how many updates each had.

    Raises:
        ValueError: too many prefixes; and as `SavedAgent`, whose `device` has no effect here.
    """

    # What is saved of it, by name: arrays over all prefixes.
    tables: ClassVar[tuple[str, ...]] = ("values", "visits")
    values: FloatArray
    visits: IntArray

    def step_sizes(self, visits: Any) -> Any:
        """step_size / n^omega of entries' n-th updates."""
        return self.config.step_size / visits**self.config.step_size_power

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        super()._build(spec, config, seed, device)
        self.rows = PrefixRows(spec)
        self._new_tables()

    def _memory(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(getattr(self, name)) for name in self.tables}

    def _restore(self, saved: Checkpoint) -> None:
        for name in self.tables:
            setattr(self, name, _checked_table(name, saved.tensors[name].numpy(), getattr(self, name)))
        super()._restore(saved)

    def _new_tables(self) -> None:
        """Sets those of `tables`."""
        raise NotImplementedError(f"{type(self).__name__} must define _new_tables(), which sets its tables")

    def _known(self) -> FloatArray:
        """The table (R, V) that tokens are chosen by."""
        return self.values

    def _next(
        self, observation: Observation, state: State, episode_start: BoolArray | None
    ) -> tuple[FloatArray, State, bool]:
        tokens, sources, single = self.spec.checked_observation(observation)
        # Of a text that has reached the horizon nothing follows; any row will do.
        lengths = np.minimum((tokens != self.spec.vocab_size).sum(1), self.spec.max_length - 1)
        return self._known()[self.rows.along(tokens, sources)[np.arange(len(tokens)), lengths]], None, single

    def _along(self, tokens: IntArray, sources: IntArray | None) -> FloatArray:
        return self._known()[self.rows.along(tokens, sources)]


class Step(NamedTuple):
    """A token of a text, and where it led: s, a, r, s', a'.

    Attributes:
        row, token: s and a. reward: r.
        next_row, next_token: s' and a'; None where the text has ended.
        allowed: ids (K,) of the tokens allowed in s'; None for all of them.
    """

    row: int
    token: int
    reward: float
    next_row: int | None
    next_token: int | None
    allowed: IntArray | None


class TabularControl(TabularAgent):
    """A table Q(s, a). For each token of a batch's texts in turn,
    Q(s, a) <- Q(s, a) + step size (r + discount * `ahead` - Q(s, a)); a subclass defines `ahead`."""

    config_class = ControlConfig
    config: ControlConfig

    def learn(self, episodes: Episodes) -> dict[str, float]:
        """The updates of a batch; `td_error` is the root mean square of r + discount * ahead - Q(s, a) over it."""
        values, visits, discount = self.values, self.visits, self.config.discount
        squares, count = 0.0, 0
        for step in self._steps(episodes):
            ahead = 0.0 if step.next_row is None else self.ahead(step)
            error = step.reward + discount * ahead - values[step.row, step.token]
            visits[step.row, step.token] += 1
            values[step.row, step.token] += self.step_sizes(visits[step.row, step.token]) * error
            squares, count = squares + error * error, count + 1
        self.updates += 1
        return {"td_error": float(np.sqrt(squares / count))}

    def ahead(self, step: Step) -> float:
        """What is expected of s', the text not having ended."""
        raise NotImplementedError(f"{type(self).__name__} must define ahead(step), what it expects of the state after")

    def _new_tables(self) -> None:
        self.values = np.zeros((self.rows.count, self.spec.vocab_size))
        self.visits = np.zeros(self.values.shape, np.int64)

    def _steps(self, episodes: Episodes) -> Iterator[Step]:
        """Every token of every text, in the order written."""
        rows = self.rows.along(episodes.tokens, episodes.sources).tolist()
        tokens, rewards, lengths = episodes.tokens.tolist(), episodes.rewards.tolist(), episodes.lengths.tolist()
        for text, length in enumerate(lengths):
            for t in range(length):
                row, token, reward = rows[text][t], tokens[text][t], rewards[text][t]
                if t + 1 == length:
                    yield Step(row, token, reward, None, None, None)
                    continue
                allowed = None if episodes.masks is None else np.flatnonzero(episodes.masks[text, t + 1])
                yield Step(row, token, reward, rows[text][t + 1], tokens[text][t + 1], allowed)


def _checked_table(name: str, found: NDArray[Any], wanted: NDArray[Any]) -> NDArray[Any]:
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        raise ValueError(f"{name} is {found.dtype} {found.shape}, expected {wanted.dtype} {wanted.shape}")
    return found.copy()
