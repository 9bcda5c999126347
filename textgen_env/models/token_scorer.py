"""A language model's log-probability of one more token of each text, a step at a time, on NumPy arrays."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np
import torch

from textgen_env.kernels import Kept, kernels
from textgen_env.models.language_model import FEW_ROWS, Float32Array, LanguageModel, compiled_step
from textgen_env.models.linear_softmax import LogitsMemory, rows_at_once, token_log_probs
from textgen_env.models.sampling import runs_compiled
from textgen_env.models.threads import threads_for
from textgen_env.models.torch_settings import usual_torch
from textgen_env.vocabulary import IntArray

# Logits in memory (128 KB) that the system hands out without new pages.
AT_HAND = 1 << 15
MANY = 512
"""Rows that go through all of a step together: their gates and logits do not leave the cache."""


class TokenScorer:
    """Steps of a `LanguageModel` without gradients; of a few rows compiled, as torch's calls take longer than the work.

    Parameters are read where they lie: what is written into them later counts, but the model must not be moved.

    Args:
        model: on any device; NumPy's arrays are moved to it and back.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model, self._memory = model, model.logits_memory
        self._memories = self._memory, LogitsMemory(), LogitsMemory()
        self._weight, self._bias = model.output.weight.detach(), model.output.bias.detach()
        self._transposed = self._weight.t()
        self._few = min(FEW_ROWS, rows_at_once(self._weight)) if runs_compiled(self._weight) else 0
        read = (model.embedding.weight, *model.rnn.all_weights[0]) if self._few else ()
        self._tensors = [parameter.detach() for parameter in read]
        self._parameters = [parameter.numpy() for parameter in self._tensors]
        self._output = [parameter.numpy() for parameter in (self._weight, self._bias)] if self._few else []
        self._compiled = Kept("recurrent")

    def step(
        self, inputs: IntArray, tokens: IntArray, state: tuple[Float32Array, ...]
    ) -> tuple[Float32Array, tuple[Float32Array, ...]]:
        """log p of the `tokens` (B,) that follow the `inputs` (B,), and the state after the inputs.

        Args:
            inputs, tokens: (B,) int64.
            state: before the inputs, (B, H) float32 each: hidden and cell of an LSTM, hidden of a GRU.

        Returns:
            log p (B,) in nats, and the state after the inputs.

        Raises:
            IndexError: an input or a token that is none.
        """
        if torch.is_autocast_enabled("cpu"):
            # The products below would be rounded.
            with usual_torch():
                return self.step(inputs, tokens, state)
        with threads_for(self._model.hidden_size, self._weight.device):
            return self._step(inputs, tokens, state)

    def _step(
        self, inputs: IntArray, tokens: IntArray, state: tuple[Float32Array, ...]
    ) -> tuple[Float32Array, tuple[Float32Array, ...]]:
        recurrent, softmax = kernels("recurrent"), kernels("softmax")
        if recurrent is None or softmax is None or not self._few:
            return self._step_in_torch(inputs, tokens, state)
        if len(tokens) > self._few:
            return self._step_of_many(recurrent, softmax, inputs, tokens, state)
        before = [np.ascontiguousarray(part) for part in state]
        after = compiled_step(recurrent, self._model.cell, inputs, self._parameters, before)
        hidden = torch.from_numpy(after[0])
        log_probs = np.empty(len(tokens), np.float32)
        if log_probs.size * len(self._weight) <= AT_HAND:
            logits = torch.addmm(self._bias, hidden, self._transposed)
            wrong = softmax.log_probs(logits.numpy(), tokens, log_probs)
        else:
            room = self._memory.take(self._weight)
            logits = torch.addmm(self._bias, hidden, self._transposed, out=room[: len(tokens)])
            wrong = softmax.log_probs(logits.numpy(), tokens, log_probs)
            self._memory.give(room)
        if wrong >= 0:
            self._refuse(tokens, wrong)
        return log_probs, after

    def step_one(self, before: int, token: int, state: tuple[Float32Array, ...]) -> float | None:
        """`step` of a single row, whose state (H,) goes on where it lies: log p of `token`, which follows `before`, or
        None where `step` must be asked, and the state is as it was: without compiled loops, elsewhere than on the CPU,
        and where an id is none or a number is not finite. Sums are in another order than in `step`: the last digits of
        float32 may differ."""
        compiled = self._compiled.module
        if compiled is None or not self._few:
            return None
        step = compiled.lstm_token if len(state) == 2 else compiled.gru_token
        log_prob: float = step(before, token, *state, *self._parameters, *self._output)
        return log_prob if math.isfinite(log_prob) else None

    @torch.no_grad()
    def _step_of_many(
        self, recurrent: Any, softmax: Any, inputs: IntArray, tokens: IntArray, state: tuple[Float32Array, ...]
    ) -> tuple[Float32Array, tuple[Float32Array, ...]]:
        """Products by torch, and the rest in one pass over what they gave, some rows at a time: they stay at hand."""
        embedding, of_input, of_hidden, input_bias, hidden_bias = self._tensors
        is_lstm = self._model.cell == "lstm"
        if is_lstm:
            input_bias = input_bias + hidden_bias
        # Where inputs occur more than once, one product for each that there is.
        table = torch.addmm(input_bias, embedding, of_input.t()) if len(embedding) <= len(inputs) else None
        before = [np.ascontiguousarray(part) for part in state]
        after = tuple([np.empty_like(part) for part in before])
        log_probs = np.empty(len(tokens), np.float32)
        memories = [
            memory.take(weight)
            for memory, weight in zip(self._memories, (self._weight, of_input, of_hidden), strict=True)
        ]
        # NumPy's arrays: torch's take ten times as long to be cut.
        room, of_inputs, of_states = (memory.numpy() for memory in memories)
        bias, of_input, of_hidden, tensor = self._bias.numpy(), of_input.t(), of_hidden.t(), torch.from_numpy
        at_once = min(MANY, *map(len, memories))
        for start in range(0, len(tokens), at_once):
            rows = slice(start, start + at_once)
            some = inputs[rows]
            count, parts, after_some = len(some), [part[rows] for part in before], [part[rows] for part in after]
            from_input, hidden, hidden_after = of_inputs[:count], tensor(parts[0]), tensor(after_some[0])
            gates = tensor(from_input)
            if table is not None:
                torch.index_select(table, 0, tensor(some), out=gates)
            else:
                torch.addmm(input_bias, torch.index_select(embedding, 0, tensor(some)), of_input, out=gates)
            if is_lstm:
                torch.addmm(gates, hidden, of_hidden, out=gates)
                recurrent.lstm_rows(from_input, parts[1], *after_some)
            else:
                from_hidden = of_states[:count]
                torch.addmm(hidden_bias, hidden, of_hidden, out=tensor(from_hidden))
                recurrent.gru_rows(from_input, from_hidden, parts[0], *after_some)
            products = room[:count]
            torch.mm(hidden_after, self._transposed, out=tensor(products))
            wrong = softmax.log_probs_plus(products, bias, tokens[rows], log_probs[rows])
            if wrong >= 0:
                self._refuse(tokens, start + wrong)
        for memory, taken in zip(self._memories, memories, strict=True):
            memory.give(taken)
        return log_probs, after

    def _refuse(self, tokens: IntArray, row: int) -> NoReturn:
        raise IndexError(f"tokens[{row}]={tokens[row]} must be 0 to {len(self._weight) - 1}")

    @usual_torch()
    @torch.no_grad()
    def _step_in_torch(
        self, inputs: IntArray, tokens: IntArray, state: tuple[Float32Array, ...]
    ) -> tuple[Float32Array, tuple[Float32Array, ...]]:
        read, ids, *before = (torch.from_numpy(array).to(self._weight.device) for array in (inputs, tokens, *state))
        after = self._model.advance(read, tuple(before))
        log_probs = token_log_probs(after[0], self._weight, self._bias, ids, self._memory)
        return log_probs.cpu().numpy(), tuple(part.cpu().numpy() for part in after)
