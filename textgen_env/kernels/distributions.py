"""The softmax of rows of logits as a distribution: a token's log-probability and the entropy, and their gradients.

The forward pass reads a row twice and writes nothing but three numbers of it; the backward pass writes the gradient
over the logits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel, load_first
from textgen_env.kernels.softmax import ADDED_IN_LANES, LOWEST, NOTHING, ONE, exp, maximum
from textgen_env.vocabulary import IntArray


@kernel()
def describe(
    logits: NDArray[np.float32],
    tokens: IntArray,
    log_sums: NDArray[np.float32],
    log_probs: NDArray[np.float32],
    entropies: NDArray[np.float32],
) -> int:
    """log softmax(logits)[token] and the entropy of softmax(logits), of each row, in nats.

    Args:
        logits: (B, V) float32.
        tokens: (B,) int64, 0 to V - 1.
        log_sums: (B, 2) float32, written: the row's maximum, and log sum_j e^(x_j - maximum).
        log_probs, entropies: (B,) float32, written.

    Returns:
        -1, or the first row whose token is none: it is where the work has stopped.
    """
    for i in range(len(logits)):
        row = logits[i]
        if not 0 <= tokens[i] < row.size:
            return i
        highest = maximum(row)
        total, weighted = 0.0, 0.0
        for start in range(0, row.size, ADDED_IN_LANES):
            # Sums of what is below the maximum stay exact where nearly all of the weight is on one token.
            part, part_weighted = _sums_below(row[start : start + ADDED_IN_LANES], highest)
            total += float(part)
            weighted += float(part_weighted)
        log_sum = math.log(total)
        log_sums[i, 0] = highest
        log_sums[i, 1] = log_sum
        log_prob = np.float64(row[tokens[i]] - highest) - log_sum
        # Rounding makes no probability larger than 1, and no entropy less than 0.
        log_probs[i] = 0.0 if log_prob > 0 else log_prob
        entropy = log_sum - weighted / total
        entropies[i] = 0.0 if entropy < 0 else entropy
    return -1


@kernel()
def differentiate(
    logits: NDArray[np.float32],
    tokens: IntArray,
    log_sums: NDArray[np.float32],
    entropies: NDArray[np.float32],
    of_log_probs: NDArray[np.float32],
    of_entropies: NDArray[np.float32],
) -> None:
    """The gradient of a log p[token] + b H with respect to each row of logits, written over them: a (1_token - p) - b p
    (log p + H).

    Args:
        logits: (B, V) float32, overwritten.
        tokens, log_sums, entropies: as `describe` had and wrote them.
        of_log_probs, of_entropies: (B,) float32, a and b of each row.
    """
    for i in range(len(logits)):
        row = logits[i]
        _gradient(row, log_sums[i, 0], log_sums[i, 1], entropies[i], of_log_probs[i], of_entropies[i])
        row[tokens[i]] += of_log_probs[i]


@kernel(fastmath={"reassoc", "nsz"})
def _sums_below(row: NDArray[np.float32], highest: np.float32) -> tuple[np.float32, np.float32]:
    """The sums of e^x and of x e^x, x being what a logit is below the highest."""
    total, weighted = NOTHING, NOTHING
    for j in range(row.size):
        x = row[j] - highest
        # Below, x itself may be as large as a float is.
        held = LOWEST if x < LOWEST else x
        weight = exp(held)
        total += weight
        weighted += held * weight
    return total, weighted


@kernel(fastmath={"contract"})
def _gradient(
    row: NDArray[np.float32],
    highest: np.float32,
    log_sum: np.float32,
    entropy: np.float32,
    of_log_prob: np.float32,
    of_entropy: np.float32,
) -> None:
    for j in range(row.size):
        log_prob = (row[j] - highest) - log_sum
        held = LOWEST if log_prob < LOWEST else log_prob
        row[j] = -exp(held) * (of_log_prob + of_entropy * (held + entropy))


_row = np.zeros(1, np.float32)
load_first((_sums_below, _row, ONE), (_gradient, _row, ONE, ONE, ONE, ONE, ONE))
