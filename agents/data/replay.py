"""Memory of the latest texts, to be learned from more than once (Lin 1992, "Self-improving reactive agents based on
reinforcement learning, planning and teaching")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.data.text_batch import AllowedTokens, TextBatch
from agents.data.text_spec import TextSpec
from textgen_env.checks import check_at_least, check_room


class ReplayBuffer:
    """Ring of the latest `capacity` whole texts with what their tokens earned.

    Masks are not among it: they are computed anew, by the rule of the game that texts were last added from.

    Args:
        spec: the texts' shape.
        capacity: texts, >= 1.

    Attributes:
        added: texts, in all of its use.
        allowed_tokens: rule of the game that the latest texts were written in; see `TextBatch`.

    Raises:
        TypeError, ValueError: a capacity that is no whole number, or below 1.
    """

    def __init__(self, spec: TextSpec, capacity: int) -> None:
        self.spec, self.capacity = spec, check_at_least("capacity", capacity)
        check_room(f"capacity={capacity}, max_length={spec.max_length}", capacity, spec.max_length)
        self.added = 0
        self.allowed_tokens: AllowedTokens | None = None
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

    def add(self, batch: TextBatch) -> None:
        """Takes texts in, in place of the oldest; of more than `capacity`, the last.

        Raises:
            ValueError: texts of another shape.
        """
        count, (horizon, conditional) = len(batch.tokens), (self.spec.max_length, self.spec.conditional)
        if batch.tokens.shape != (count, horizon) or (batch.sources is not None) != conditional:
            has = "no sources" if batch.sources is None else "sources"
            raise ValueError(f"batch: texts {batch.tokens.shape} with {has} do not fit a buffer of {self.spec}")
        kept = slice(max(0, count - self.capacity), count)
        at = (self.added + np.arange(count)[kept]) % self.capacity
        for name, array in self._arrays.items():
            array[at] = getattr(batch, name)[kept]
        self.added += count
        self.allowed_tokens = batch.allowed_tokens

    def sample(self, count: int, generator: torch.Generator) -> TextBatch:
        """`count` texts, each drawn from all that it holds, with replacement; without `source_rows` and
        `tokens_written`, which are not kept.

        Raises:
            ValueError: it is empty.
        """
        if not len(self):
            raise ValueError("the replay buffer is empty; add texts before sampling from it")
        drawn = torch.randint(len(self), (check_at_least("count", count),), generator=generator).numpy()
        found = {name: array[drawn] for name, array in self._arrays.items()}
        return TextBatch(**found, allowed_tokens=self.allowed_tokens)

    def state_dict(self) -> dict[str, Tensor]:
        """All that it holds, as tensors."""
        held = {name: torch.from_numpy(array[: len(self)]) for name, array in self._arrays.items()}
        return {**held, "added": torch.tensor(self.added)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Becomes the buffer whose `state_dict` it is; what else `state` has is left.

        Raises:
            KeyError: an array is missing.
            ValueError: one of another shape or type.
        """
        self.added = int(state["added"])
        for name, array in self._arrays.items():
            found = state[name].numpy()
            if found.shape != (len(self), *array.shape[1:]) or found.dtype != array.dtype:
                raise ValueError(
                    f"replay: {name} is {found.dtype} {found.shape}, expected {array.dtype} "
                    f"{(len(self), *array.shape[1:])}"
                )
            array[: len(self)] = found
