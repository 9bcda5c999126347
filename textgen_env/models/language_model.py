"""A recurrent language model: p(x_1 .. x_T) = prod_t softmax(W h_t + b)[x_t], h_t = RNN(x_{t-1}, h_{t-1})."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgen_env.models.sampling import sample_categorical

Cell = Literal["lstm", "gru"]
State = tuple[Tensor, ...]
"""LSTM: (hidden, cell); GRU: (hidden,); each (B, H): the first axis is the row."""


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
        # The meta device draws nothing from torch's global generator.
        with torch.device("meta"):
            self.embedding = nn.Embedding(max(vocab_size, start_id + 1), embedding_size)
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

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (B, V) of the token that follows the inputs (B,), and the state after them."""
        # For one token torch's cell functions take a quarter of the time of its layers.
        weights = self.rnn.all_weights[0]
        embedded = self.embedding(inputs)
        if self.cell == "lstm":
            after: State = torch.lstm_cell(embedded, state, *weights)
        else:
            after = (torch.gru_cell(embedded, state[0], *weights),)
        return self.output(after[0]), after

    def forward(self, tokens: Tensor, state: State | None = None) -> Tensor:
        """Logits (B, T, V) of each position given those before (teacher forcing); blanks may follow a text."""
        begun = self.initial_state(len(tokens)) if state is None else state
        shifted = torch.cat([self.start(len(tokens)).unsqueeze(1), tokens[:, :-1]], 1)
        logits: Tensor = self.output(self.hidden(shifted.clamp(max=self.embedding.num_embeddings - 1), begun)[0])
        return logits

    def log_probs(self, tokens: Tensor, lengths: Tensor, state: State | None = None) -> Tensor:
        """log p(x_t | x_<t) in nats, (B, T), 0 past each length."""
        logits = self(tokens, state)  # (B, T, V)
        written = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
        targets = tokens.masked_fill(~written, 0)
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
        return -losses * written

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
            generator: on the model's device.
            eos_id: the token that ends a text, or None.
            temperature: what logits are divided by, > 0.
            state: to start from, (count, H) each; zeros by default.

        Returns:
            tokens (count, horizon) int64, V after the end; lengths (count,) int64.

        Raises:
            ValueError: a temperature that is not above 0.
        """
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r} must be greater than 0; greedy choice is its limit")
        tokens = torch.full((count, horizon), self.vocab_size, dtype=torch.int64, device=self.output.weight.device)
        lengths = torch.full((count,), horizon, dtype=torch.int64, device=tokens.device)
        going = torch.ones(count, dtype=torch.bool, device=tokens.device)
        inputs = self.start(count)
        carried = self.initial_state(count) if state is None else state
        for t in range(horizon):
            logits, carried = self.step(inputs, carried)
            inputs = sample_categorical(logits if temperature == 1.0 else logits / temperature, generator)
            tokens[:, t] = torch.where(going, inputs, tokens[:, t])
            if eos_id is not None:
                ended = going & (inputs == eos_id)
                lengths[ended] = t + 1
                going &= ~ended
                if not going.any():
                    break
        return tokens, lengths
