"""Reading a task's training texts: the batches, and the update that makes their tokens likelier."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.data.text_spec import TextSpec
from agents.functional.returns import written
from agents.protocol import Envs
from textgen_env.models.sampling import seeded_generator


@dataclass(frozen=True)
class Batch:
    """Of B training texts: tokens (B, T), written (B, T) bool, and for a conditional task sources (B, S) and their rows
    (B,) of the source table."""

    tokens: Tensor
    written: Tensor
    sources: Tensor | None
    source_rows: Tensor | None = None

    def __str__(self) -> str:
        """What errors say of it."""
        lengths = self.written.sum(1)
        return f"{len(lengths)} training texts of {int(lengths.min())} to {int(lengths.max())} tokens"


class TrainingTexts:
    """The training texts of a task in passes without end, each in an order of its own.

    Batch number n is a function of the seed and n: whoever knows how many batches were read goes on with the next.

    Args:
        envs: whose task has the texts.
        spec: the texts' shape.
        batch_size: texts in a batch; the last of a pass may have fewer.
        seed: of the orders.
        device: the batches' tensors are on it.

    Raises:
        ValueError: the task has no training texts.
    """

    def __init__(self, envs: Envs, spec: TextSpec, batch_size: int, seed: int, device: torch.device) -> None:
        task = envs.unwrapped.task  # type: ignore[attr-defined]
        texts = task.training_sequences()
        if not len(texts.tokens):
            raise ValueError(f"{type(task).__name__}.training_sequences() is empty; there is nothing to learn from")
        self.count = len(texts.tokens)
        self.batches_per_pass = -(-self.count // batch_size)
        self._batch_size, self._seed = batch_size, seed
        self._tokens = torch.tensor(texts.tokens, device=device)
        self._written = torch.from_numpy(written(texts.lengths, spec.max_length)).to(device)
        self._sources = torch.tensor(task.sources.tokens[texts.sources], device=device) if spec.conditional else None
        self._source_rows = torch.tensor(texts.sources, device=device) if spec.conditional else None
        self._pass, self._order = -1, torch.empty(0, dtype=torch.int64)

    def batch(self, number: int) -> Batch:
        """Batch `number` >= 0, counted from the first of the first pass."""
        which, position = divmod(number, self.batches_per_pass)
        if which != self._pass:
            self._pass, self._order = which, torch.randperm(self.count, generator=seeded_generator(self._seed, which))
        begun = position * self._batch_size
        rows = self._order[begun : begun + self._batch_size].to(self._tokens.device)
        given = (None if part is None else part[rows] for part in (self._sources, self._source_rows))
        return Batch(self._tokens[rows], self._written[rows], *given)
