"""One GRU layer over whole texts, forward and backward: torch's values, in a fraction of its calls.

On a processor torch takes some ten operations a step and their gradients one by one, but for its LSTM. Here a step is
one product and one pass over the gates, and the gradients of the weights are one product for all steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from textgen_env.kernels import kernels
from textgen_env.models.sampling import runs_compiled

_torchs_own: ContextVar[bool] = ContextVar("_torchs_own", default=False)


@contextmanager
def differentiable_twice() -> Iterator[None]:
    """Layers as torch has them, whose gradients can be differentiated in turn."""
    before = _torchs_own.set(True)
    try:
        yield
    finally:
        _torchs_own.reset(before)


def gru_layer(gru: nn.GRU, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs of `gru` for inputs, as of calling it.

    Args:
        gru: of one layer, batch first.
        inputs: (B, T, E) float.
        hidden: (B, H).

    Returns:
        hidden states (B, T, H), and the last of them, (B, H).
    """
    compiled = runs_compiled(inputs) and inputs.shape[0] and inputs.shape[1] and not _torchs_own.get()
    if not compiled or kernels("gates") is None:
        outputs, after = gru(inputs, hidden.unsqueeze(0).contiguous())
        return outputs, after.squeeze(0)
    found: tuple[Tensor, Tensor] = _GRU.apply(inputs, hidden, *gru.all_weights[0])  # type: ignore[no-untyped-call]
    return found


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        hidden: Tensor,
        of_input: Tensor,
        of_hidden: Tensor,
        input_bias: Tensor,
        hidden_bias: Tensor,
    ) -> tuple[Tensor, Tensor]:
        compiled = kernels("gates")
        in_turn = inputs.transpose(0, 1).contiguous()
        horizon, count, _ = in_turn.shape
        gates = torch.addmm(input_bias, in_turn.flatten(0, 1), of_input.t()).view(horizon, count, -1)
        hiddens = _states(hidden, horizon)
        from_hidden, candidates = torch.empty_like(gates), torch.empty_like(hiddens[1:])
        turned = of_hidden.t()
        arrays = [part.numpy() for part in (gates, from_hidden, hiddens[:-1], hiddens[1:], candidates)]
        for t, of_step in enumerate(zip(*arrays, strict=True)):
            torch.addmm(hidden_bias, hiddens[t], turned, out=from_hidden[t])
            compiled.gru_forward(*of_step)
        ctx.save_for_backward(in_turn, of_input, of_hidden, gates, from_hidden, hiddens, candidates)
        return hiddens[1:].transpose(0, 1).contiguous(), hiddens[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor, of_last: Tensor) -> tuple[Tensor | None, ...]:
        in_turn, of_input, of_hidden, gates, from_hidden, hiddens, candidates = ctx.saved_tensors
        compiled = kernels("gates")
        given = of_outputs.transpose(0, 1).contiguous()
        along = of_last.clone()
        of_gates, of_from = torch.empty_like(gates), torch.empty_like(gates)
        arrays = [part.numpy() for part in (gates, from_hidden, hiddens[:-1], candidates, given, of_gates, of_from)]
        for t in reversed(range(len(gates))):
            given[t] += along
            compiled.gru_backward(*(array[t] for array in arrays))
            along = torch.addmm(given[t], of_from[t], of_hidden)
        rows, from_rows = of_gates.flatten(0, 1), of_from.flatten(0, 1)
        return (
            _of_inputs(rows, of_input, in_turn) if ctx.needs_input_grad[0] else None,
            along,
            torch.mm(rows.t(), in_turn.flatten(0, 1)),
            torch.mm(from_rows.t(), hiddens[:-1].flatten(0, 1)),
            rows.sum(0),
            from_rows.sum(0),
        )


def _states(first: Tensor, horizon: int) -> Tensor:
    """Room (T + 1, B, H) for states, the first of them in it."""
    states = first.new_empty(horizon + 1, *first.shape)
    states[0] = first
    return states


def _of_inputs(rows: Tensor, of_input: Tensor, in_turn: Tensor) -> Tensor:
    """The gradient (B, T, E) of the inputs, from that (T * B, G) of what they add up to."""
    return torch.mm(rows, of_input).view_as(in_turn).transpose(0, 1)
