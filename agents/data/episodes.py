"""Play of whole texts in a vector environment, through its public interface alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from agents.data.text_batch import AllowedTokens, TextBatch, joined
from agents.protocol import BoolArray, Envs, FloatArray, IntArray
from textgen_env import TextGame, Texts, text_game
from textgen_env.checks import check_at_least, check_room

Predict = Callable[..., tuple[NDArray[Any], Any]]
"""Chooses tokens: `predict(observation, state, episode_start, deterministic)` of the agents here and of
Stable-Baselines3's models, `action_masks=` added where masks are asked for."""


@dataclass(frozen=True)
class EvaluatedTexts:
    """Texts with their returns (M,) float64, in the reward's unit."""

    returns: FloatArray
    texts: Texts


def evaluate(
    predict: Predict,
    envs: Envs,
    episodes: int,
    deterministic: bool = False,
    seed: int | None = None,
    masked: bool = False,
) -> EvaluatedTexts:
    """Plays `episodes` texts; for the agents here and for Stable-Baselines3's models alike. A reward that learns scores
    them as it stands, and does not learn from them.

    Args:
        predict: `agent.predict` or `model.predict`.
        envs: a vector environment, in any autoreset mode; it is reset first.
        episodes: how many texts, >= 1. Each row plays the same number, or one more: taking the texts that end first
            would favour short ones.
        deterministic: whether `predict` chooses its best token rather than draws one.
        seed: of the environment's sources; drawn on as they stand if None.
        masked: hand `action_masks=` to `predict`, as MaskablePPO and the agents here take it, in a game that masks
            any token.
    """
    each, more = divmod(check_at_least("episodes", episodes), envs.num_envs)
    quota = each + (np.arange(envs.num_envs) < more).astype(np.int64)
    inner = getattr(envs, "unwrapped", envs)
    with inner.evaluating() if isinstance(inner, TextGame) else nullcontext():
        played = play(predict, envs, quota, deterministic, seed, masked)
    return EvaluatedTexts(played.returns, played.texts)


def play(
    predict: Predict,
    envs: Envs,
    quota: IntArray,
    deterministic: bool = False,
    seed: int | None = None,
    masked: bool = False,
    options: dict[str, Any] | None = None,
) -> TextBatch:
    """The first `quota[i]` whole texts of each row i after a reset of all rows.

    Which texts are returned is settled before they are written, so their lengths are unbiased. A row that is done
    early writes on until all are, as the environment asks; those texts are counted in `tokens_written` alone.

    Args:
        predict, envs, deterministic, seed, masked: as in `evaluate`.
        quota: (N,) int64, how many texts of each row.
        options: of that reset, such as a source or a prefix for the first text of each row.

    Raises:
        TypeError: masks of an environment that is no `TextGame`.
        ValueError: the environment's metadata has no autoreset mode of Gymnasium's.
    """
    mode = envs.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        allowed = ", ".join(str(member) for member in AutoresetMode)
        raise ValueError(f"envs.metadata['autoreset_mode']={mode!r} must be one of {allowed}")
    game = text_game(envs) if masked else None
    observation, infos = envs.reset(seed=seed, options=options)
    batch = _TextsBeingWritten(envs, observation, quota)
    batch.begin(np.ones(envs.num_envs, np.bool_), observation, infos)
    state: Any = None
    started = np.ones(envs.num_envs, np.bool_)
    # In the mode NEXT_STEP, the rows whose action the coming step ignores.
    resetting = np.zeros(envs.num_envs, np.bool_)
    while not batch.complete:
        if game is None or not game.masks_anything:
            actions, state = predict(observation, state, started, deterministic)
        else:
            masks = game.action_masks()
            actions, state = predict(observation, state, started, deterministic, action_masks=masks)
        observation, rewards, terminated, truncated, infos = envs.step(actions)
        ended = terminated | truncated
        batch.write(~resetting, actions, rewards)
        batch.end(ended)
        started = ended
        if mode is AutoresetMode.NEXT_STEP:
            started, resetting = resetting, ended
        elif mode is AutoresetMode.DISABLED and ended.any() and not batch.complete:
            observation, infos = envs.reset(options={"reset_mask": ended})
        batch.begin(started, observation, infos)
    return batch.finished(game.allowed_tokens if game is not None and game.masks_anything else None)


