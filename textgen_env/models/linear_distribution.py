"""softmax(W h + b) of many hidden states as distributions, with gradients and without ever holding all their logits:
log-probabilities of tokens, entropies, and divergences between two layers.

Each pass, forward and backward, makes the logits of a few rows, uses them and forgets them: the memory needed does not
grow with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgen_env.kernels import kernels
from textgen_env.models.linear_softmax import LogitsMemory, check_tokens, rows_at_once
from textgen_env.models.sampling import runs_compiled
from textgen_env.models.threads import in_parts

ForbiddenRows = Callable[[slice], Tensor | None]
"""Which tokens some of the rows may not have, (R, V) bool, or None where all may. It is asked in each pass anew."""

Found = TypeVar("Found")

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

        def describe(part: range) -> None:
            for rows, logits, _ in logits_in_turn(Layer(hidden, weight, bias), forbidden, memory, part):
                out = log_sums[rows], log_probs[rows], entropies[rows]
                if compiled is None:
                    _describe(logits, tokens[rows], *out)
                elif compiled.describe(logits.numpy(), tokens[rows].numpy(), *(each.numpy() for each in out)) >= 0:
                    check_tokens(tokens, len(weight))

        _in_parts(hidden, weight, forbidden, describe)
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
        of_hidden = torch.empty_like(hidden)

        def differentiate(part: range) -> LayerGradients:
            gradients = LayerGradients(hidden, weight, of_hidden)
            for rows, logits, masks in logits_in_turn(Layer(hidden, weight, bias), ctx.forbidden, ctx.memory, part):
                of_rows = [each[rows] for each in (tokens, log_sums, entropies, *given)]
                if ctx.compiled is None:
                    _differentiate(logits, *of_rows)
                else:
                    ctx.compiled.differentiate(logits.numpy(), *(each.numpy() for each in of_rows))
                if masks is not None:
                    # Of a token that was chosen though forbidden, too.
                    logits.masked_fill_(masks, 0.0)
                gradients.add(rows, logits)
            return gradients

        gradients, *others = _in_parts(hidden, weight, ctx.forbidden, differentiate)
        for other in others:
            gradients.merge(other)
        return *gradients.found, None, None, None


def _in_parts(
    hidden: Tensor, weight: Tensor, forbidden: ForbiddenRows | None, work: Callable[[range], Found]
) -> list[Found]:
    """Results of `work` for all rows, in parts where nothing is forbidden: masks are asked of a user's function, which
    need not stand several threads."""
    if forbidden is not None:
        return [work(range(len(hidden)))]
    return in_parts(len(hidden), rows_at_once(weight), weight.device, work)


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

    Args:
        hidden, weight: of the layer.
        of_hidden: where the gradients of hidden states are written, of all rows; made if None.

    Attributes:
        found: the three, once all rows are added.
    """

    def __init__(self, hidden: Tensor, weight: Tensor, of_hidden: Tensor | None = None) -> None:
        self._hidden, self._weight = hidden, weight
        of_hidden = torch.empty_like(hidden) if of_hidden is None else of_hidden
        self.found = of_hidden, torch.zeros_like(weight), weight.new_zeros(len(weight))

    def merge(self, other: LayerGradients) -> None:
        """Adds what another part of the rows has brought, whose hidden states have theirs in the same place."""
        for own, theirs in zip(self.found[1:], other.found[1:], strict=True):
            own += theirs

    def add(self, rows: slice, of_logits: Tensor) -> None:
        """Adds what the gradients (R, V) of the logits of some rows bring."""
        of_hidden, of_weight, of_bias = self.found
        torch.mm(of_logits, self._weight, out=of_hidden[rows])
        of_weight.addmm_(of_logits.t(), self._hidden[rows])
        of_bias += of_logits.sum(0)


def logits_in_turn(
    layer: Layer, forbidden: ForbiddenRows | None, memory: LogitsMemory, part: range | None = None
) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
    """Some rows, their logits and their masks, of all rows in turn, or of a part of them, each written over the
    last."""
    hidden, weight, bias = layer
    part = range(len(hidden)) if part is None else part
    room = memory.take(weight)
    # A product that adds a bias fills its result with it first, which costs as much as half of the product.
    inputs = torch.cat([hidden, hidden.new_ones(len(hidden), 1)], 1)
    matrix = torch.cat([weight, bias.unsqueeze(1)], 1).t()
    for start in part[:: len(room)]:
        rows = slice(start, min(start + len(room), part.stop))
        logits = torch.mm(inputs[rows], matrix, out=room[: rows.stop - start])
        masks = None if forbidden is None else forbidden(rows)
        if masks is not None:
            logits.masked_fill_(masks, FORBIDDEN_LOGIT)
        yield rows, logits, masks
    memory.give(room)
