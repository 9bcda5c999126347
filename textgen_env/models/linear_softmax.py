"""softmax(W h + b) of many hidden states without ever holding all their logits.

With thousands of tokens logits are what costs: written out in full they leave the cache, and each pass over them waits
for memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgen_env.kernels import kernels
from textgen_env.models.sampling import all_finite, inverse_softmax, runs_compiled
from textgen_env.models.threads import in_parts

# Logits at once: 4 MB stay in a processor's cache and keep its matrix product busy; an accelerator wants longer work.
IN_CACHE, ELSEWHERE = 1 << 20, 1 << 25


def rows_at_once(weight: Tensor) -> int:
    """The number of rows of logits to hold at once where `weight` (V, H) makes them."""
    return max(1, (IN_CACHE if weight.device.type == "cpu" else ELSEWHERE) // len(weight))


class LogitsMemory:
    """Memory for the logits of some rows, kept from call to call: the system takes as long to hand out new pages as it
    takes to fill them. Threads may take at the same time; a copy or a pickle is empty."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, torch.dtype, torch.device], list[Tensor]] = {}

    def __reduce__(self) -> tuple[type[LogitsMemory], tuple[()]]:
        return LogitsMemory, ()

    def take(self, weight: Tensor) -> Tensor:
        """Room (R, V) for `rows_at_once` rows of the logits that `weight` (V, H) makes; anything may stand in it."""
        try:
            return self._free[weight.shape[0], weight.dtype, weight.device].pop()
        except (KeyError, IndexError):
            # What is made in inference mode can be written to nowhere else.
            with torch.inference_mode(False):
                return torch.empty(rows_at_once(weight), len(weight), dtype=weight.dtype, device=weight.device)

    def give(self, room: Tensor) -> None:
        """Keeps what was taken, to be taken again; an accelerator's memory is torch's to keep."""
        if room.device.type == "cpu":
            self._free.setdefault((room.shape[1], room.dtype, room.device), []).append(room)


@torch.no_grad()
def token_log_probs(
    hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, memory: LogitsMemory | None = None
) -> Tensor:
    """log softmax(W h + b)[token] in nats, without gradients.

    Args:
        hidden: (N, H) float.
        weight, bias: (V, H), (V,).
        tokens: (N,) int64, 0 to V - 1.
        memory: to take the room for logits from.

    Returns:
        (N,) of hidden's type.

    Raises:
        IndexError: a token that is none.
    """
    compiled = kernels("softmax") if runs_compiled(hidden) else None
    log_probs = hidden.new_empty(len(hidden))
    if compiled is None:
        check_tokens(tokens, len(weight))
    memory = memory or LogitsMemory()

    def score(part: range) -> None:
        room = memory.take(weight)
        for rows, logits in logits_in_turn(hidden, weight, bias, room, part):
            if compiled is None:
                every = torch.log_softmax(logits, 1)
                log_probs[rows] = every.gather(1, tokens[rows].unsqueeze(1)).squeeze(1)
            elif compiled.log_probs(logits.numpy(), tokens[rows].numpy(), log_probs[rows].numpy()) >= 0:
                check_tokens(tokens, len(weight))
        memory.give(room)

    in_parts(len(hidden), rows_at_once(weight), weight.device, score)
    return log_probs


@torch.no_grad()
def draw_tokens(
    hidden: Tensor, weight: Tensor, bias: Tensor, uniforms: Tensor, memory: LogitsMemory | None = None
) -> Tensor:
    """The token of each row at which the distribution function of softmax(W h + b) passes a number; see
    `textgen_env.models.sampling.inverse_softmax`.

    Args:
        hidden: (N, H) float.
        weight, bias: (V, H), (V,).
        uniforms: (N,) float64 in [0, 1), on the same device.
        memory: to take the room for logits from.

    Returns:
        (N,) int64.

    Raises:
        FloatingPointError: logits that are not finite.
    """
    compiled = kernels("softmax") if runs_compiled(hidden) else None
    tokens = torch.empty(len(hidden), dtype=torch.int64, device=hidden.device)
    memory = memory or LogitsMemory()

    def draw(part: range) -> bool:
        room = memory.take(weight)
        finite = True
        for start in part[:: len(room)]:
            rows = slice(start, min(start + len(room), part.stop))
            logits = room[: rows.stop - start]
            if compiled is None:
                torch.addmm(bias, hidden[rows], weight.t(), out=logits)
                finite = all_finite(logits)
                tokens[rows] = inverse_softmax(logits, uniforms[rows]) if finite else -1
            else:
                # The loop adds the bias, and rounds the sum as a product with a bias would.
                torch.mm(hidden[rows], weight.t(), out=logits)
                arrays = logits, bias.detach(), uniforms[rows], tokens[rows]
                finite = compiled.draw_finite(*(array.numpy() for array in arrays)) < 0
            if not finite:
                break
        memory.give(room)
        return finite

    if not all(in_parts(len(hidden), rows_at_once(weight), weight.device, draw)):
        raise FloatingPointError("logits W h + b are not finite; hidden, weight and bias must be, and not as large")
    return tokens


