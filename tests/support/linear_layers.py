"""Linear layers over hidden states, drawn at random, and masks of their rows."""

from __future__ import annotations

import torch
from torch import Tensor

from textgen_env.models.linear_distribution import ForbiddenRows, Layer


def layer_of(
    rows: int, vocab_size: int, size: int = 8, scale: float = 1.0, dtype: torch.dtype = torch.float32, seed: int = 0
) -> tuple[Layer, Tensor]:
    """A layer, and a token of each of its rows."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, size, generator=generator, dtype=dtype)
    weight = scale * torch.randn(vocab_size, size, generator=generator, dtype=dtype)
    bias = scale * torch.randn(vocab_size, generator=generator, dtype=dtype)
    return Layer(hidden, weight, bias), torch.randint(vocab_size, (rows,), generator=generator)


def rule(forbidden: Tensor | None) -> ForbiddenRows | None:
    """Masks (N, V) as a pass over the rows asks for them."""
    return None if forbidden is None else lambda rows: forbidden[rows]
