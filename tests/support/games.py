"""Games, rewards and plays that several test files use."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from textgen_env import BaseTask, TextGenEnv, TextGenVectorEnv, Vocabulary
from textgen_env.tasks.base import Sources

Refused = Callable[..., AbstractContextManager[None]]
VIEWS = ["single", "NextStep", "SameStep", "Disabled"]


def constant(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    """1 for each text."""
    return np.ones(len(tokens))


def made(view: str, **kwargs: Any) -> Any:
    """A tiny game of one text, or of two."""
    kwargs = {"task": "tiny", "reward": "table"} | kwargs
    return TextGenEnv(**kwargs) if view == "single" else TextGenVectorEnv(num_envs=2, autoreset_mode=view, **kwargs)


def act(view: str, token: Any) -> Any:
    """An action for `view`, bad in its last row."""
    return token if view == "single" else [1, token]


def write(env: Any, tokens: list[int]) -> tuple[float, dict[str, Any]]:
    """Plays `tokens` from a state that was reset; the return and the last info."""
    total = 0.0
    info: dict[str, Any] = {}
    for token in tokens:
        _, reward, _, _, info = env.step(token)
        total += reward
    return total, info


class Brevity:
    """An object with `score`, as a user may write one that knows nothing of this package."""

    def score(self, tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return -1.0 * lengths


def share_of_a(tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> np.ndarray:
    """The share of the token 1 among those written."""
    written = np.arange(tokens.shape[1]) < lengths[:, None]
    return ((tokens == 1) & written).sum(1) / lengths


def share_copied(tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> np.ndarray:
    """The share of the source's letters that stand in their place."""
    letters = sources.tokens < 3
    return ((tokens[:, :3] == sources.tokens + 1) & letters).sum(1) / letters.sum(1)


def token_count(tokens: np.ndarray, lengths: np.ndarray, sources: object = None) -> np.ndarray:
    """A reward: the sum of the token ids."""
    return np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, 0).sum(1).astype(float)


def vowels(texts: list[str]) -> list[float]:
    """The vowels of each text."""
    return [float(sum(text.count(vowel) for vowel in "aeiou")) for text in texts]


class EchoOfOne(BaseTask):
    """A task of one letter."""

    vocabulary = Vocabulary(["a"])
    max_length = 2


ECHO_OF_ONE = EchoOfOne()
