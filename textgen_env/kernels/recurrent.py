"""One step of an LSTM and of a GRU, for rows of tokens: embedding, gates and the new state in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels.compiling import kernel, load_first
from textgen_env.kernels.softmax import exp, log_prob
from textgen_env.vocabulary import IntArray

Float32Array = NDArray[np.float32]

NOTHING, ONE, TWO, NOT_A_NUMBER = np.float32(0), np.float32(1), np.float32(2), np.float32(np.nan)
# Beyond these a float32's sigmoid and hyperbolic tangent no longer change; within them e^x is finite.
SIGMOID_FLAT, TANH_FLAT = np.float32(80), np.float32(20)


@kernel()
def lstm(
    tokens: IntArray,
    embedding: Float32Array,
    of_input: Float32Array,
    of_hidden: Float32Array,
    input_bias: Float32Array,
    hidden_bias: Float32Array,
    hidden: Float32Array,
    cell: Float32Array,
    hidden_after: Float32Array,
    cell_after: Float32Array,
) -> int:
    """One step (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    Args:
        tokens: (B,) int64.
        embedding: (V, E) float32.
        of_input, of_hidden, input_bias, hidden_bias: (4H, E), (4H, H), (4H,), (4H,) float32, gates in torch's order:
            input, forget, candidate, output.
        hidden, cell: (B, H) float32.
        hidden_after, cell_after: (B, H) float32, written.

    Returns:
        -1, or the first row whose token has no embedding: it is where the work has stopped.
    """
    by_input, by_hidden = np.ascontiguousarray(of_input.T), np.ascontiguousarray(of_hidden.T)
    gates = np.empty((1, input_bias.size), np.float32)
    for i in range(len(tokens)):
        if not 0 <= tokens[i] < len(embedding):
            return i
        for j in range(gates.size):
            gates[0, j] = input_bias[j] + hidden_bias[j]
        _add_product(embedding[tokens[i]], by_input, gates[0])
        _add_product(hidden[i], by_hidden, gates[0])
        lstm_rows(gates, cell[i : i + 1], hidden_after[i : i + 1], cell_after[i : i + 1])
    return -1


@kernel()
def gru(
    tokens: IntArray,
    embedding: Float32Array,
    of_input: Float32Array,
    of_hidden: Float32Array,
    input_bias: Float32Array,
    hidden_bias: Float32Array,
    hidden: Float32Array,
    hidden_after: Float32Array,
) -> int:
    """One step (Cho et al. 2014; the reset gate follows the matrix product, as in torch).

    Args:
        tokens: (B,) int64.
        embedding: (V, E) float32.
        of_input, of_hidden, input_bias, hidden_bias: (3H, E), (3H, H), (3H,), (3H,) float32, gates in torch's order:
            reset, update, candidate.
        hidden: (B, H) float32.
        hidden_after: (B, H) float32, written.

    Returns:
        -1, or the first row whose token has no embedding: it is where the work has stopped.
    """
    by_input, by_hidden = np.ascontiguousarray(of_input.T), np.ascontiguousarray(of_hidden.T)
    from_input, from_hidden = np.empty((1, input_bias.size), np.float32), np.empty((1, input_bias.size), np.float32)
    for i in range(len(tokens)):
        if not 0 <= tokens[i] < len(embedding):
            return i
        from_input[0] = input_bias
        from_hidden[0] = hidden_bias
        _add_product(embedding[tokens[i]], by_input, from_input[0])
        _add_product(hidden[i], by_hidden, from_hidden[0])
        gru_rows(from_input, from_hidden, hidden[i : i + 1], hidden_after[i : i + 1])
    return -1


@kernel()
def lstm_token(
    before: int,
    token: int,
    hidden: Float32Array,
    cell: Float32Array,
    embedding: Float32Array,
    of_input: Float32Array,
    of_hidden: Float32Array,
    input_bias: Float32Array,
    hidden_bias: Float32Array,
    of_output: Float32Array,
    output_bias: Float32Array,
) -> np.float32:
    """log p of `token`, which follows `before`, in nats, for a single row, whose state goes on past `before` where it
    lies; NaN where an id is none or a number is not finite, and the state is as it was.

    Args:
        before, token: ids.
        hidden, cell: (H,) float32, written.
        embedding, of_input, of_hidden, input_bias, hidden_bias: as in `lstm`.
        of_output, output_bias: (V, H), (V,) float32.
    """
    if not (0 <= before < len(embedding) and 0 <= token < len(of_output)):
        return NOT_A_NUMBER
    gates = input_bias + hidden_bias
    add_dots(of_input, embedding[before], gates)
    add_dots(of_hidden, hidden, gates)
    after = np.empty((2, 1, hidden.size), np.float32)
    lstm_rows(gates.reshape(1, -1), cell.reshape(1, -1), after[0], after[1])
    found = _log_prob_after(after[0, 0], token, of_output, output_bias)
    if np.isfinite(found):
        hidden[:] = after[0, 0]
        cell[:] = after[1, 0]
    return found


@kernel()
def gru_token(
    before: int,
    token: int,
    hidden: Float32Array,
    embedding: Float32Array,
    of_input: Float32Array,
    of_hidden: Float32Array,
    input_bias: Float32Array,
    hidden_bias: Float32Array,
    of_output: Float32Array,
    output_bias: Float32Array,
) -> np.float32:
    """As `lstm_token`, of a GRU."""
    if not (0 <= before < len(embedding) and 0 <= token < len(of_output)):
        return NOT_A_NUMBER
    from_input, from_hidden = input_bias.copy(), hidden_bias.copy()
    add_dots(of_input, embedding[before], from_input)
    add_dots(of_hidden, hidden, from_hidden)
    after = np.empty((1, hidden.size), np.float32)
    gru_rows(from_input.reshape(1, -1), from_hidden.reshape(1, -1), hidden.reshape(1, -1), after)
    found = _log_prob_after(after[0], token, of_output, output_bias)
    if np.isfinite(found):
        hidden[:] = after[0]
    return found


@kernel()
def _log_prob_after(hidden: Float32Array, token: int, of_output: Float32Array, bias: Float32Array) -> np.float32:
    """log p of a token after the hidden state (H,); NaN where a number is not finite."""
    logits = bias.copy()
    add_dots(of_output, hidden, logits)
    return log_prob(logits, token)


# Sums in any order, in as many lanes as there are; infinities and NaNs keep their meaning.
@kernel(fastmath={"contract", "reassoc", "nsz"})
def add_dots(weight: Float32Array, x: Float32Array, out: Float32Array) -> None:
    """out += weight @ x; (G, K), (K,), (G,). For one row a weight is read as it lies: `_add_product` has it turned."""
    for j in range(out.size):
        total = NOTHING
        for k in range(x.size):
            total += weight[j, k] * x[k]
        out[j] += total


@kernel(fastmath={"contract"})
def _add_product(x: Float32Array, weight: Float32Array, out: Float32Array) -> None:
    """out += x @ weight; (K,), (K, G), (G,). Eight rows of the weight at a time spare `out` most of its trips."""
    whole = x.size - x.size % 8
    for k in range(0, whole, 8):
        a, b, c, d = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
        e, f, g, h = weight[k + 4], weight[k + 5], weight[k + 6], weight[k + 7]
        xa, xb, xc, xd, xe, xf, xg, xh = x[k], x[k + 1], x[k + 2], x[k + 3], x[k + 4], x[k + 5], x[k + 6], x[k + 7]
        for j in range(out.size):
            first = xa * a[j] + xb * b[j] + xc * c[j] + xd * d[j]
            second = xe * e[j] + xf * f[j] + xg * g[j] + xh * h[j]
            out[j] += first + second
    for k in range(whole, x.size):
        a, xa = weight[k], x[k]
        for j in range(out.size):
            out[j] += xa * a[j]


# Of arrays with two axes the compiler sees that the loops may run in many lanes; of their rows, handed over one by one,
# it does not.
@kernel()
def lstm_rows(gates: Float32Array, cell: Float32Array, hidden_after: Float32Array, cell_after: Float32Array) -> None:
    """The end of a step whose `gates` (B, 4H) have been added up, as in `lstm`."""
    size = cell.shape[1]
    for i in range(len(cell)):
        for j in range(size):
            kept = sigmoid(gates[i, size + j]) * cell[i, j]
            cell_after[i, j] = kept + sigmoid(gates[i, j]) * tanh(gates[i, 2 * size + j])
        for j in range(size):
            hidden_after[i, j] = sigmoid(gates[i, 3 * size + j]) * tanh(cell_after[i, j])


@kernel()
def gru_rows(
    from_input: Float32Array, from_hidden: Float32Array, hidden: Float32Array, hidden_after: Float32Array
) -> None:
    """The end of a step whose gates (B, 3H), those of the input and those of the state, have been added up."""
    size = hidden.shape[1]
    for i in range(len(hidden)):
        for j in range(size):
            reset = sigmoid(from_input[i, j] + from_hidden[i, j])
            update = sigmoid(from_input[i, size + j] + from_hidden[i, size + j])
            candidate = tanh(from_input[i, 2 * size + j] + reset * from_hidden[i, 2 * size + j])
            hidden_after[i, j] = update * hidden[i, j] + (ONE - update) * candidate


@kernel(error_model="numpy")
def sigmoid(x: np.float32) -> np.float32:
    """1 / (1 + e^-x)."""
    x = SIGMOID_FLAT if x > SIGMOID_FLAT else x
    x = -SIGMOID_FLAT if x < -SIGMOID_FLAT else x
    return ONE / (ONE + exp(-x))


@kernel(error_model="numpy")
def tanh(x: np.float32) -> np.float32:
    x = TANH_FLAT if x > TANH_FLAT else x
    x = -TANH_FLAT if x < -TANH_FLAT else x
    squared = exp(TWO * x)
    return (squared - ONE) / (squared + ONE)


_x, _matrix = np.zeros(1, np.float32), np.zeros((1, 1), np.float32)
load_first((_add_product, _x, _matrix, _x), (add_dots, _matrix, _x, _x))
