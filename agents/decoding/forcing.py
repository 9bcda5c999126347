"""Texts that an agent is made to write: given ones, token by token, and those that go on from a given prefix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from agents.decoding.drawing import adjusted
from agents.decoding.next_tokens import NextTokens, rows_of
from agents.protocol import IntArray
from textgen_env.models.sampling import inverse_softmax


def along(
    next_tokens: NextTokens, tokens: Tensor, sources: IntArray | None = None
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Walk along texts (N, T), blanks after their ends: for each position t the rows (K,) of the texts that have a
    token there, and log p (K, V) float64 of what the agent would write in its place, given the text before it.

    Raises:
        FloatingPointError, ValueError: as `NextTokens.log_probs`.
    """
    rows = torch.arange(len(tokens), device=tokens.device)
    state = next_tokens.begin(len(tokens), sources)
    for t in range(next_tokens.horizon):
        there = (tokens[rows, t] != next_tokens.vocab_size).nonzero().squeeze(1)
        if not len(there):
            return
        if len(there) < len(rows):
            rows, state = rows[there], rows_of(state, there)
        log_probs, state = next_tokens.log_probs(tokens[rows], t, state)
        yield t, rows, log_probs


def log_probs_at(
    next_tokens: NextTokens, tokens: Tensor, sources: IntArray | None, temperatures: Sequence[float]
) -> Tensor:
    """log p (K, N) float64 of texts (N, T) under the agent at each of K temperatures, the game's masks applied; -inf
    for a text that it never writes."""
    found = torch.zeros(len(temperatures), len(tokens), dtype=torch.float64, device=tokens.device)
    for t, rows, log_probs in along(next_tokens, tokens, sources):
        for sums, temperature in zip(found, temperatures, strict=True):
            sums[rows] += adjusted(log_probs, temperature).gather(1, tokens[rows, t].unsqueeze(1)).squeeze(1)
    return found


def continued(
    next_tokens: NextTokens, prefixes: Tensor, length: int, uniforms: Tensor, sources: IntArray | None = None
) -> Tensor:
    """Texts (N, T) that begin with the first `length` tokens of `prefixes` (N, T), none of which has ended by then, and
    go on as the agent draws by the numbers `uniforms` (N, T) float64 in [0, 1), number t for token t.

    With `length` 0 they are texts of the agent's own, and the tokens after any prefix of such a text are those that it
    would be continued by.
    """
    count = len(prefixes)
    tokens = torch.full_like(prefixes, next_tokens.vocab_size)
    tokens[:, :length] = prefixes[:, :length]
    rows = torch.arange(count, device=tokens.device)
    state = next_tokens.begin(count, sources)
    for t in range(next_tokens.horizon):
        log_probs, state = next_tokens.log_probs(tokens[rows], t, state)
        if t < length:
            continue
        tokens[rows, t] = inverse_softmax(log_probs, uniforms[rows, t])
        going = (~next_tokens.end(tokens[rows, t], t + 1)).nonzero().squeeze(1)
        if not len(going):
            break
        if len(going) < len(rows):
            rows, state = rows[going], rows_of(state, going)
    return tokens
