"""What was written lately, to be learned from more than once (Lin 1992, "Self-improving reactive agents based on
reinforcement learning, planning and teaching")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.data.episodes import Episodes
from agents.data.text_spec import TextSpec
from textgen_env.checks import check_at_least


class ReplayBuffer:
    """The latest `capacity` whole texts with what their tokens earned, in a ring.

    Masks take T * V bytes a text; there is room for them only once a text comes with some.

    Args:
        spec: the texts' shape.
        capacity: texts, >= 1.

    Attributes:
        added: texts, in all of its use.

    Raises:
        TypeError, ValueError: a capacity that is no whole number, or below 1.
    """

    def __init__(self, spec: TextSpec, capacity: int) -> None:
        self.spec, self.capacity = spec, check_at_least("capacity", capacity)
        self.added = 0
        self._arrays: dict[str, NDArray[Any]] = {
            "tokens": np.full((capacity, spec.max_length), spec.vocab_size, np.int64),
            "lengths": np.zeros(capacity, np.int64),
            "rewards": np.zeros((capacity, spec.max_length)),
        }
        if spec.conditional:
            self._arrays["sources"] = np.zeros((capacity, spec.source_length), np.int64)

    def __len__(self) -> int:
        """Texts it holds."""
        return min(self.added, self.capacity)

    def add(self, episodes: Episodes) -> None:
        """Takes texts in, in place of the oldest; of more than `capacity`, the last.

        Raises:
            ValueError: texts of another shape.
        """
        count, (horizon, conditional) = len(episodes.tokens), (self.spec.max_length, self.spec.conditional)
        if episodes.tokens.shape != (count, horizon) or (episodes.sources is not None) != conditional:
            has = "no sources" if episodes.sources is None else "sources"
            raise ValueError(f"episodes: texts {episodes.tokens.shape} with {has} do not fit a buffer of {self.spec}")
        if episodes.masks is not None and "masks" not in self._arrays:
            self._arrays["masks"] = self._no_masks()
        kept = slice(max(0, count - self.capacity), count)
        at = (self.added + np.arange(count)[kept]) % self.capacity
        for name, array in self._arrays.items():
            given = getattr(episodes, name)
            array[at] = True if given is None else given[kept]
        self.added += count

    def sample(self, count: int, generator: torch.Generator) -> Episodes:
        """`count` texts, each drawn from all that it holds, with replacement; without `source_rows` and
        `tokens_written`, which are not kept.

        Raises:
            ValueError: it is empty.
        """
        if not len(self):
            raise ValueError("the replay buffer is empty; add episodes before sampling from it")
        drawn = torch.randint(len(self), (check_at_least("count", count),), generator=generator).numpy()
        found = {name: array[drawn] for name, array in self._arrays.items()}
        return Episodes(
            found["tokens"],
            found["lengths"],
            found["rewards"],
            found.get("sources"),
            None,
            found.get("masks"),
            tokens_written=0,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """All that it holds, as tensors."""
        held = {name: torch.from_numpy(array[: len(self)]) for name, array in self._arrays.items()}
        return {**held, "added": torch.tensor(self.added)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Becomes the buffer whose `state_dict` it is.

        Raises:
            KeyError: an array is missing.
            ValueError: one of another shape or type.
        """
        self.added = int(state["added"])
        if "masks" in state:
            self._arrays["masks"] = self._no_masks()
        for name, array in self._arrays.items():
            found = state[name].numpy()
            if found.shape != (len(self), *array.shape[1:]) or found.dtype != array.dtype:
                raise ValueError(
                    f"replay: {name} is {found.dtype} {found.shape}, expected {array.dtype} "
                    f"{(len(self), *array.shape[1:])}"
                )
            array[: len(self)] = found

    def _no_masks(self) -> NDArray[np.bool_]:
        return np.ones((self.capacity, self.spec.max_length, self.spec.vocab_size), np.bool_)
