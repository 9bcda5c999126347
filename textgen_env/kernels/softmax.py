"""The softmax of rows of logits, at one token of each: the log-probability of a token, or a token drawn.

A row's exponentials never leave the cache nearest to the core.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel, load_first
from textgen_env.vocabulary import IntArray

BLOCK = 128
"""Tokens of a block: a token is searched for among the blocks, then within one."""
ADDED_IN_LANES = 8_192
"""Exponentials that are added up in float32, dozens of sums side by side, before float64 takes over."""

LOG2_E, LN_2 = np.float32(math.log2(math.e)), np.float32(math.log(2))
# A float32 plus this has its nearest whole number in its lowest bits.
ROUNDING = np.float32(1.5 * 2**23)
# (e^r - 1) / r on |r| <= ln(2) / 2: of all polynomials of degree 4, the one that keeps the relative error of e^r least.
C1, C2, C3, C4, C5 = np.array([0.9999997072, 0.4999914953, 0.1666763619, 0.0418979293, 0.008290314716], np.float32)
ONE, NOTHING = np.float32(1), np.float32(0)
LOWEST = np.float32(-87)
# Far from where the sum of 10^12 exponentials overflows, or one of them is lost; as the bits of a float32.
SAFE = np.float32(60).view(np.int32)
INFINITE = np.float32(np.inf).view(np.int32)
MANTISSA_BITS, SIGN_BIT, MAGNITUDE = np.int32(23), np.int32(31), np.int32(2**31 - 1)


# Sums in any order, and products added unrounded, let the loops run in as many lanes as the processor has; infinities
# and NaNs keep their meaning.
@kernel(fastmath={"contract"})
def exp(x: np.float32) -> np.float32:
    """e^x = 2^n e^r with |r| <= ln(2) / 2, to a relative error of 4e-7; -87 <= x <= 88, or NaN."""
    shifted = x * LOG2_E + ROUNDING
    r = x - (shifted - ROUNDING) * LN_2
    power = ((((C5 * r + C4) * r + C3) * r + C2) * r + C1) * r + ONE
    exponent = np.float32(shifted).view(np.int32) << MANTISSA_BITS
    return np.int32(np.float32(power).view(np.int32) + exponent).view(np.float32)


@kernel()
def log_probs(logits: NDArray[np.float32], tokens: IntArray, out: NDArray[np.float32]) -> int:
    """log softmax(logits)[token] of each row.

    Args:
        logits: (B, V) float32.
        tokens: (B,) int64, 0 to V - 1.
        out: (B,) float32, written; nats.

    Returns:
        -1, or the first row whose token is none: it is where the work has stopped.
    """
    for i in range(len(logits)):
        row = logits[i]
        if not 0 <= tokens[i] < row.size:
            return i
        out[i] = log_prob(row, tokens[i])
    return -1


@kernel()
def log_probs_plus(
    products: NDArray[np.float32], bias: NDArray[np.float32], tokens: IntArray, out: NDArray[np.float32]
) -> int:
    """`log_probs` of the logits `products` (B, V) plus `bias` (V,), which is added on the way; `products` may be
    changed."""
    for i in range(len(products)):
        row = products[i]
        if not 0 <= tokens[i] < row.size:
            return i
        total = 0.0
        safe = True
        for start in range(0, row.size, ADDED_IN_LANES):
            end = start + ADDED_IN_LANES
            part, safe = _sum_exp_plus(row[start:end], bias[start:end])
            if not safe:
                break
            total += float(part)
        if safe:
            found = np.float64(row[tokens[i]] + bias[tokens[i]]) - math.log(total)
            out[i] = 0.0 if found > 0 else found
        else:
            for j in range(row.size):
                row[j] += bias[j]
            out[i] = log_prob(row, tokens[i])
    return -1


@kernel()
def log_prob(row: NDArray[np.float32], token: int) -> np.float32:
    """log softmax(logits)[token] of one row (V,), nats."""
    found = np.float64(row[token]) - _log_sum_exp(row)
    # Rounding makes no probability larger than 1.
    return np.float32(0.0 if found > 0 else found)


@kernel()
def _log_sum_exp(row: NDArray[np.float32]) -> float:
    """log sum_j e^(x_j). Where no |x| is beyond SAFE, there is no need to take the maximum off first."""
    total = 0.0
    for start in range(0, row.size, ADDED_IN_LANES):
        part, safe = _sum_exp(row[start : start + ADDED_IN_LANES])
        if not safe:
            break
        total += float(part)
    if safe:
        return math.log(total)
    highest = maximum(row)
    total = 0.0
    for start in range(0, row.size, ADDED_IN_LANES):
        total += float(_sum_exp_below(row[start : start + ADDED_IN_LANES], highest))
    return np.float64(highest) + math.log(total)


@kernel()
def draw(logits: NDArray[np.float32], uniforms: NDArray[np.float64], tokens: IntArray) -> int:
    """The token of each row at which softmax's distribution function passes the row's uniform number.

    Args:
        logits: (B, V) float32; -inf forbids a token.
        uniforms: (B,) float64 in [0, 1).
        tokens: (B,) int64, written.

    Returns:
        -1, or the first row that has no token to draw, being NaN, +inf or all -inf: it is where the work has stopped.
    """
    vocab_size = logits.shape[1]
    weights = np.empty(vocab_size, np.float32)
    ends = np.empty(-(-vocab_size // BLOCK))
    for i in range(len(logits)):
        if not _exp(logits[i], weights):
            _exp_below(logits[i], maximum(logits[i]), weights)
        tokens[i] = invert(weights, uniforms[i], ends)
        if tokens[i] < 0:
            return i
    return -1


@kernel()
def draw_finite(
    logits: NDArray[np.float32], bias: NDArray[np.float32], uniforms: NDArray[np.float64], tokens: IntArray
) -> int:
    """As `draw` of logits + bias, all of which must be finite.

    Args:
        logits: (B, V) float32, overwritten.
        bias: (V,) float32.
        uniforms, tokens: as in `draw`.

    Returns:
        -1, or the first row with an infinity or a NaN: it is where the work has stopped.
    """
    vocab_size = logits.shape[1]
    weights = np.empty(vocab_size, np.float32)
    ends = np.empty(-(-vocab_size // BLOCK))
    for i in range(len(logits)):
        row = logits[i]
        largest = _exp_of_sum(row, bias, weights)
        if largest >= INFINITE:
            return i
        if largest > SAFE:
            row += bias
            _exp_below(row, maximum(row), weights)
        tokens[i] = invert(weights, uniforms[i], ends)
    return -1


@kernel()
def invert(weights: NDArray[np.float32], uniform: float, ends: NDArray[np.float64]) -> int:
    """The first token at which the sum of the weights up to it passes `uniform` times their total.

    Args:
        weights: (V,) float32, >= 0.
        uniform: in [0, 1).
        ends: room for a number a block.

    Returns:
        the token; the last one with a weight where rounding leaves no sum above; -1 for no weights, or NaN.
    """
    total = 0.0
    for block in range(ends.size):
        total += _sum(weights[block * BLOCK : (block + 1) * BLOCK])
        ends[block] = total
    if not total > 0:
        return -1
    point = uniform * total
    # The last float below the total is inside the last block that has a weight.
    if not point < total:
        point = np.nextafter(total, 0.0)
    block = 0
    while ends[block] <= point:
        block += 1
    before = ends[block - 1] if block > 0 else 0.0
    last = -1
    for token in range(block * BLOCK, min((block + 1) * BLOCK, weights.size)):
        if weights[token] > 0:
            before += weights[token]
            last = token
            if point < before:
                break
    return last


@kernel()
def maximum(row: NDArray[np.float32]) -> np.float32:
    """The maximum, or NaN: of the bits, which are ordered as the floats are, the negative ones mirrored. A maximum of
    whole numbers is found in many lanes at once; one of floats is not, for NaN's sake."""
    bits = row.view(np.int32)
    highest = np.int32(~MAGNITUDE)
    for j in range(bits.size):
        highest = max(highest, np.int32(bits[j] ^ ((bits[j] >> SIGN_BIT) & MAGNITUDE)))
    return np.int32(highest ^ ((highest >> SIGN_BIT) & MAGNITUDE)).view(np.float32)


