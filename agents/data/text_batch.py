"""Batch of whole texts on its way from the environment, or from a task's data, to the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from agents.functional.returns import written
from agents.protocol import BoolArray, FloatArray, IntArray
from textgen_env import Texts
from textgen_env.models.linear_distribution import FORBIDDEN_LOGIT, ForbiddenRows

AllowedTokens = Callable[[IntArray, IntArray], BoolArray | None]
"""Rule of a game: which token may follow each of the prefixes (K, T), (K,), bool (K, V), or None where every token may;
see `textgen_env.TextGame.allowed_tokens`."""
# Entries of masks held at once.
CHUNK_MASKS = 4_000_000


@dataclass(frozen=True, eq=False)
class TextBatch:
    """Batch of M whole texts. Arrays are NumPy's; their tensors are made once, when they are first asked for.

    Masks are a function of the prefix: the batch holds the game's rule, and computes what it needs anew.

    Attributes:
        tokens: (M, T) int64, blank after the end.
        lengths: (M,) int64.
        rewards: (M, T) float64, what each token earned; 0 after the end.
        sources: (M, S) int64 source tokens, or None.
        source_rows: (M,) int64 rows of the source table, or None.
        given: (M,) int64, how many tokens at its start the policy did not write; None: it wrote all of them.
        greedy_returns: (M,) float64, of the greedy text of each text's source, where it is compared with that; or None.
        allowed_tokens: the game's rule, for tokens that are not given; None where every token may follow every prefix.
        tokens_written: in the environment to get these texts, those of further texts included.
        scored: whether the rewards are known; where they are not, as of training texts, they are 0.
        device: the tensors are on it.
    """

    tokens: IntArray
    lengths: IntArray
    rewards: FloatArray
    sources: IntArray | None = None
    source_rows: IntArray | None = None
    given: IntArray | None = None
    greedy_returns: FloatArray | None = None
    allowed_tokens: AllowedTokens | None = field(default=None, repr=False)
    tokens_written: int = 0
    scored: bool = True
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __len__(self) -> int:
        """M."""
        return len(self.tokens)

    def __str__(self) -> str:
        """Description for errors."""
        kind, lengths, returns = "texts" if self.scored else "training texts", self.lengths, self.returns
        said = f"{len(lengths)} {kind} of {lengths.min()} to {lengths.max()} tokens"
        if not self.scored:
            return said
        return f"{said}, returns {returns.min():.6g} to {returns.max():.6g}, mean {returns.mean():.6g}"

    @property
    def texts(self) -> Texts:
        """The texts with the rows of their sources."""
        return Texts(self.tokens, self.lengths, self.source_rows)

    @property
    def returns(self) -> FloatArray:
        """(M,) the sum of each text's rewards."""
        return np.asarray(self.rewards.sum(1))

    @cached_property
    def token_ids(self) -> Tensor:
        """`tokens` on the device."""
        return torch.from_numpy(self.tokens).to(self.device)

    @cached_property
    def written(self) -> Tensor:
        """(M, T) bool on the device: which positions hold a token."""
        return torch.from_numpy(written(self.lengths, self.tokens.shape[1])).to(self.device)

    @cached_property
    def source_ids(self) -> Tensor | None:
        """`sources` on the device."""
        return None if self.sources is None else torch.from_numpy(self.sources).to(self.device)

    def to(self, device: torch.device) -> Self:
        """The batch with its tensors on `device`."""
        return self if device == self.device else replace(self, device=device)

    def take(self, rows: IntArray) -> Self:
        """The texts numbered `rows` (K,)."""
        parts = {name: getattr(self, name) for name in _ARRAYS}
        return replace(self, **{name: part[rows] for name, part in parts.items() if part is not None})

    def masked_logits(self, logits: Tensor) -> Tensor:
        """`logits` (M, T, V) of each token, where those that the game does not allow have probability 0."""
        return logits if self.allowed_tokens is None else _fill_forbidden(logits, self, FORBIDDEN_LOGIT)

    def forbidden(self, vocab_size: int) -> ForbiddenRows | None:
        """Which tokens the game did not allow where tokens were written, which are numbered text by text; none where a
        token was given. None if the game allows all."""
        if self.allowed_tokens is None:
            return None
        texts, positions = written(self.lengths, self.tokens.shape[1]).nonzero()

        def of(rows: slice) -> Tensor | None:
            which, at = texts[rows], positions[rows]
            own = np.ones(len(at), np.bool_) if self.given is None else at >= self.given[which]
            allowed = self._allowed(which[own], at[own], vocab_size)
            if allowed is None:
                return None
            forbidden = np.zeros((len(at), vocab_size), np.bool_)
            forbidden[own] = ~allowed
            return torch.from_numpy(forbidden).to(self.device)

        return of

    def masks(self, vocab_size: int) -> Iterator[tuple[slice, BoolArray]]:
        """A few texts at a time, their rows and which tokens were allowed (K, T, V) where each was written; all of them
        where a token was given, and past the end. Nothing is kept.

        Raises:
            ValueError: the rule's masks have another shape.
        """
        count, horizon = self.tokens.shape
        size = max(1, CHUNK_MASKS // (horizon * vocab_size))
        for begun in range(0, count, size):
            rows = slice(begun, begun + size)
            yield rows, self._masks_of(rows, vocab_size)

    def _masks_of(self, rows: slice, vocab_size: int) -> BoolArray:
        tokens, lengths = self.tokens[rows], self.lengths[rows]
        horizon = tokens.shape[1]
        masks = np.ones((*tokens.shape, vocab_size), np.bool_)
        own = written(lengths, horizon)
        if self.given is not None:
            own &= ~written(self.given[rows], horizon)
        texts, positions = own.nonzero()
        allowed = self._allowed(rows.start + texts, positions, vocab_size)
        if allowed is not None:
            masks[texts, positions] = allowed
        return masks

    def _allowed(self, texts: IntArray, positions: IntArray, vocab_size: int) -> BoolArray | None:
        """Which tokens may stand at these positions (K,) of these texts (K,): (K, V), or None where all may."""
        if self.allowed_tokens is None:
            return None
        before = np.arange(self.tokens.shape[1]) < positions[:, None]
        return self.allowed_tokens(np.where(before, self.tokens[texts], vocab_size), positions)


# What `take` and `joined` take rows of.
_ARRAYS = ("tokens", "lengths", "rewards", "sources", "source_rows", "given", "greedy_returns")


def joined(parts: Sequence[TextBatch]) -> TextBatch:
    """The texts of all parts, which are of one game, one part behind the other."""

    def together(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    written_in_all = sum(part.tokens_written for part in parts)
    return replace(parts[0], **{name: together(name) for name in _ARRAYS}, tokens_written=written_in_all)


class _FillForbidden(torch.autograd.Function):
    """Fill of what is masked, by masks that are not kept for the way back but computed anew; differentiable twice."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, batch: TextBatch, fill: float) -> Tensor:
        ctx.batch = batch
        filled = values.clone()
        for rows, allowed in batch.masks(values.shape[-1]):
            filled[rows].masked_fill_(~torch.from_numpy(allowed).to(values.device), fill)
        return filled

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        return _fill_forbidden(gradient, ctx.batch, 0.0), None, None


def _fill_forbidden(values: Tensor, batch: TextBatch, fill: float) -> Tensor:
    filled: Tensor = _FillForbidden.apply(values, batch, fill)  # type: ignore[no-untyped-call]
    return filled
