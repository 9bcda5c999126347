"""First layer of a network for token ids, for libraries whose networks are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen_env.checks import check_at_least


class TokenEncoder(nn.Module):
    """Embeddings of the tokens that an environment shows, side by side: (..., F), the blank among them.

    `nn.Sequential(TokenEncoder(space), nn.Linear(encoder.out_features, 128), ...)` takes what the environment shows.

    Args:
        space: observation space of one environment: Box (T,) of ids, Dict(source, tokens), or the MultiDiscrete of
            `textgen_env.wrappers.MultiDiscreteObservation`. Sources and tokens have a table each.
        embedding_size: E of a token.
        flattened: whether the library itself lays the parts of a Dict side by side, in the order of its keys.

    Attributes:
        out_features: F = (S + T) * E.

    Raises:
        TypeError: another space.
    """

    def __init__(self, space: spaces.Space[Any], embedding_size: int = 32, flattened: bool = False) -> None:
        super().__init__()
        check_at_least("embedding_size", embedding_size)
        runs = _runs(space)
        self.widths = [width for width, _ in runs]
        self.tables = nn.ModuleList(nn.Embedding(count, embedding_size) for _, count in runs)
        self.out_features = sum(self.widths) * embedding_size
        self.keys = list(space.spaces) if isinstance(space, spaces.Dict) and not flattened else None

    def forward(self, observation: Any) -> Tensor:
        """(..., F) of ids (..., S + T), of any dtype, a tensor or an array; or of a mapping of such, "source" (..., S)
        and "tokens" (..., T)."""
        if self.keys is None:
            parts = torch.split(self._tensor(observation), self.widths, -1)
        else:
            parts = tuple(self._tensor(observation[key]) for key in self.keys)
        embedded = [table(ids).flatten(-2) for table, ids in zip(self.tables, parts, strict=True)]
        return embedded[0] if len(embedded) == 1 else torch.cat(embedded, -1)

    def _tensor(self, ids: Tensor | NDArray[Any]) -> Tensor:
        table: Any = self.tables[0]
        return torch.as_tensor(ids, device=table.weight.device).long()


def _runs(space: spaces.Space[Any]) -> list[tuple[int, int]]:
    """(places, ids) of each part of an observation, the blank counted."""
    parts = list(space.spaces.values()) if isinstance(space, spaces.Dict) else [space]
    found: list[tuple[int, int]] = []
    for part in parts:
        if isinstance(part, spaces.MultiDiscrete) and part.nvec.ndim == 1:
            # A source's places have one size, those of the text another.
            changes = np.flatnonzero(np.diff(part.nvec)) + 1
            found += [(len(run), int(run[0])) for run in np.split(part.nvec, changes)]
        elif isinstance(part, spaces.Box) and len(part.shape) == 1 and np.issubdtype(part.dtype, np.integer):
            found.append((part.shape[0], int(part.high.max()) + 1))
        else:
            raise TypeError(
                f"space={space} must be Box (T,) of token ids, a Dict of such, or MultiDiscrete; give the space of one "
                "environment: envs.single_observation_space"
            )
    return found
