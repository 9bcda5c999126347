"""Base of models of token sequences, whatever reads the prefix."""

from __future__ import annotations

from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textgen_env.checks import check_room
from textgen_env.models.linear_softmax import LogitsMemory, rows_at_once, softmax_entropies, token_log_probs
from textgen_env.models.sampling import inverse_softmax
from textgen_env.models.threads import in_parts, threads_for

State = tuple[Tensor, ...]
"""State that a model carries from token to token: tensors whose first axis is the row, so that rows of a state are
states. The first, (B, H), is what the output layer reads."""

# Texts whose hidden states are held together where no gradient asks for all of them.
TEXTS_AT_ONCE = 512
# Texts for which a thread of its own pays.
TEXTS_A_THREAD = 128


class TokenModel(nn.Module):
    """p(x_1 .. x_T) = prod_t softmax(W h_t + b)[x_t], where h_t is what a state has kept of x_<t.

    A subclass sets `vocab_size`, `hidden_size`, `start_id`, `embedding` and `output`, the layer W h + b, and defines
    `initial_state`, `hidden` and `advance`.
    """

    vocab_size: int
    hidden_size: int
    start_id: int
    embedding: nn.Embedding
    output: nn.Linear

    def __init__(self) -> None:
        super().__init__()
        self.logits_memory = LogitsMemory()

    def initialise(self, generator: torch.Generator, std: float = 0.1) -> Self:
        """Draws every trained parameter from N(0, std^2), in order of definition."""
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.requires_grad:
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)
        return self

    def initial_state(self, batch_size: int) -> State:
        """Before the first input; its parts begin with the axis (B,)."""
        raise NotImplementedError(f"{type(self).__name__} must define initial_state(batch_size)")

    def begin(self, handed_over: State) -> State:
        """The state to start from after an encoder of this kind of model has read a source; here what that hands over,
        its last state."""
        return handed_over

    def hidden(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Hidden states (B, T, H) after each of the inputs (B, T), and the state after the last."""
        raise NotImplementedError

    def advance(self, inputs: Tensor, state: State) -> State:
        """The state after the inputs (B,)."""
        raise NotImplementedError

    def start(self, batch_size: int) -> Tensor:
        """The first inputs (B,)."""
        return torch.full((batch_size,), self.start_id, dtype=torch.int64, device=self.output.weight.device)

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Logits (B, V) of the token that follows the inputs (B,), and the state after them."""
        after = self.advance(inputs, state)
        return F.linear(after[0], self.output.weight, self.output.bias), after

    def forward(self, tokens: Tensor, state: State | None = None) -> Tensor:
        """Logits (B, T, V) of each position given those before (teacher forcing); blanks may follow a text."""
        logits: Tensor = self.output(self._hidden_before(tokens, state))
        return logits

    def entropies(self, tokens: Tensor, lengths: Tensor, state: State | None = None) -> Tensor:
        """H(p(. | x_<t)) in nats, (B, T) float64, 0 past each length; without gradients."""
        written = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
        with torch.no_grad():
            hidden = self._hidden_before(tokens, state)[written]
        found = torch.zeros(tokens.shape, dtype=torch.float64, device=tokens.device)
        found[written] = softmax_entropies(hidden, self.output.weight, self.output.bias, self.logits_memory)
        return found

    def log_probs(self, tokens: Tensor, lengths: Tensor, state: State | None = None) -> Tensor:
        """log p(x_t | x_<t) in nats, (B, T), 0 past each length."""
        written = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
        learned = (*self.parameters(), *(() if state is None else state))
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in learned):
            targets = tokens.masked_fill(~written, 0)
            losses = F.cross_entropy(self(tokens, state).flatten(0, 1), targets.flatten(), reduction="none")
            return -losses.view(targets.shape) * written
        log_probs = self.output.weight.new_zeros(tokens.shape)

        def score(part: range) -> None:
            for begun in part[::TEXTS_AT_ONCE]:
                rows = slice(begun, min(begun + TEXTS_AT_ONCE, part.stop))
                carried = None if state is None else tuple(each[rows] for each in state)
                before, counted = self._hidden_before(tokens[rows], carried), written[rows]
                ids = tokens[rows][counted]
                found = token_log_probs(before[counted], self.output.weight, self.output.bias, ids, self.logits_memory)
                log_probs[rows][counted] = found

        with threads_for(self.hidden_size, tokens.device):
            in_parts(len(tokens), TEXTS_A_THREAD, tokens.device, score)
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
            state: to start from, of `count` rows; `initial_state` by default.

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
        check_room(f"count={count}, horizon={horizon}", count, horizon)
        uniforms = torch.rand(count, horizon, generator=generator, device=generator.device, dtype=torch.float64)
        uniforms = uniforms.to(device)
        tokens = torch.full((count, horizon), self.vocab_size, dtype=torch.int64, device=device)
        begun = self.initial_state(count) if state is None else state

        def write(part: range) -> None:
            room = self.logits_memory.take(self.output.weight)
            for first in part[:: len(room)]:
                rows = slice(first, min(first + len(room), part.stop))
                carried = tuple(each[rows] for each in begun)
                self._write(tokens[rows], uniforms[rows], carried, eos_id, temperature, room)
            self.logits_memory.give(room)

        with threads_for(self.hidden_size, device):
            in_parts(count, rows_at_once(self.output.weight), device, write)
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
