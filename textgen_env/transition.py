"""What the game hands out: the transition that one step makes, and the snapshot of a state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgen_env.fingerprint import Settings, difference
from textgen_env.rewards.base import FloatArray, RewardState, Terms
from textgen_env.vocabulary import IntArray

BoolArray = NDArray[np.bool_]


class Finished(NamedTuple):
    """The K texts that ended in one step.

    Attributes:
        rows: (K,) where they were written.
        tokens: (K, T) int64, lengths (K,) int64.
        by_eos: (K,) bool, whether the end token rather than the horizon ended them.
        terms: name of each part of the reward -> (K,) float64.
        sources: (K,) int64 rows of the source table, or None.
    """

    rows: IntArray
    tokens: IntArray
    lengths: IntArray
    by_eos: BoolArray
    terms: Terms
    sources: IntArray | None


class Transition(NamedTuple):
    """What one step gives: rewards (N,) float64, terminated (N,) bool, and the texts that ended, if any."""

    rewards: FloatArray
    terminated: BoolArray
    finished: Finished | None


@dataclass(frozen=True)
class Snapshot:
    """The state of K rows, to branch from; a learned reward's parameters are not part of it.

    `game` says in words which game they were played in, `settings` by which rules: another game refuses them.
    """

    game: str
    settings: Settings
    tokens: IntArray
    lengths: IntArray
    running: BoolArray
    last_rewards: FloatArray
    returns: FloatArray
    sources: IntArray | None
    reward_state: RewardState
    generator_states: tuple[Any, ...]

    def check_game(self, game: str, settings: Settings, same_reward: bool) -> None:
        """Refuses another game than that of these words and `settings`, or one whose reward keeps other things.

        Raises:
            ValueError: naming both games and what differs.
        """
        if (self.game, self.settings) != (game, settings) or not same_reward:
            ours, theirs = difference(self.settings, settings), difference(settings, self.settings)
            raise ValueError(
                f"state was taken from another game, {self.game}{ours and f' ({ours})'}; this one is "
                f"{game}{theirs and f' ({theirs})'}"
            )
