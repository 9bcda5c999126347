"""Training texts of a task in batches, in an order that the seed decides."""

from __future__ import annotations

import numpy as np
import torch

from agents.data.text_batch import TextBatch
from agents.data.text_spec import TextSpec
from agents.protocol import Envs
from textgen_env import text_game
from textgen_env.models.sampling import seeded_generator


class TrainingTexts:
    """Training texts of a task in passes without end, each in an order of its own.

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
        task = text_game(envs).task
        self._texts = texts = task.training_sequences()
        if not len(texts.tokens):
            raise ValueError(f"{type(task).__name__}.training_sequences() is empty; there is nothing to learn from")
        self.count = len(texts.tokens)
        self.batches_per_pass = -(-self.count // batch_size)
        self._batch_size, self._seed, self._device = batch_size, seed, device
        self._source_table = task.sources.tokens if spec.conditional and task.sources is not None else None
        self._pass, self._order = -1, np.empty(0, np.int64)

    def batch(self, number: int) -> TextBatch:
        """Batch `number` >= 0, counted from the first of the first pass."""
        which, position = divmod(number, self.batches_per_pass)
        if which != self._pass:
            order = torch.randperm(self.count, generator=seeded_generator(self._seed, which))
            self._pass, self._order = which, order.numpy()
        begun = position * self._batch_size
        rows = self._order[begun : begun + self._batch_size]
        tokens, table = self._texts.tokens[rows], self._source_table
        source_rows = None if table is None or self._texts.sources is None else self._texts.sources[rows]
        return TextBatch(
            tokens,
            self._texts.lengths[rows],
            np.zeros(tokens.shape),
            None if table is None or source_rows is None else table[source_rows],
            source_rows,
            scored=False,
            device=self._device,
        )
