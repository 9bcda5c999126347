"""A task whose texts are easily told from random ones, for rewards that learn to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from textgen_env.tasks.base import BaseTask, SourceTable, pad
from textgen_env.vocabulary import Texts, Vocabulary

VOCAB_SIZE, MAX_LENGTH = 20, 6
SMALL = {"embedding_size": 8, "widths": [1, 2], "counts": [8, 8], "update_every": 16, "batch_size": 16}


class RisingTask(BaseTask):
    """Real texts count upwards and then end; token 0 is the end."""

    def __init__(self, count: int = 500, sources: SourceTable | None = None) -> None:
        self.vocabulary = Vocabulary([str(i) for i in range(VOCAB_SIZE)], eos="0")
        self.max_length = MAX_LENGTH
        self.sources = sources
        rng = np.random.default_rng(0)
        starts = rng.integers(1, VOCAB_SIZE - MAX_LENGTH, count)
        stops = rng.integers(2, MAX_LENGTH, count)
        self.real = pad([[*range(a, a + n), 0] for a, n in zip(starts, stops, strict=True)], MAX_LENGTH, VOCAB_SIZE)

    def training_sequences(self) -> Texts:
        return self.real


def written(count: int, seed: int = 0) -> Texts:
    """Texts of as many tokens as real ones have, each token drawn uniformly."""
    rng = np.random.default_rng(seed)
    rows = [[*rng.integers(1, VOCAB_SIZE, n), 0] for n in rng.integers(2, MAX_LENGTH, count)]
    return pad(rows, MAX_LENGTH, VOCAB_SIZE)


def assert_same_state(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name
