"""Texts written one token at a time: the likeliest token each time, or one drawn by temperature, top-k and nucleus."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agents.decoding.next_tokens import NextTokens, rows_of
from agents.protocol import IntArray
from textgen_env.models.sampling import inverse_softmax


def adjusted(log_probs: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0) -> Tensor:
    """log p (K, V) float64 of what is drawn instead of `log_probs` (K, V), -inf for what never is, in this order:

    - temperature T: p^(1/T), renormalised (Ackley, Hinton and Sejnowski 1985, equation 5).
    - top-k: the k likeliest tokens (Fan, Lewis and Dauphin 2018, "Hierarchical Neural Story Generation", section 5.4).
    - nucleus: the fewest likeliest tokens whose probabilities add up to at least `top_p` (Holtzman, Buys, Du, Forbes
      and Choi 2020, "The Curious Case of Neural Text Degeneration", equations 2 and 3).

    Of tokens that are equally likely, those with lower ids are kept.
    """
    found = log_probs if temperature == 1.0 else (log_probs / temperature).log_softmax(-1)
    if (top_k is None or top_k >= found.shape[1]) and top_p >= 1.0:
        return found
    ordered, order = found.sort(dim=-1, descending=True, stable=True)
    if top_k is not None:
        ordered[:, top_k:] = -torch.inf
        ordered = ordered.log_softmax(-1)
    if top_p < 1.0:
        chances = ordered.exp()
        # What the likelier ones add up to: 0 for the first, which is always kept.
        ordered = ordered.masked_fill(chances.cumsum(-1) - chances >= top_p, -torch.inf).log_softmax(-1)
    return torch.empty_like(found).scatter_(1, order, ordered)


def written_greedily(next_tokens: NextTokens, count: int, sources: IntArray | None) -> tuple[Tensor, Tensor]:
    """Texts (count, T) of the likeliest token each time (of several, the first), and their log p (count,)."""
    return _written(next_tokens, count, sources, lambda log_probs, rows, t: log_probs.argmax(-1))


def drawn(
    next_tokens: NextTokens,
    uniforms: Tensor,
    sources: IntArray | None,
    temperature: float,
    top_k: int | None,
    top_p: float,
) -> tuple[Tensor, Tensor]:
    """Texts (N, T) drawn from what `adjusted` says, by the numbers `uniforms` (N, T) float64 in [0, 1), and their log p
    (N,) under the agent's own probabilities."""
    return _written(
        next_tokens,
        len(uniforms),
        sources,
        lambda log_probs, rows, t: inverse_softmax(adjusted(log_probs, temperature, top_k, top_p), uniforms[rows, t]),
    )


def _written(
    next_tokens: NextTokens,
    count: int,
    sources: IntArray | None,
    choose: Callable[[Tensor, Tensor, int], Tensor],
) -> tuple[Tensor, Tensor]:
    """`choose` takes log p (K, V) of the tokens number t of the texts `rows` (K,)."""
    device = next_tokens.device
    tokens = torch.full((count, next_tokens.horizon), next_tokens.vocab_size, dtype=torch.int64, device=device)
    sums = torch.zeros(count, dtype=torch.float64, device=device)
    rows = torch.arange(count, device=device)
    state = next_tokens.begin(count, sources)
    for t in range(next_tokens.horizon):
        log_probs, state = next_tokens.log_probs(tokens[rows], t, state)
        chosen = choose(log_probs, rows, t)
        tokens[rows, t] = chosen
        sums[rows] += log_probs.gather(1, chosen.unsqueeze(1)).squeeze(1)
        going = (~next_tokens.end(chosen, t + 1)).nonzero().squeeze(1)
        if not len(going):
            break
        if len(going) < len(rows):
            rows, state = rows[going], rows_of(state, going)
    return tokens, sums
