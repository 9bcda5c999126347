"""Kullback-Leibler divergences between two linear softmax layers of the same rows, a few rows of logits at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgen_env.models.linear_distribution import ForbiddenRows, Layer, LayerGradients, logits_in_turn
from textgen_env.models.linear_softmax import LogitsMemory


def kl_divergences(
    old: Layer, layer: Layer, forbidden: ForbiddenRows | None = None, memory: LogitsMemory | None = None
) -> Tensor:
    """KL(old || new) of each row, sum_j p_j (log p_j - log q_j), with p of `old` and q of `layer`.

    The gradient of a row's new logits is q - p; there is none of the old ones.

    Args:
        old, layer: N rows each, of V tokens.
        forbidden: tokens that have no part in either.
        memory: to take the room for logits from.

    Returns:
        (N,) of hidden's type, nats.
    """
    found: Tensor = _Divergences.apply(old, *layer, forbidden, memory or LogitsMemory())  # type: ignore[no-untyped-call]
    return found


def divergences_from_itself(
    layer: Layer, forbidden: ForbiddenRows | None = None, memory: LogitsMemory | None = None
) -> Tensor:
    """KL(p || q) of each row where q, which alone has gradients, is at p: 0, with gradient 0, and with the second
    derivative that is the Fisher information of p.

    The Hessian with respect to a row's logits is diag(p) - p p^T (Kakade 2002, equation 2; Pascanu and Bengio 2014,
    "Revisiting natural gradient for deep networks", section 3): its product with a direction costs one pass over the
    logits.

    Args:
        layer, forbidden, memory: as in `kl_divergences`.

    Returns:
        (N,) of hidden's type, differentiable twice.
    """
    found: Tensor = _FromItself.apply(*layer, forbidden, memory or LogitsMemory())  # type: ignore[no-untyped-call]
    return found


class _Divergences(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        old: Layer,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        forbidden: ForbiddenRows | None,
        memory: LogitsMemory,
    ) -> Tensor:
        divergences = hidden.new_empty(len(hidden))
        before = logits_in_turn(old, forbidden, memory)
        for (rows, logits, _), (_, old_logits, _) in zip(
            logits_in_turn(Layer(hidden, weight, bias), forbidden, memory), before, strict=True
        ):
            log_p, log_q = torch.log_softmax(old_logits, 1), torch.log_softmax(logits, 1)
            torch.sum(torch.sub(log_p, log_q, out=log_q).mul_(log_p.exp_()), 1, out=divergences[rows])
        ctx.save_for_backward(*old, hidden, weight, bias)
        ctx.forbidden, ctx.memory = forbidden, memory
        return divergences

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_divergences: Tensor) -> tuple[Tensor | None, ...]:
        *old, hidden, weight, bias = ctx.saved_tensors
        gradients = LayerGradients(hidden, weight)
        before = logits_in_turn(Layer(*old), ctx.forbidden, ctx.memory)
        for (rows, logits, _), (_, old_logits, _) in zip(
            logits_in_turn(Layer(hidden, weight, bias), ctx.forbidden, ctx.memory), before, strict=True
        ):
            p, q = torch.softmax(old_logits, 1), torch.softmax(logits, 1)
            gradients.add(rows, q.sub_(p).mul_(of_divergences[rows].unsqueeze(1)))
        return None, *gradients.found, None, None


class _FromItself(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, forbidden: ForbiddenRows | None, memory: LogitsMemory
    ) -> Tensor:
        ctx.save_for_backward(hidden, weight, bias)
        ctx.forbidden, ctx.memory = forbidden, memory
        return hidden.new_zeros(len(hidden))

    @staticmethod
    def backward(ctx: Any, *of_divergences: Tensor) -> tuple[Tensor | None, ...]:
        layer = ctx.saved_tensors
        gradients = _GradientAtItself.apply(*layer, *of_divergences, ctx.forbidden, ctx.memory)  # type: ignore[no-untyped-call]
        return *gradients, None, None


class _GradientAtItself(torch.autograd.Function):
    """The gradients of hidden states, weight and bias, all 0; theirs in turn are products with the Fisher
    information."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        of_divergences: Tensor,
        forbidden: ForbiddenRows | None,
        memory: LogitsMemory,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(hidden, weight, bias, of_divergences)
        ctx.forbidden, ctx.memory = forbidden, memory
        return torch.zeros_like(hidden), torch.zeros_like(weight), torch.zeros_like(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *direction: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, of_divergences = ctx.saved_tensors
        along_hidden, along_weight, along_bias = direction
        gradients = LayerGradients(hidden, weight)
        for rows, logits, _ in logits_in_turn(Layer(hidden, weight, bias), ctx.forbidden, ctx.memory):
            p = torch.softmax(logits, 1)
            # How the logits move along the direction; those of forbidden tokens count for nothing, as p does there.
            moved = torch.addmm(along_bias, along_hidden[rows], weight.t(), out=logits)
            moved.addmm_(hidden[rows], along_weight.t())
            mean = torch.linalg.vecdot(p, moved).unsqueeze(1)
            gradients.add(rows, moved.sub_(mean).mul_(p).mul_(of_divergences[rows].unsqueeze(1)))
        return *gradients.found, None, None, None
