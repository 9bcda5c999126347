"""Rewards on strings: functions of decoded texts, as language-model libraries have them."""

from __future__ import annotations

from typing import Self

from textgen_env.registries import load_object
from textgen_env.rewards.base import BaseReward, FloatArray, RewardFunction, checked_scores, with_sources
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray, Vocabulary


class TextReward(BaseReward):
    """A function `f(texts)` or `f(texts, sources)` of strings as a reward, called once for all texts of a batch.

    Args:
        function: takes a list of N decoded texts, without the end token, and, if it wants them, the N decoded sources
            (None for an unconditional task); returns N numbers. Or its import path "module:function".
        label: the name under which `info["reward_terms"]` shows it; the function's own by default.

    Raises:
        TypeError: a function that cannot be called so.
        ValueError: an import path that leads nowhere.
    """

    def __init__(self, function: RewardFunction | str, label: str | None = None) -> None:
        found = load_object(function, "function") if isinstance(function, str) else function
        if not callable(found):
            raise TypeError(f"function={function!r} must be a function f(texts, sources) or its import path")
        own_name: str = getattr(found, "__name__", type(found).__name__)
        self.name = label or own_name
        self.function = found
        self._call = with_sources(found, ("texts",), self.name)
        self._task: Task | None = None

    def bind(self, task: Task) -> Self:
        """A reward that decodes by the task's vocabularies."""
        bound = type(self)(self.function, self.name)
        bound._task = task
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """Scores (N,) that the function returns for the texts (N, T), (N,), decoded."""
        if self._task is None:
            raise ValueError(f"reward {self.name!r} is not bound to a task; use reward.bind(task)")
        table = self._task.sources
        decoded = None if sources is None or table is None else _decoded(sources.tokens, table.vocabulary)
        return checked_scores(self._call(_decoded(tokens, self._task.vocabulary), decoded), len(tokens), self.name)


def text_reward(function: RewardFunction | str, label: str | None = None) -> TextReward:
    """A function of strings as a reward: `gym.make(id, reward=text_reward(f))`.

    As plain JSON: `reward={"name": "text", "function": "my_rewards:f"}`. Arguments and errors as `TextReward`.
    """
    return TextReward(function, label)


def _decoded(tokens: IntArray, vocabulary: Vocabulary) -> list[str]:
    return [vocabulary.decode(row) for row in tokens.tolist()]
