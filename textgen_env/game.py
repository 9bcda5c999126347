"""The game as agents meet it: what every view offers beside Gymnasium's or Stable-Baselines3's own methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from typing import Any, Protocol, runtime_checkable

from gymnasium.envs.registration import EnvSpec
from numpy.typing import ArrayLike

from textgen_env.core import GenerationCore
from textgen_env.rewards.base import FloatArray, Reward, RewardMode
from textgen_env.snapshot import Snapshot
from textgen_env.specs import plain
from textgen_env.tasks.base import Task
from textgen_env.transition import BoolArray
from textgen_env.vocabulary import IntArray


@runtime_checkable
class TextGame(Protocol):
    """A game of writing texts, single or vectorised, without the wrappers around it: `text_game(envs)`."""

    @property
    def task(self) -> Task:
        """Task: what is written."""
        ...

    @property
    def reward(self) -> Reward:
        """Reward: how good it is, bound to the task."""
        ...

    @property
    def reward_mode(self) -> RewardMode:
        """Moment of payment, "terminal" or "dense"."""
        ...

    @property
    def masks_anything(self) -> bool:
        """Whether a token can be masked at all; False where every token may follow every prefix."""
        ...

    def allowed_tokens(self, tokens: IntArray, lengths: IntArray) -> BoolArray | None:
        """Which token may follow each of the prefixes (K, T), (K,): bool (K, V), or None where every token may. Masks
        are a function of the prefix: computed where they are needed, never stored."""
        ...

    def action_masks(self) -> BoolArray:
        """Which token the next step accepts: bool (V,) of one row, (N, V) of N."""
        ...

    def score(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """Scores (N,) of whole texts (N, T); see `GenerationCore.score`."""
        ...

    def snapshot(self) -> Snapshot:
        """The state, to come back to with `restore`."""
        ...

    def restore(self, state: Snapshot) -> None:
        """Comes back to a state."""
        ...

    def evaluating(self) -> AbstractContextManager[None]:
        """Within it, a reward that learns scores and does not learn."""
        ...

    def generator_states(self) -> tuple[Any, ...]:
        """States of the random generators, one a row, as plain JSON values."""
        ...

    def set_generator_states(self, states: Sequence[Any]) -> None:
        """Draws on from what `generator_states` gave."""
        ...


def text_game(envs: Any) -> TextGame:
    """The game inside an environment of Gymnasium's or Stable-Baselines3's, whatever wraps it.

    Raises:
        TypeError: no environment of texts.
    """
    inner = getattr(envs, "unwrapped", envs)
    if not isinstance(inner, TextGame):
        raise TypeError(
            f"envs={envs!r} must be an environment of texts, such as gym.make_vec('TextGen-Tiny-v0', num_envs=8); got "
            f"{type(inner).__name__}. An id of your own has such a vector environment if "
            "textgen_env.register_environment entered it"
        )
    return inner


class CoreView:
    """Base of the views: what a `TextGame` says of its core."""

    core: GenerationCore
    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """The id's entry with the arguments that this was made from, as plain JSON values where they have such a form:
        `EnvSpec.from_json(env.spec.to_json())` makes the same game."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        if spec is not None:
            spec = copy(spec)
            spec.kwargs = plain(spec.kwargs)
        self._spec = spec

    @property
    def game_rows(self) -> IntArray:
        """The rows (K,) of the core that this is a view of."""
        return self.core.all_rows

    @property
    def task(self) -> Task:
        """Task: what is written."""
        return self.core.task

    @property
    def reward(self) -> Reward:
        """Reward: how good it is, bound to the task."""
        return self.core.reward

    @property
    def reward_mode(self) -> RewardMode:
        """When it is paid: "terminal", when the text has ended, or "dense", token by token."""
        return self.core.reward_mode

    @property
    def masks_anything(self) -> bool:
        """Whether a token can be masked at all; False where every token may follow every prefix."""
        return self.core.masks.any

    def allowed_tokens(self, tokens: IntArray, lengths: IntArray) -> BoolArray | None:
        """Which token may follow each of the prefixes (K, T), (K,): bool (K, V), or None where every token may."""
        return self.core.masks.allowed(tokens, lengths)

    def score(
        self, tokens: ArrayLike, lengths: ArrayLike | None = None, sources: ArrayLike | None = None
    ) -> FloatArray:
        """Scores (N,) of whole texts (N, T); see `GenerationCore.score`."""
        return self.core.score(tokens, lengths, sources)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within it, a reward that learns scores as it stands: the texts that end here are not told to it.

        with envs.unwrapped.evaluating():
            ...
        """
        before, self.core.learning = self.core.learning, False
        try:
            yield
        finally:
            self.core.learning = before

    def generator_states(self) -> tuple[Any, ...]:
        """States of the random generators, one a row, as plain JSON values."""
        return self.core.generators.states(self.game_rows)

    def set_generator_states(self, states: Sequence[Any]) -> None:
        """Draws on from what `generator_states` gave."""
        self.core.generators.set_states(self.game_rows, states)


class OneRowView(CoreView):
    """Base of the views of one row."""

    def action_masks(self) -> BoolArray:
        """(V,) bool: the tokens that the next step accepts."""
        masks: BoolArray = self.core.action_masks(self.game_rows)[0]
        return masks

    def snapshot(self) -> Snapshot:
        """The row's state, to come back to with `restore`."""
        return self.core.snapshot(self.game_rows)

    def restore(self, state: Snapshot) -> None:
        """Comes back to a state of one row; see `GenerationCore.restore`."""
        self.core.restore(state, self.game_rows)


class AllRowsView(CoreView):
    """Base of the views of N rows."""

    def action_masks(self) -> BoolArray:
        """(N, V) bool: the tokens that the next step accepts."""
        return self.core.action_masks()

    def snapshot(self, rows: ArrayLike | None = None) -> Snapshot:
        """The state of `rows` (K,), all by default."""
        return self.core.snapshot(rows)

    def restore(self, state: Snapshot, rows: ArrayLike | None = None) -> None:
        """Puts `rows` (all by default) into a state of as many rows, or of one; see `GenerationCore.restore`."""
        self.core.restore(state, rows)