@torch.no_grad()
def softmax_entropies(hidden: Tensor, weight: Tensor, bias: Tensor, memory: LogitsMemory | None = None) -> Tensor:
    """The entropy of softmax(W h + b) in nats, without gradients: log sum_j e^x_j - sum_j p_j x_j.

    Args:
        hidden: (N, H) float.
        weight, bias: (V, H), (V,).
        memory: to take the room for logits from.

    Returns:
        (N,) float64.
    """
    entropies = hidden.new_empty(len(hidden), dtype=torch.float64)
    memory = memory or LogitsMemory()

    def measure(part: range) -> None:
        room, other_room = memory.take(weight), memory.take(weight)
        for rows, logits in logits_in_turn(hidden, weight, bias, room, part):
            probabilities = torch.softmax(logits, 1, out=other_room[: len(logits)])
            mean = probabilities.mul_(logits).sum(1, dtype=torch.float64)
            entropies[rows] = logits.logsumexp(1).double() - mean
        memory.give(room)
        memory.give(other_room)

    in_parts(len(hidden), rows_at_once(weight), weight.device, measure)
    return entropies


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, memory: LogitsMemory | None = None
) -> Tensor:
    """-log softmax(W h + b)[token] in nats, the mean over all rows; 0 for none.

    The gradients of hidden, weight and bias are taken along with the loss, a few rows at a time: the softmax less the
    one-hot of the token is the gradient of a row's logits. They can be taken no second time.

    Args:
        hidden: (N, H) float.
        weight, bias: (V, H), (V,).
        tokens: (N,) int64, 0 to V - 1.
        memory: to take the room for logits from.

    Returns:
        a number of hidden's type.
    """
    memory = memory or LogitsMemory()
    if torch.is_grad_enabled():
        loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, bias, tokens, memory)  # type: ignore[no-untyped-call]
        return loss
    return -token_log_probs(hidden, weight, bias, tokens, memory).sum() / max(len(hidden), 1)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, memory: LogitsMemory) -> Tensor:
        losses = hidden.new_empty(len(hidden))
        of_hidden = torch.empty_like(hidden)

        def learn(part: range) -> tuple[Tensor, Tensor]:
            of_weight, of_bias = torch.zeros_like(weight), torch.zeros_like(bias)
            room, other_room = memory.take(weight), memory.take(weight)
            for rows, logits in logits_in_turn(hidden, weight, bias, room, part):
                chosen = tokens[rows].unsqueeze(1)
                probabilities = torch.softmax(logits, 1, out=other_room[: len(logits)])
                # The likeliest token's probability is 1 / sum_j exp(x_j - max x), which never underflows.
                log_sum = logits.amax(1) - probabilities.amax(1).log()
                torch.sub(log_sum, logits.gather(1, chosen).squeeze(1), out=losses[rows])
                gradient = probabilities.scatter_add_(1, chosen, probabilities.new_full(chosen.shape, -1.0))
                torch.mm(gradient, weight, out=of_hidden[rows])
                of_weight.addmm_(gradient.t(), hidden[rows])
                of_bias += gradient.sum(0)
            memory.give(room)
            memory.give(other_room)
            return of_weight, of_bias

        (of_weight, of_bias), *others = in_parts(len(hidden), rows_at_once(weight), weight.device, learn)
        for more_of_weight, more_of_bias in others:
            of_weight += more_of_weight
            of_bias += more_of_bias
        ctx.save_for_backward(of_hidden, of_weight, of_bias)
        ctx.count = max(len(hidden), 1)
        loss: Tensor = losses.sum() / ctx.count
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_loss: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        of_hidden, of_weight, of_bias = (gradient * (of_loss / ctx.count) for gradient in ctx.saved_tensors)
        return of_hidden, of_weight, of_bias, None, None


def logits_in_turn(
    hidden: Tensor, weight: Tensor, bias: Tensor, room: Tensor, part: range
) -> Iterator[tuple[slice, Tensor]]:
    """Some rows and their logits W h + b, of all rows of a part in turn, each written over the last.

    Args:
        hidden: (N, H) float.
        weight, bias: (V, H), (V,).
        room: (R, V), as of `LogitsMemory.take`: the logits of at most R rows at a time are written into it.
        part: consecutive rows of hidden.
    """
    for start in part[:: len(room)]:
        rows = slice(start, min(start + len(room), part.stop))
        yield rows, torch.addmm(bias, hidden[rows], weight.t(), out=room[: rows.stop - start])


def check_tokens(tokens: Tensor, vocab_size: int) -> None:
    """Refuses tokens (N,) that are not 0 to V - 1.

    Raises:
        IndexError: naming the first.
    """
    wrong = ((tokens < 0) | (tokens >= vocab_size)).nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise IndexError(f"tokens[{row}]={int(tokens[row])} must be a token, 0 to {vocab_size - 1}")
