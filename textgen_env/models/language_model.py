"""A recurrent language model: p(x_1 .. x_T) = prod_t softmax(W h_t + b)[x_t], h_t = RNN(x_{t-1}, h_{t-1})."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen_env.kernels import kernels
from textgen_env.models.recurrent_layer import gru_layer
from textgen_env.models.sampling import runs_compiled
from textgen_env.models.token_model import State, TokenModel
from textgen_env.vocabulary import IntArray

Cell = Literal["lstm", "gru"]
Float32Array = NDArray[np.float32]

# Rows that the compiled step takes; with more, torch's matrix products make up for what its calls cost.
FEW_ROWS = 256


class LanguageModel(TokenModel):
    """Embedding, one LSTM or GRU layer, and a linear output; the state is carried from token to token: (hidden, cell)
    of an LSTM, (hidden,) of a GRU, (B, H) each.

    Its parameters are uninitialised until `initialise` fills them or they are loaded.

    Args:
        vocab_size: V.
        embedding_size, hidden_size: E, H.
        cell: "lstm" or "gru". The LSTM has one bias: torch's second one is fixed at 0.
        start_id: whose embedding is the first input; V gives it an embedding of its own.

    Raises:
        ValueError: another cell.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int = 32,
        hidden_size: int = 32,
        cell: Cell = "lstm",
        start_id: int = 0,
    ) -> None:
        super().__init__()
        if cell not in ("lstm", "gru"):
            raise ValueError(f"cell={cell!r} must be 'lstm' or 'gru'")
        self.vocab_size, self.hidden_size, self.cell, self.start_id = vocab_size, hidden_size, cell, start_id
        # The meta device draws nothing from torch's global generator.
        with torch.device("meta"):
            rows = max(vocab_size, start_id + 1)
            # Given its weight it draws none, which on the meta device would load half of torch for it.
            self.embedding = nn.Embedding(rows, embedding_size, _weight=torch.empty(rows, embedding_size))
            rnn = nn.LSTM if cell == "lstm" else nn.GRU
            self.rnn = rnn(embedding_size, hidden_size, batch_first=True)
            self.output = nn.Linear(hidden_size, vocab_size)
        self.to_empty(device="cpu")
        if cell == "lstm":
            second_bias = self.rnn.get_parameter("bias_hh_l0").requires_grad_(False)
            nn.init.zeros_(second_bias)

    def initial_state(self, batch_size: int) -> State:
        """Zeros, (B, H) each."""
        zeros = self.output.weight.new_zeros(batch_size, self.hidden_size)
        return (zeros, zeros.clone()) if self.cell == "lstm" else (zeros,)

    def hidden(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Hidden states (B, T, H) after each of the inputs (B, T), and the state after the last."""
        if isinstance(self.rnn, nn.GRU):
            outputs, last = gru_layer(self.rnn, self.embedding(inputs), state[0])
            return outputs, (last,)
        carried = tuple(part.unsqueeze(0).contiguous() for part in state)  # (1, B, H)
        outputs, after = self.rnn(self.embedding(inputs), carried)
        return outputs, tuple(part.squeeze(0) for part in after)

    def advance(self, inputs: Tensor, state: State) -> State:
        """The state after the inputs (B,)."""
        weights = self.rnn.all_weights[0]
        few = len(inputs) <= FEW_ROWS and not torch.is_grad_enabled() and runs_compiled(self.output.weight)
        compiled = kernels("recurrent") if few else None
        if compiled is not None:
            parameters = [parameter.numpy() for parameter in (self.embedding.weight, *weights)]
            before = [part.contiguous().numpy() for part in state]
            after = compiled_step(compiled, self.cell, inputs.contiguous().numpy(), parameters, before)
            return tuple(torch.from_numpy(part) for part in after)
        # For one token torch's cell functions take a quarter of the time of its layers.
        embedded = self.embedding(inputs)
        if self.cell == "lstm":
            return torch.lstm_cell(embedded, state, *weights)
        return (torch.gru_cell(embedded, state[0], *weights),)

    def advance_soft(self, weights: Tensor, state: State) -> State:
        """The state after inputs that are mixtures, weights (B, V + 1) of the ids, or (B, V) where no id V is read."""
        embedded = weights @ self.embedding.weight
        if self.cell == "lstm":
            return torch.lstm_cell(embedded, state, *self.rnn.all_weights[0])
        return (torch.gru_cell(embedded, state[0], *self.rnn.all_weights[0]),)


def compiled_step(
    compiled: Any,
    cell: Cell,
    inputs: IntArray,
    parameters: Sequence[Float32Array],
    state: Sequence[Float32Array],
) -> tuple[Float32Array, ...]:
    """`LanguageModel.advance` on NumPy arrays.

    Args:
        compiled: the module of kernels.
        cell: "lstm" or "gru".
        inputs: (B,) int64.
        parameters: the embedding (V, E), and the layer's weights and biases as torch keeps them.
        state: (B, H) each.

    Returns:
        the state after the inputs.

    Raises:
        IndexError: an input that has no embedding.
    """
    after = tuple([np.empty_like(part) for part in state])
    wrong = (compiled.lstm if cell == "lstm" else compiled.gru)(inputs, *parameters, *state, *after)
    if wrong >= 0:
        raise IndexError(f"inputs[{wrong}]={inputs[wrong]} must be 0 to {len(parameters[0]) - 1}")
    return after
