"""Small language models with random parameters, and texts for them."""

from __future__ import annotations

import numpy as np
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


def oracle_arrays(model: LanguageModel) -> dict[str, np.ndarray]:
    """The parameters of an LSTM under the names that the released oracle has them by."""
    state, size = {key: value.numpy() for key, value in model.state_dict().items()}, model.hidden_size
    arrays = {"embeddings": state["embedding.weight"], "Wo": state["output.weight"].T, "bo": state["output.bias"]}
    # torch stacks the gates in the order input, forget, candidate, output.
    for part, gate in enumerate(("i", "f", "c", "og")):
        rows = slice(size * part, size * part + size)
        arrays[f"W{gate}"] = state["rnn.weight_ih_l0"][rows].T
        arrays[f"U{gate}"] = state["rnn.weight_hh_l0"][rows].T
        arrays[f"b{gate}"] = state["rnn.bias_ih_l0"][rows]
    return arrays
