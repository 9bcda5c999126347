"""What the agents share that keep a number for every prefix: everything but what they learn from a text.

As a text only grows, no prefix comes twice in it. Updates after each of its tokens and the same updates after its last
one are therefore the same, to the bit, and so are accumulating and replacing traces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from os import PathLike, fspath
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from agents.base import BoolArray, Envs, FloatArray, IntArray, Observation, State
from agents.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from agents.episodic import EpisodicLearner
from agents.exploration import ExplorationConfig
from agents.hyperparameters import check_number
from agents.prefix_rows import PrefixRows
from agents.rollout import Episodes
from agents.text_spec import TextSpec
from agents.value_policy import ValuePolicy
from textgen_env.models.device import checked_device
from textgen_env.tasks.base import check_at_least


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


class TabularAgent(EpisodicLearner, ValuePolicy):
    """A table over all prefixes of a task, for each of its sources.

    A subclass names its `config_class`, and defines `_new_tables` and `learn`.

    Args:
        envs: a vector environment of the texts to write; only their shape is taken from it.
        config: hyperparameters; the class's defaults if None.
        seed: of learning, and of `sample` and `predict`, which have a generator of their own.
        device: checked, and otherwise without effect: there is nothing to compute on it.

    Attributes:
        spec: the texts' shape.
        config: the hyperparameters.
        rows: which row of the tables is which prefix's.
        values: (R, V) float64 Q(s, a), or (R,) V(s); 0 at first.
        visits: int64 of the same shape, how many updates each had.
        updates: of a batch of texts. tokens_generated: in all of its training.

    Raises:
        TypeError, ValueError: envs that are no text environments, too many prefixes, a config of another class, a seed
            below 0, a device that is not there.
    """

    config_class: ClassVar[type[Any]]
    counters: ClassVar[tuple[str, ...]] = ("updates", "tokens_generated", "tokens_read", "tokens_rolled_out")
    # What is saved of it, by name: arrays over all prefixes.
    tables: ClassVar[tuple[str, ...]] = ("values", "visits")
    values: FloatArray
    visits: IntArray

    def __init__(self, envs: Envs, config: Any = None, seed: int = 0, device: str = "cpu") -> None:
        self._build(TextSpec.from_envs(envs), self.config_class() if config is None else config, seed, device)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the tables, the counters and the random generators: an agent that is loaded goes on bit for bit."""
        tensors = {name: torch.from_numpy(getattr(self, name)) for name in self.tables}
        tensors["generator"] = self.generator.get_state()
        tensors["sampling_generator"] = self.sampling_generator.get_state()
        counters = {name: getattr(self, name) for name in self.counters}
        write_checkpoint(path, Checkpoint(type(self).__name__, self.spec, asdict(self.config), counters, tensors))

    @classmethod
    def load(cls, path: str | PathLike[str], device: str = "cpu") -> Self:
        """The agent that `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: no saved agent, truncated, or of another class or version.
        """
        saved = read_checkpoint(path, cls.__name__)
        agent = cls.__new__(cls)
        try:
            agent._build(saved.spec, cls.config_class(**saved.config), 0, device)
            for name in cls.tables:
                setattr(agent, name, _checked_table(name, saved.tensors[name].numpy(), getattr(agent, name)))
            agent.generator.set_state(saved.tensors["generator"])
            agent.sampling_generator.set_state(saved.tensors["sampling_generator"])
            for name in cls.counters:
                setattr(agent, name, saved.counters[name])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"path={fspath(path)!r} holds a {cls.__name__} that does not fit together: {error}"
            ) from None
        return agent

    def step_sizes(self, visits: Any) -> Any:
        """step_size / n^omega of entries' n-th updates."""
        return self.config.step_size / visits**self.config.step_size_power

    def _build(self, spec: TextSpec, config: Any, seed: int, device: str) -> None:
        if not isinstance(config, self.config_class):
            raise TypeError(f"config={config!r} must be a {self.config_class.__name__}")
        checked_device("device", device)
        seeds = np.random.SeedSequence(check_at_least("seed", seed, least=0)).generate_state(2, np.uint64).tolist()
        self.generator, self.sampling_generator = (torch.Generator().manual_seed(each) for each in seeds)
        self.spec, self.config, self.rows = spec, config, PrefixRows(spec)
        for name in self.counters:
            setattr(self, name, 0)
        self._new_tables()

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
