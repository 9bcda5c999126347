"""Small language models with random parameters, and texts for them."""

from __future__ import annotations

import torch

from textgen_env.models.language_model import Cell, LanguageModel

CELLS: tuple[Cell, ...] = ("lstm", "gru")


def generator(seed: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def built(cell: Cell, vocab_size: int = 11, start_id: int | None = None, std: float = 1.0) -> LanguageModel:
    """A model with random parameters, whose start has an embedding of its own."""
    model = LanguageModel(vocab_size, 5, 6, cell, vocab_size if start_id is None else start_id)
    return model.initialise(generator(), std)


def texts(count: int = 9, horizon: int = 7, vocab_size: int = 11) -> tuple[torch.Tensor, torch.Tensor]:
    """Random tokens and lengths, blanks after the end."""
    lengths = torch.arange(count) % horizon + 1
    tokens = torch.randint(vocab_size, (count, horizon), generator=generator(1))
    tokens[torch.arange(horizon) >= lengths[:, None]] = vocab_size
    return tokens, lengths