@kernel(fastmath={"reassoc", "nsz"})
def _sum(values: NDArray[np.float32]) -> float:
    total = 0.0
    for j in range(values.size):
        total += np.float64(values[j])
    return total


@kernel(fastmath={"reassoc", "nsz"})
def _sum_exp(row: NDArray[np.float32]) -> tuple[np.float32, np.bool]:
    """The sum of e^x, and whether every |x| is within SAFE: it is nothing else."""
    bits = row.view(np.int32)
    total, largest = NOTHING, np.int32(0)
    for j in range(row.size):
        total += exp(row[j])
        largest = max(largest, np.int32(bits[j] & MAGNITUDE))
    return total, largest <= SAFE


@kernel(fastmath={"reassoc", "nsz"})
def _sum_exp_plus(row: NDArray[np.float32], bias: NDArray[np.float32]) -> tuple[np.float32, np.bool]:
    """`_sum_exp` of the sums of both."""
    total, largest = NOTHING, np.int32(0)
    for j in range(row.size):
        x = np.float32(row[j] + bias[j])
        total += exp(x)
        largest = max(largest, np.int32(x.view(np.int32) & MAGNITUDE))
    return total, largest <= SAFE


@kernel(fastmath={"reassoc", "nsz"})
def _sum_exp_below(row: NDArray[np.float32], highest: np.float32) -> np.float32:
    total = NOTHING
    for j in range(row.size):
        x = row[j] - highest
        total += exp(LOWEST if x < LOWEST else x)
    return total


@kernel()
def _exp(row: NDArray[np.float32], out: NDArray[np.float32]) -> np.bool:
    """Writes e^x, and returns whether every |x| is within SAFE: they are nothing else."""
    bits = row.view(np.int32)
    largest = np.int32(0)
    for j in range(row.size):
        out[j] = exp(row[j])
        largest = max(largest, np.int32(bits[j] & MAGNITUDE))
    return largest <= SAFE


@kernel()
def _exp_of_sum(row: NDArray[np.float32], bias: NDArray[np.float32], out: NDArray[np.float32]) -> np.int32:
    """Writes e^(x + b), and returns the largest |x + b| as the bits of a float32: beyond SAFE they are nothing else."""
    largest = np.int32(0)
    for j in range(row.size):
        x = np.float32(row[j] + bias[j])
        out[j] = exp(x)
        largest = max(largest, np.int32(x.view(np.int32) & MAGNITUDE))
    return largest


@kernel()
def _exp_below(row: NDArray[np.float32], highest: np.float32, out: NDArray[np.float32]) -> None:
    for j in range(row.size):
        x = row[j] - highest
        out[j] = NOTHING if x < LOWEST else exp(x)


_row = np.zeros(1, np.float32)
load_first((exp, ONE), (_sum, _row), (_sum_exp, _row), (_sum_exp_plus, _row, _row), (_sum_exp_below, _row, ONE))
