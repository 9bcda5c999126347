"""Whole numbers drawn by NumPy's generators, each by its own, as `Generator.integers` draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel

BITS, LOW = np.uint64(32), np.uint64(2**32 - 1)


@kernel()
def draw(next_uint32: Any, states: NDArray[np.uint64], bound: int, out: NDArray[np.int64]) -> None:
    """Writes a number below `bound` for each of the generators (Lemire 2019, "Fast Random Integer Generation in an
    Interval", ACM Transactions on Modeling and Computer Simulation 29, algorithm 5, with 32 bits).

    Args:
        next_uint32: what all of them draw 32 bits with, of `bit_generator.ctypes`.
        states: (K,) the address of each one's state, of the same.
        bound: 2 to 2^32 - 1.
        out: (K,).
    """
    below = np.uint64(bound)
    least = (LOW + np.uint64(1) - below) % below
    for i in range(states.size):
        product = np.uint64(next_uint32(states[i])) * below
        while product & LOW < least:
            product = np.uint64(next_uint32(states[i])) * below
        out[i] = np.int64(product >> BITS)
