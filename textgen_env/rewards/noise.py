"""A random reward: the control that tells what an algorithm makes of noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_at_least
from textgen_env.rewards.base import BaseReward, FloatArray
from textgen_env.tasks.base import Sources
from textgen_env.vocabulary import IntArray

Hash = NDArray[np.uint64]


class RandomReward(BaseReward):
    """score(x) = u(x), for each text a number of its own from U(0, 1); no unit.

    A function of the text and the seed alone: the same text earns the same whenever it is written, and two texts that
    differ in a token earn numbers that have nothing to do with one another.

    Args:
        seed: another seed is another function.
    """

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self.seed = check_at_least("seed", seed, least=0)
        self._start = np.random.SeedSequence(self.seed).generate_state(1, np.uint64)

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The numbers (N,), in [0, 1)."""
        hashed = np.repeat(self._start, len(tokens))
        for t in range(int(lengths.max(initial=0))):
            # An id more than the token's: a token 0 must not leave the hash of 0 as it is.
            absorbed = _mixed(hashed ^ (tokens[:, t] + 1).astype(np.uint64))
            hashed = np.where(lengths > t, absorbed, hashed)
        numbers: FloatArray = (hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return numbers


def _mixed(hashed: Hash) -> Hash:
    """A bijection of 64 bits that scatters neighbours: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
    number generators", 2014)."""
    hashed = hashed + np.uint64(0x9E3779B97F4A7C15)
    hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashed ^ (hashed >> np.uint64(31))
