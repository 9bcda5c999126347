"""softmax(W h + b) of many hidden states as distributions, with gradients and without ever holding all their logits:
log-probabilities of tokens, entropies, and divergences between two layers.

Each pass, forward and backward, makes the logits of a few rows, uses them and forgets them: the memory needed does not
grow with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgen_env.kernels import kernels
from textgen_env.models.linear_softmax import LogitsMemory, check_tokens
from textgen_env.models.sampling import runs_compiled

ForbiddenRows = Callable[[slice], Tensor | None]
"""Which tokens some of the rows may not have, (R, V) bool, or None where all may. It is asked in each pass anew."""

# A finite stand-in for -inf: its probability is exactly 0, and 0 * log 0 stays 0 in values and gradients.
FORBIDDEN_LOGIT = -1e9


class Layer(NamedTuple):
    """Hidden states (N, H), and the weight (V, H) and bias (V,) that make logits of them."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor

    def detach(self) -> Layer:
        """Without gradients, and unmoved by steps that change the weight in place."""
        return Layer(*(part.detach().clone() for part in self))


def log_probs_and_entropies(
    layer: Layer, tokens: Tensor, forbidden: ForbiddenRows | None = None, memory: LogitsMemory | None = None
) -> tuple[Tensor, Tensor]:
    """log p[token] and -sum_j p_j log p_j of each row, p = softmax(W h + b), in which tokens that
    are forbidden have no part.

    With a and b the gradients of the two, that of a row's logits is a (1_token - p) - b p (log p + H), 0 where
    forbidden. It can be taken once, not twice.

    Args:
        layer: N rows.
        tokens: (N,) int64, 0 to V - 1.
        forbidden: masks of slices of the rows; None: no token is.
        memory: to take the room for logits from.

    Returns:
        (N,) and (N,) of hidden's type, nats.

    Raises:
        IndexError: a token that is none.
    """
    found: tuple[Tensor, Tensor] = _LogProbsAndEntropies.apply(*layer, tokens, forbidden, memory or LogitsMemory())  # type: ignore[no-untyped-call]
    return found


class _LogProbsAndEntropies(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        tokens: Tensor,
        forbidden: ForbiddenRows | None,
        memory: LogitsMemory,
    ) -> tuple[Tensor, Tensor]:
        compiled = kernels("distributions") if runs_compiled(hidden) else None
        log_probs, entropies = hidden.new_empty(len(hidden)), hidden.new_empty(len(hidden))
        log_sums = hidden.new_empty(len(hidden), 2)
        if compiled is None:
            check_tokens(tokens, len(weight))
        for rows, logits, _ in logits_in_turn(Layer(hidden, weight, bias), forbidden, memory):
            out = log_sums[rows], log_probs[rows], entropies[rows]
            if compiled is None:
                _describe(logits, tokens[rows], *out)
            elif compiled.describe(logits.numpy(), tokens[rows].numpy(), *(part.numpy() for part in out)) >= 0:
                check_tokens(tokens, len(weight))
        ctx.save_for_backward(hidden, weight, bias, tokens, log_sums, entropies)
        ctx.set_materialize_grads(False)
        ctx.compiled, ctx.forbidden, ctx.memory = compiled, forbidden, memory
        return log_probs, entropies

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_log_probs: Tensor | None, of_entropies: Tensor | None) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, tokens, log_sums, entropies = ctx.saved_tensors
        nothing = torch.zeros_like(entropies)
        given = [nothing if part is None else part.contiguous() for part in (of_log_probs, of_entropies)]
        gradients = LayerGradients(hidden, weight)
        for rows, logits, masks in logits_in_turn(Layer(hidden, weight, bias), ctx.forbidden, ctx.memory):
            parts = [part[rows] for part in (tokens, log_sums, entropies, *given)]
            if ctx.compiled is None:
                _differentiate(logits, *parts)
            else:
                ctx.compiled.differentiate(logits.numpy(), *(part.numpy() for part in parts))
            if masks is not None:
                # Of a token that was chosen though forbidden, too.
                logits.masked_fill_(masks, 0.0)
            gradients.add(rows, logits)
        return *gradients.found, None, None, None


def _describe(logits: Tensor, tokens: Tensor, log_sums: Tensor, log_probs: Tensor, entropies: Tensor) -> None:
    """As the kernel; the logits are overwritten."""
    highest = logits.amax(1)
    below = logits.sub_(highest.unsqueeze(1))
    log_sum = below.exp().sum(1).log()
    log_p = below.sub_(log_sum.unsqueeze(1))
    log_sums[:, 0], log_sums[:, 1] = highest, log_sum
    log_probs.copy_(log_p.gather(1, tokens.unsqueeze(1)).squeeze(1))
    torch.sum(log_p.exp().mul_(log_p), 1, out=entropies)
    entropies.neg_()


def _differentiate(
    logits: Tensor, tokens: Tensor, log_sums: Tensor, entropies: Tensor, of_log_probs: Tensor, of_entropies: Tensor
) -> None:
    """As the kernel."""
    log_p = logits.sub_(log_sums[:, :1]).sub_(log_sums[:, 1:])
    p = log_p.exp()
    weighted = log_p.add_(entropies.unsqueeze(1)).mul_(of_entropies.unsqueeze(1)).add_(of_log_probs.unsqueeze(1))
    weighted.mul_(p).neg_().scatter_add_(1, tokens.unsqueeze(1), of_log_probs.unsqueeze(1))


class LayerGradients:
    """Gradients of a layer's hidden states, weight and bias, added up from those of its logits, a few rows at a time.

    Attributes:
        found: the three, once all rows are added.
    """

    def __init__(self, hidden: Tensor, weight: Tensor) -> None:
        self._hidden, self._weight = hidden, weight
        self.found = torch.empty_like(hidden), torch.zeros_like(weight), weight.new_zeros(len(weight))

    def add(self, rows: slice, of_logits: Tensor) -> None:
        """Adds what the gradients (R, V) of the logits of some rows bring."""
        of_hidden, of_weight, of_bias = self.found
        torch.mm(of_logits, self._weight, out=of_hidden[rows])
        of_weight.addmm_(of_logits.t(), self._hidden[rows])
        of_bias += of_logits.sum(0)


def logits_in_turn(
    layer: Layer, forbidden: ForbiddenRows | None, memory: LogitsMemory
) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
    """Some rows, their logits and their masks, of all rows in turn, each written over the last."""
    hidden, weight, bias = layer
    room = memory.take(weight)
    for start in range(0, len(hidden), len(room)):
        rows = slice(start, min(start + len(room), len(hidden)))
        logits = torch.addmm(bias, hidden[rows], weight.t(), out=room[: rows.stop - start])
        masks = None if forbidden is None else forbidden(rows)
        if masks is not None:
            logits.masked_fill_(masks, FORBIDDEN_LOGIT)
        yield rows, logits, masks
    memory.give(room)
