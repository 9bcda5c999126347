"""A recurrent language model: p(x_1 .. x_T) = prod_t softmax(W h_t + b)[x_t], h_t = RNN(x_{t-1}, h_{t-1})."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen_env.kernels import kernels
from textgen_env.models.linear_softmax import LogitsMemory, token_log_probs
from textgen_env.models.sampling import inverse_softmax, runs_compiled
from textgen_env.vocabulary import IntArray

Cell = Literal["lstm", "gru"]
Float32Array = NDArray[np.float32]
State = tuple[Tensor, ...]
"""LSTM: (hidden, cell); GRU: (hidden,); each (B, H): the first axis is the row."""

# Rows that the compiled step takes; with more, torch's matrix products make up for what its calls cost.
FEW_ROWS = 256
# Texts whose hidden states are held together where no gradient asks for all of them.
TEXTS_AT_ONCE = 512


class LanguageModel(nn.Module):
    """Embedding, one LSTM or GRU layer, and a linear output; the state is carried from token to token.

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
        self.logits_memory = LogitsMemory()
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

    def initialise(self, generator: torch.Generator, std: float = 0.1) -> LanguageModel:
        """Draws every trained parameter from N(0, std^2), in order of definition."""
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.requires_grad:
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)
        return self

    def initial_state(self, batch_size: int) -> State:
        """Zeros, (B, H) each."""
        zeros = self.output.weight.new_zeros(batch_size, self.hidden_size)
        return (zeros, zeros.clone()) if self.cell == "lstm" else (zeros,)

    def start(self, batch_size: int) -> Tensor:
        """The first inputs (B,)."""
        return torch.full((batch_size,), self.start_id, dtype=torch.int64, device=self.output.weight.device)

    def hidden(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Hidden states (B, T, H) after each of the inputs (B, T), and the state after the last."""
        carried = tuple(part.unsqueeze(0).contiguous() for part in state)  # (1, B, H)
        outputs, after = self.rnn(self.embedding(inputs), carried if self.cell == "lstm" else carried[0])
        parts = after if self.cell == "lstm" else (after,)
        return outputs, tuple(part.squeeze(0) for part in parts)

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

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (B, V) of the token that follows the inputs (B,), and the state after them."""
        after = self.advance(inputs, state)
        return F.linear(after[0], self.output.weight, self.output.bias), after

    def forward(self, tokens: Tensor, state: State | None = None) -> Tensor:
        """Logits (B, T, V) of each position given those before (teacher forcing); blanks may follow a text."""
        logits: Tensor = self.output(self._hidden_before(tokens, state))
        return logits

    def log_probs(self, tokens: Tensor, lengths: Tensor, state: State | None = None) -> Tensor:
        """log p(x_t | x_<t) in nats, (B, T), 0 past each length."""
        written = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
        learned = (*self.parameters(), *(() if state is None else state))
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in learned):
            targets = tokens.masked_fill(~written, 0)
            losses = F.cross_entropy(self(tokens, state).flatten(0, 1), targets.flatten(), reduction="none")
            return -losses.view(targets.shape) * written
        log_probs = self.output.weight.new_zeros(tokens.shape)
        for begun in range(0, len(tokens), TEXTS_AT_ONCE):
            rows = slice(begun, begun + TEXTS_AT_ONCE)
            before = self._hidden_before(tokens[rows], None if state is None else tuple(part[rows] for part in state))
            counted = written[rows]
            ids = tokens[rows][counted]
            found = token_log_probs(before[counted], self.output.weight, self.output.bias, ids, self.logits_memory)
            log_probs[rows][counted] = found
        return log_probs

    @torch.no_grad()
    def sample(
        self,
        count: int,
        horizon: int,
        generator: torch.Generator,
        eos_id: int | None = None,
        temperature: float = 1.0,
        state: State | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Texts drawn from the model.

        Args:
            count: how many.
            horizon: tokens of a text that no end token ends.
            generator: on any device; `horizon` float64 numbers are drawn for each text, one text after another.
            eos_id: the token that ends a text, or None.
            temperature: what logits are divided by, > 0.
            state: to start from, (count, H) each; zeros by default.

        Returns:
            tokens (count, horizon) int64, V after the end; lengths (count,) int64.

        Raises:
            ValueError: a temperature that is not above 0.
            FloatingPointError: parameters that are not finite.
        """
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r} must be greater than 0; greedy choice is its limit")
        device = self.output.weight.device
        # All at once: what a text's chances are does not hang on how many are written together.
        uniforms = torch.rand(count, horizon, generator=generator, device=generator.device, dtype=torch.float64)
        uniforms = uniforms.to(device)
        tokens = torch.full((count, horizon), self.vocab_size, dtype=torch.int64, device=device)
        begun = self.initial_state(count) if state is None else state
        room = self.logits_memory.take(self.output.weight)
        for first in range(0, count, len(room)):
            rows = slice(first, first + len(room))
            carried = tuple(part[rows] for part in begun)
            self._write(tokens[rows], uniforms[rows], carried, eos_id, temperature, room)
        self.logits_memory.give(room)
        return tokens, (tokens != self.vocab_size).sum(1)

    def _write(
        self,
        tokens: Tensor,
        uniforms: Tensor,
        state: State,
        eos_id: int | None,
        temperature: float,
        room: Tensor,
    ) -> None:
        """Writes texts into `tokens` (B, T) with the numbers `uniforms` (B, T); `room` is for their logits."""
        inputs = self.start(len(tokens))
        logits = room[: len(tokens)]
        going = torch.ones_like(inputs, dtype=torch.bool)
        for t in range(tokens.shape[1]):
            state = self.advance(inputs, state)
            torch.addmm(self.output.bias, state[0], self.output.weight.t(), out=logits)
            if temperature != 1.0:
                logits /= temperature
            inputs = inverse_softmax(logits, uniforms[:, t])
            tokens[:, t] = torch.where(going, inputs, tokens[:, t])
            if eos_id is not None:
                going &= inputs != eos_id
                if not going.any():
                    break

    def _hidden_before(self, tokens: Tensor, state: State | None) -> Tensor:
        """Hidden states (B, T, H), of which number t has read x_<t."""
        begun = self.initial_state(len(tokens)) if state is None else state
        shifted = torch.cat([self.start(len(tokens)).unsqueeze(1), tokens[:, :-1]], 1)
        return self.hidden(shifted.clamp(max=self.embedding.num_embeddings - 1), begun)[0]


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
