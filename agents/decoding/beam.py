"""Beam search: the likeliest texts of an agent, as far as a beam of some width sees."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from agents.decoding.next_tokens import NextTokens, rows_of
from agents.protocol import IntArray


class Found(NamedTuple):
    """Texts that searches found, those of one search together, the best first.

    Attributes:
        tokens: (M, T) int64. log_probs: (M,) float64, nats. scores: (M,) float64, log_probs over the length penalty.
        searches: (M,) int64, which search.
    """

    tokens: Tensor
    log_probs: Tensor
    scores: Tensor
    searches: Tensor


def length_penalty_of(lengths: Tensor, power: float) -> Tensor:
    """lp(y) = ((5 + |y|) / 6)^power, which log p(y) is divided by; 1 for power 0 (Wu et al. 2016, "Google's Neural
    Machine Translation System", equation 14)."""
    return ((5.0 + lengths.double()) / 6.0) ** power


def beam_search(
    next_tokens: NextTokens, count: int, sources: IntArray | None, width: int, length_penalty: float, k_best: int
) -> Found:
    """The `k_best` texts of each of `count` searches, fewer where there are fewer texts.

    A search keeps the `width` best of its ended texts and prefixes together, by log p over the length penalty of what
    is written so far. Those of width 1 write greedily; those as wide as there are texts find the best of all. A search
    ends when no prefix of its beam can lead to one of the k best any more.
    """
    device, blank, horizon = next_tokens.device, next_tokens.vocab_size, next_tokens.horizon
    tokens = torch.full((count, 1, horizon), blank, dtype=torch.int64, device=device)  # (N, S, T)
    log_probs = torch.zeros(count, 1, dtype=torch.float64, device=device)  # -inf: an empty slot
    scores, ended = log_probs, torch.zeros(count, 1, dtype=torch.bool, device=device)
    lengths = torch.zeros(count, 1, dtype=torch.int64, device=device)
    state = next_tokens.begin(count, sources)
    fan = min(width, blank)
    longest = length_penalty_of(torch.tensor(horizon, device=device), length_penalty)
    for t in range(horizon):
        # The state has a row for each prefix, in this order.
        search, slot = (~ended & (log_probs > -torch.inf)).nonzero(as_tuple=True)
        if not len(search):
            break
        found, state = next_tokens.log_probs(tokens[search, slot], t, state)
        values, ids = largest(found, fan)
        slots = log_probs.shape[1]
        grown = torch.full((count, slots, fan), -torch.inf, dtype=torch.float64, device=device)
        grown[search, slot] = log_probs[search, slot].unsqueeze(1) + values
        written = torch.full((count, slots, fan), blank, dtype=torch.int64, device=device)
        written[search, slot] = ids
        row_of = torch.zeros(count, slots, dtype=torch.int64, device=device)
        row_of[search, slot] = torch.arange(len(search), device=device)

        # What has ended stands before what grows, (N, S + S F).
        grown, written = grown.flatten(1), written.flatten(1)
        log_probs = torch.cat([log_probs.masked_fill(~ended, -torch.inf), grown], 1)
        ended = torch.cat([ended, next_tokens.end(written, t + 1)], 1)
        lengths = torch.cat([lengths, torch.full_like(written, t + 1)], 1)
        scores, best = largest(log_probs / length_penalty_of(lengths, length_penalty), min(width, log_probs.shape[1]))
        most = int((scores > -torch.inf).sum(1).amax())
        scores, best = scores[:, :most], best[:, :most]
        log_probs, ended, lengths = (each.gather(1, best) for each in (log_probs, ended, lengths))
        ended &= log_probs > -torch.inf
        grows = best >= slots
        at = (best - slots).clamp(min=0)
        parent = torch.where(grows, at // fan, best)
        tokens = tokens.gather(1, parent.unsqueeze(2).expand(-1, -1, horizon))
        tokens[..., t] = torch.where(grows, written.gather(1, at), tokens[..., t])

        # A prefix gains no probability, and loses at most to the penalty of the longest text.
        hope = (log_probs / longest).masked_fill(ended, -torch.inf).amax(1)
        if most >= k_best:
            sure = scores.masked_fill(~ended, -torch.inf).topk(k_best, 1).values[:, -1]
            log_probs = log_probs.masked_fill((sure >= hope).unsqueeze(1) & ~ended, -torch.inf)
        state = rows_of(state, row_of.gather(1, parent)[~ended & (log_probs > -torch.inf)])
    scores = scores.masked_fill(~ended, -torch.inf)
    search, rank = (ended & (ended.cumsum(1) <= k_best)).nonzero(as_tuple=True)
    return Found(tokens[search, rank], log_probs[search, rank], scores[search, rank], search)


def largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of each row of `values` (N, M), the largest first, and where they stand; of several that are
    equal, the first."""
    if count >= values.shape[1]:
        ordered, order = values.sort(dim=1, descending=True, stable=True)
        return ordered, order
    top = values.topk(count + 1, 1)
    # topk does not say which of equals it takes.
    equal = (top.values[:, 1:] == top.values[:, :-1]) & (top.values[:, 1:] > -torch.inf)
    if bool(equal.any()):
        ordered, order = values.sort(dim=1, descending=True, stable=True)
        return ordered[:, :count], order[:, :count]
    return top.values[:, :count], top.indices[:, :count]
