"""One step of many texts: a token written in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel


@kernel("boolean(int64[:, ::1], int64[::1], boolean[::1], int64[::1], int64, int64)")
def write_inside(
    tokens: NDArray[np.int64],
    lengths: NDArray[np.int64],
    running: NDArray[np.bool_],
    chosen: NDArray[np.int64],
    vocab_size: int,
    eos: int,
) -> bool:
    """Writes `chosen` (N,) if every one of them is a token id that does not end its text; see `Prefixes`."""
    count, horizon = tokens.shape
    inside = True
    for row in range(count):
        token = chosen[row]
        inside &= running[row] and 0 <= token < vocab_size and token != eos and lengths[row] + 1 < horizon
    if inside:
        for row in range(count):
            tokens[row, lengths[row]] = chosen[row]
            lengths[row] += 1
    return inside
