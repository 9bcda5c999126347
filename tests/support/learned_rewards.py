"""Rewards that learn, and a small game for them: fast to make and to teach."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, Any] = {"vocab_size": 20, "max_length": 6, "train_size": 40, "test_size": 10}
LEARNED: dict[str, Any] = {
    "update_every": 8,
    "steps": 2,
    "batch_size": 8,
    "embedding_size": 4,
    "widths": [1, 2],
    "counts": [4, 4],
}
REWARDS: dict[str, Any] = {
    "discriminator": {"name": "discriminator", **LEARNED},
    "ranker": {"name": "ranker", **LEARNED, "reference_size": 4, "comparison_size": 4},
    "sum": {"name": "sum", "parts": [[1.0, {"name": "discriminator", **LEARNED}], [0.1, "likelihood"]]},
}
