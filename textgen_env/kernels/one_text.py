"""A `TextCNN`'s look at a single text: torch's calls take ten times as long as what they compute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel
from textgen_env.kernels.recurrent import add_dots, sigmoid
from textgen_env.vocabulary import IntArray

FloatArray = NDArray[np.float32]

NOTHING = np.float32(0)


@kernel()
def features(
    tokens: IntArray, embedding: FloatArray, weight: FloatArray, bias: FloatArray, first: int, out: FloatArray
) -> None:
    """Writes what the filters of one width find: relu(bias + the highest of the windows); a NaN is the highest of all.

    Args:
        tokens: (T,), rows of the embedding.
        embedding: (V + 1, E).
        weight, bias: (n, E, w), (n,), as `torch.nn.Conv1d` keeps them.
        first: the column of the first of the n filters.
        out: (F,), of which n columns are written.
    """
    count, size, width = weight.shape
    filters = weight.reshape(count, size * width)
    window, products = np.empty(size * width, np.float32), np.empty(count, np.float32)
    highest = out[first : first + count]
    highest[:] = -np.inf
    for begin in range(len(tokens) - width + 1):
        for offset in range(width):
            row = embedding[tokens[begin + offset]]
            for k in range(size):
                window[k * width + offset] = row[k]
        products[:] = NOTHING
        add_dots(filters, window, products)
        for k in range(count):
            higher = products[k] > highest[k] or products[k] != products[k]
            highest[k] = products[k] if higher else highest[k]
    for k in range(count):
        found = highest[k] + bias[k]
        highest[k] = NOTHING if found < 0 else found


@kernel()
def logit(
    found: FloatArray,
    gate: FloatArray,
    gate_bias: FloatArray,
    transform: FloatArray,
    transform_bias: FloatArray,
    output: FloatArray,
    output_bias: FloatArray,
) -> np.float32:
    """The logit of a text with these features (F,): the highway layer and the output's one column, or the difference of
    its two; as `TextCNN.logits_of`.

    Args:
        gate, transform: (F, F), their biases (F,).
        output, output_bias: (1, F) or (2, F), (1,) or (2,).
    """
    gates, changed = gate_bias.copy(), transform_bias.copy()
    add_dots(gate, found, gates)
    add_dots(transform, found, changed)
    mixed = np.empty_like(found)
    for k in range(found.size):
        better = NOTHING if changed[k] < 0 else changed[k]
        mixed[k] = found[k] + sigmoid(gates[k]) * (better - found[k])
    columns = output_bias.copy()
    add_dots(output, mixed, columns)
    return columns[0] if columns.size == 1 else columns[1] - columns[0]
