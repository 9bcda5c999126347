"""The snapshot of a state, and what refuses another game's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textgen_env.fingerprint import Fingerprint, difference
from textgen_env.reward_modes import same_form
from textgen_env.rewards.base import FloatArray, RewardState
from textgen_env.transition import BoolArray
from textgen_env.vocabulary import IntArray


@dataclass(frozen=True)
class Snapshot:
    """The state of K rows, to branch from; a learned reward's parameters are not part of it.

    `game` says in words which game they were played in, `fingerprint` by which rules: another game refuses them.
    """

    game: str
    fingerprint: Fingerprint
    tokens: IntArray
    lengths: IntArray
    running: BoolArray
    last_rewards: FloatArray
    returns: FloatArray
    sources: IntArray | None
    reward_state: RewardState
    generator_states: tuple[Any, ...]


def rows_of_state(
    state: Snapshot, count: int, game: str, fingerprint: Fingerprint, reward_state: RewardState
) -> IntArray:
    """Which row of a snapshot each of `count` rows (K,) of a game is put into.

    Args:
        state: the snapshot.
        count: K.
        game, fingerprint, reward_state: of the game.

    Raises:
        TypeError: no snapshot.
        ValueError: another number of rows than K or 1, or of another game: naming both and what differs.
    """
    if not isinstance(state, Snapshot):
        raise TypeError(f"state={state!r} must be what snapshot() returned, got {type(state).__name__}")
    if (state.game, state.fingerprint) != (game, fingerprint) or not same_form(state.reward_state, reward_state):
        ours, theirs = difference(state.fingerprint, fingerprint), difference(fingerprint, state.fingerprint)
        raise ValueError(
            f"state was taken from another game, {state.game}{ours and f' ({ours})'}; this one is "
            f"{game}{theirs and f' ({theirs})'}"
        )
    held = len(state.tokens)
    if held not in (1, count):
        raise ValueError(f"state holds {held} rows; expected {count}, or 1 for all of them")
    return np.zeros(count, np.int64) if held == 1 else np.arange(count)
