"""The registered ids as tests go through them: those whose data are here, each with what makes it small."""

from __future__ import annotations

from typing import Any

import pytest

from textgen_env import TABLE
from textgen_env.environments import EnvRow

ANIMALS = ("dog", "cat", "old horse", "bird")
# What an id cannot be made without, by its task; an id of its own comes before.
NEEDED: dict[str, dict[str, Any]] = {
    "corpus": {"texts": [f"the {a} {b} the {c} ." for a in ANIMALS for b in ("sees", "hears") for c in ANIMALS]},
    "parallel": {"pairs": [(a, [b, f"a {b}"]) for a, b in zip(("un", "deux", "trois", "cinq"), ANIMALS, strict=True)]},
}
# What makes a task fast to build, by its name.
SMALL_TASKS: dict[str, dict[str, Any]] = {
    "tiny": {"train_size": 50, "test_size": 50},
    "oracle": {"vocab_size": 30, "max_length": 6, "train_size": 60, "test_size": 20},
    "captions": {"train_size": 100, "test_size": 20},
    "number_words": {"max_number": 99},
    "poems": {"train_size": 60, "test_size": 20},
    "music": {"max_length": 8, "train_size": 60},
    "corpus": {"test_size": 5},
    "parallel": {"test_size": 1, "max_length": 4},
    "speeches": {"min_count": 20, "max_length": 8},
    "transcribe": {"train_size": 60, "validation_size": 20, "test_size": 20},
}
# A discriminator that learns sees other texts in N single environments than in one of N rows.
SMALL_DISCRIMINATOR = {
    "name": "discriminator",
    "auto_update": False,
    "embedding_size": 8,
    "widths": [1, 2],
    "counts": [4, 4],
}
SMALL_REWARDS: dict[str, dict[str, Any]] = {"discriminator": {"reward": SMALL_DISCRIMINATOR}}


def needed(row: EnvRow) -> dict[str, Any]:
    """Keyword arguments that `gym.make(row.id)` cannot do without."""
    return NEEDED.get(row.id, NEEDED.get(row.task, {})) if row.needs else {}


def small(row: EnvRow) -> dict[str, Any]:
    """Those, and what makes the id fast to build, and its reward the same in every view."""
    return needed(row) | SMALL_TASKS[row.task] | SMALL_REWARDS.get(row.reward_name, {})


def lacks_data(row: EnvRow) -> bool:
    """Whether the id cannot be made here, whatever arguments it is given."""
    return bool(row.data) and "data" in row.lacks


def _parameter(row: EnvRow) -> Any:
    marks = [pytest.mark.skip(reason=f"{row.id} needs {row.lacks}")] if lacks_data(row) else []
    return pytest.param(row, marks=marks, id=row.id)


REGISTERED = [_parameter(row) for row in TABLE]
"""Every row of the table, for `pytest.mark.parametrize`; one whose data are not here is skipped, and says so."""
