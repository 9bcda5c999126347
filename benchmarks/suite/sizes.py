"""Sizes of the suite: how many tokens each agent has, how it is measured, and how small each environment is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations, product
from types import MappingProxyType
from typing import Any

from benchmarks.specs.experiment import Evaluation

ANIMALS = ("dog", "cat", "horse", "bird")
# Texts and pairs of our own for the ids that cannot do without: sentences of three animals, and letters turned round.
TEXTS = [
    f"the {a} {verb} the {b} {end}"
    for (a, b), verb, end in product(permutations(ANIMALS, 2), ("sees", "hears"), (".", "again .", "?"))
]
PAIRS = [(" ".join(letters), " ".join(reversed(letters))) for letters in product("abcd", repeat=3)]
NEEDED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"corpus": {"texts": TEXTS, "test_size": 12}, "parallel": {"pairs": PAIRS, "test_size": 12}}
)
"""Task -> what its ids cannot be made without."""
SMALL_DISCRIMINATOR: Mapping[str, Any] = MappingProxyType(
    {"name": "discriminator", "embedding_size": 16, "widths": [1, 2, 3], "counts": [16, 16, 16]}
)


@dataclass(frozen=True)
class SuiteSize:
    """Size of the suite.

    Attributes:
        name: of the size.
        description: one line.
        tokens: of training, each agent's.
        seeds: of each agent on each environment.
        tasks: name of a task -> arguments that make it small; its ids are of no suite without an entry.
        evaluation: of every run.
    """

    name: str
    description: str
    tokens: int
    seeds: tuple[int, ...]
    tasks: Mapping[str, Mapping[str, Any]]
    evaluation: Evaluation


SIZES: Mapping[str, SuiteSize] = MappingProxyType(
    {
        "laptop": SuiteSize(
            "laptop",
            "every agent that applies on every environment that needs no fetched data; 40 minutes on one core",
            tokens=6_000,
            seeds=(0, 1, 2, 3, 4),
            tasks={
                "tiny": {},
                "oracle": {"vocab_size": 30, "max_length": 8, "train_size": 375, "test_size": 1_000},
                "captions": {"max_length": 12, "train_size": 300, "test_size": 1_000},
                "number_words": {"max_number": 99},
                "corpus": NEEDED["corpus"],
                "parallel": NEEDED["parallel"],
                "transcribe": {"max_length": 12, "train_size": 300, "validation_size": 10, "test_size": 1_000},
            },
            evaluation=Evaluation(
                points=2, episodes=64, final_episodes=512, sample_texts=2, test_texts=1_000, measures=("distinct_2",)
            ),
        ),
        "tiny": SuiteSize(
            "tiny",
            "the same with a few hundred tokens, to see it run: two small environments, two seeds",
            tokens=400,
            seeds=(0, 1),
            tasks={
                "tiny": {"train_size": 50, "test_size": 50},
                "parallel": {"pairs": PAIRS[:12], "test_size": 4},
            },
            evaluation=Evaluation(
                points=1, episodes=16, final_episodes=32, sample_texts=1, test_texts=50, measures=("distinct_2",)
            ),
        ),
    }
)
