"""Base of tabular control: a table Q(s, a) over all prefixes of a task, for each of its sources.

As a text only grows, no prefix comes twice in it. Updates after each of its tokens and the same updates after its last
one are therefore the same, to the bit, and so are accumulating and replacing traces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from agents.bases.value_agent import ValueAgent
from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from agents.functional.exploration import ExplorationConfig
from agents.protocol import BoolArray, FloatArray, IntArray, Observation, State
from agents.value.prefix_index import PrefixIndex
from textgen_env.checks import check_at_least, check_number


@dataclass(frozen=True)
class TabularConfig:
    """Hyperparameters of all tabular agents.

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

    def step_sizes(self, visits: Any) -> Any:
        """step_size / n^omega of entries' n-th updates."""
        return self.step_size / visits**self.step_size_power


@dataclass(frozen=True)
class ControlConfig(ExplorationConfig, TabularConfig):
    """Hyperparameters of agents that look for the best tokens."""

    def __post_init__(self) -> None:
        TabularConfig.__post_init__(self)
        ExplorationConfig.__post_init__(self)


class Step(NamedTuple):
    """Transition of a text: s, a, r, s', a'.

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


class TabularControl(ValueAgent):
    """Base of agents with a table Q(s, a). For each token of a batch's texts in turn,
    Q(s, a) <- Q(s, a) + step size (r + discount * `ahead` - Q(s, a)); a subclass defines `ahead`.

    Attributes:
        rows: which row of the tables is which prefix's.
        values: (R, V) float64 Q(s, a); 0 at first.
        visits: (R, V) int64, how many updates each had.

    Raises:
        ValueError: too many prefixes; and as `TrainableAgent`, whose `device` has no effect here.
    """

    config_class = ControlConfig
    tables = ("values", "visits")
    config: ControlConfig

    def learn(self, batch: TextBatch) -> dict[str, float]:
        """The updates of a batch; `td_error` is the root mean square of r + discount * ahead - Q(s, a) over it."""
        values, visits, discount = self.values, self.visits, self.config.discount
        squares, count = 0.0, 0
        for step in self._steps(batch):
            ahead = 0.0 if step.next_row is None else self.ahead(step)
            error = step.reward + discount * ahead - values[step.row, step.token]
            visits[step.row, step.token] += 1
            values[step.row, step.token] += self.config.step_sizes(visits[step.row, step.token]) * error
            squares, count = squares + error * error, count + 1
        self.updates += 1
        return {"td_error": float(np.sqrt(squares / count))}

    def ahead(self, step: Step) -> float:
        """The value expected of s', the text not having ended."""
        raise NotImplementedError(f"{type(self).__name__} must define ahead(step), what it expects of the state after")

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        super()._build(spec, config, seed, device)
        self.rows = PrefixIndex(spec)
        self.values: FloatArray = np.zeros((self.rows.count, spec.vocab_size))
        self.visits: IntArray = np.zeros(self.values.shape, np.int64)

    def _next(
        self, observation: Observation, state: State, episode_start: BoolArray | None
    ) -> tuple[FloatArray, State, bool]:
        rows, single = self.rows.observed(observation)
        return self.values[rows], None, single

    def _along(self, tokens: IntArray, sources: IntArray | None) -> FloatArray:
        return self.values[self.rows.along(tokens, sources)]

    def _steps(self, batch: TextBatch) -> Iterator[Step]:
        """Every token of every text, in the order written."""
        rows = self.rows.along(batch.tokens, batch.sources).tolist()
        tokens, rewards, lengths = batch.tokens.tolist(), batch.rewards.tolist(), batch.lengths.tolist()
        masked = batch.allowed_tokens is not None
        for texts, masks in batch.masks(self.spec.vocab_size):
            for text, allowed_along in enumerate(masks, texts.start):
                length = lengths[text]
                for t in range(length):
                    row, token, reward = rows[text][t], tokens[text][t], rewards[text][t]
                    if t + 1 == length:
                        yield Step(row, token, reward, None, None, None)
                        continue
                    allowed = np.flatnonzero(allowed_along[t + 1]) if masked else None
                    yield Step(row, token, reward, rows[text][t + 1], tokens[text][t + 1], allowed)
