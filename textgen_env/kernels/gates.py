"""Gates of a GRU in training: a step of many rows that keeps what its gradient needs, and the gradient.

The products with weights are left to the caller: those of a whole text's inputs are one, and so are those of the
weights' gradients. Each loop writes to one array, at the place that it reads there if it reads there at all: only then
does the compiler see that it may run in many lanes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel
from textgen_env.kernels.recurrent import ONE, _tanh, sigmoid

Float32Array = NDArray[np.float32]


@kernel()
def gru_forward(
    gates: Float32Array,
    from_hidden: Float32Array,
    hidden: Float32Array,
    hidden_after: Float32Array,
    candidate: Float32Array,
) -> None:
    """A step (Cho et al. 2014; the reset gate follows the matrix product, as in torch).

    Args:
        gates: (B, 3H) float32, what inputs and their bias add up to, in torch's order: reset, update, candidate; the
            first two are overwritten with the gates.
        from_hidden: (B, 3H) float32, what the state and its bias add up to.
        hidden: (B, H) float32, before the step.
        hidden_after, candidate: (B, H) float32, written.
    """
    size = hidden.shape[1]
    for i in range(len(hidden)):
        for j in range(2 * size):
            gates[i, j] = sigmoid(gates[i, j] + from_hidden[i, j])
        for j in range(size):
            candidate[i, j] = _tanh(gates[i, 2 * size + j] + gates[i, j] * from_hidden[i, 2 * size + j])
        for j in range(size):
            update = gates[i, size + j]
            hidden_after[i, j] = update * hidden[i, j] + (ONE - update) * candidate[i, j]


@kernel()
def gru_backward(
    gates: Float32Array,
    from_hidden: Float32Array,
    hidden: Float32Array,
    candidate: Float32Array,
    of_hidden: Float32Array,
    of_input: Float32Array,
    of_from_hidden: Float32Array,
) -> None:
    """The gradient of a step.

    Args:
        gates, candidate: (B, 3H) and (B, H) float32, as `gru_forward` left them.
        from_hidden: (B, 3H) float32, as `gru_forward` took it.
        hidden: (B, H) float32, before the step.
        of_hidden: (B, H) float32, the gradient of the state after the step; overwritten with what of that of the state
            before does not come by `from_hidden`.
        of_input, of_from_hidden: (B, 3H) float32, written: the gradients of what inputs and state add up to.
    """
    size = hidden.shape[1]
    for i in range(len(hidden)):
        for j in range(size):
            slope = ONE - candidate[i, j] * candidate[i, j]
            of_input[i, 2 * size + j] = of_hidden[i, j] * (ONE - gates[i, size + j]) * slope
        for j in range(size):
            update = gates[i, size + j]
            of_input[i, size + j] = of_hidden[i, j] * (hidden[i, j] - candidate[i, j]) * update * (ONE - update)
        for j in range(size):
            of_from_hidden[i, 2 * size + j] = of_input[i, 2 * size + j] * gates[i, j]
        for j in range(size):
            reset, given = gates[i, j], of_from_hidden[i, 2 * size + j] * from_hidden[i, 2 * size + j]
            of_input[i, j] = given * (ONE - reset)
        for j in range(2 * size):
            of_from_hidden[i, j] = of_input[i, j]
        for j in range(size):
            of_hidden[i, j] = of_hidden[i, j] * gates[i, size + j]