def play_from(
    predict: Predict,
    envs: Envs,
    starts: dict[str, IntArray],
    deterministic: bool = False,
    seed: int | None = None,
    masked: bool = False,
) -> TextBatch:
    """One whole text from each of M starts, in their order, as many at a time as there are rows.

    Where M is no multiple of the rows, those left over write the last start's text too; it is counted in
    `tokens_written` alone.

    Args:
        predict, envs, deterministic, seed, masked: as in `evaluate`.
        starts: options of `reset` whose first axis is the text: "source" (M,), "prefix" (M, P), or both.
    """
    total = len(next(iter(starts.values())))
    parts = []
    for begun in range(0, total, envs.num_envs):
        texts = np.arange(begun, begun + envs.num_envs)
        options = {name: values[np.minimum(texts, total - 1)] for name, values in starts.items()}
        quota = (texts < total).astype(np.int64)
        parts.append(play(predict, envs, quota, deterministic, seed, masked, options))
        seed = None
    return joined(parts)


class _TextsBeingWritten:
    """Texts that N rows are writing, and those of the M asked for that are whole."""

    def __init__(self, envs: Envs, observation: Any, quota: IntArray) -> None:
        tokens, sources = _parts(observation)
        self.vocab_size = int(cast(spaces.Discrete, envs.single_action_space).n)
        rows, horizon = tokens.shape
        self.left = quota.copy()
        self.slots = np.cumsum(quota) - quota
        total = int(quota.sum())
        # What is being written in each row, then what is kept of it: pairs of arrays (N, ...) and (M, ...).
        self.now = _arrays(rows, horizon, self.vocab_size, sources)
        self.kept = _arrays(total, horizon, self.vocab_size, sources)
        self.tokens_written = 0

    @property
    def complete(self) -> bool:
        return not self.left.any()

    def begin(self, rows: BoolArray, observation: Any, infos: dict[str, Any]) -> None:
        if not rows.any():
            return
        tokens, sources = _parts(observation)
        self.now["tokens"][rows] = tokens[rows]
        self.now["lengths"][rows] = (tokens[rows] != self.vocab_size).sum(1)
        self.now["given"][rows] = self.now["lengths"][rows]
        self.now["rewards"][rows] = 0.0
        if sources is not None:
            self.now["sources"][rows] = sources[rows]
            self.now["source_rows"][rows] = infos["source_row"][rows]

    def write(self, rows: BoolArray, actions: NDArray[Any], rewards: FloatArray) -> None:
        at = np.flatnonzero(rows), self.now["lengths"][rows]
        self.now["tokens"][at] = actions[rows]
        self.now["rewards"][at] = rewards[rows]
        self.now["lengths"][rows] += 1
        self.tokens_written += len(at[0])

    def end(self, rows: BoolArray) -> None:
        ended = np.flatnonzero(rows & (self.left > 0))
        for name, values in self.now.items():
            self.kept[name][self.slots[ended]] = values[ended]
        self.slots[ended] += 1
        self.left[ended] -= 1

    def finished(self, allowed_tokens: AllowedTokens | None) -> TextBatch:
        return TextBatch(**self.kept, allowed_tokens=allowed_tokens, tokens_written=self.tokens_written)


def _parts(observation: Any) -> tuple[IntArray, IntArray | None]:
    """Tokens (N, T), and sources (N, S) or None."""
    return (observation["tokens"], observation["source"]) if isinstance(observation, dict) else (observation, None)


def _arrays(count: int, horizon: int, vocab_size: int, sources: IntArray | None) -> dict[str, Any]:
    check_room(f"texts={count}, max_length={horizon}", count, horizon)
    arrays: dict[str, Any] = {
        "tokens": np.full((count, horizon), vocab_size, np.int64),
        "lengths": np.zeros(count, np.int64),
        "given": np.zeros(count, np.int64),
        "rewards": np.zeros((count, horizon)),
    }
    if sources is not None:
        arrays["sources"] = np.zeros((count, sources.shape[1]), np.int64)
        arrays["source_rows"] = np.zeros(count, np.int64)
    return arrays
