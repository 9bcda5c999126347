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


@kernel("int64(int64[::1], boolean[::1], int64[::1], int64[::1], int64, int64, int64, int64[::1])")
def find_ends(
    lengths: NDArray[np.int64],
    running: NDArray[np.bool_],
    chosen: NDArray[np.int64],
    rows: NDArray[np.int64],
    vocab_size: int,
    eos: int,
    horizon: int,
    ended: NDArray[np.int64],
) -> int:
    """The number of `chosen` (K,) that end the texts in `rows` (K,); `ended` (K,) begins with their places. -1 where
    one is no token id, or its text does not run; see `Prefixes`."""
    count = 0
    for place in range(rows.size):
        row, token = rows[place], chosen[place]
        if not running[row] or not 0 <= token < vocab_size:
            return -1
        if token == eos or lengths[row] + 1 == horizon:
            ended[count] = place
            count += 1
    return count


@kernel("void(int64[:, ::1], int64[::1], int64[::1], int64[::1])")
def write_rows(
    tokens: NDArray[np.int64], lengths: NDArray[np.int64], chosen: NDArray[np.int64], rows: NDArray[np.int64]
) -> None:
    """Writes `chosen` (K,) behind the texts in `rows` (K,)."""
    for place in range(rows.size):
        row = rows[place]
        tokens[row, lengths[row]] = chosen[place]
        lengths[row] += 1
