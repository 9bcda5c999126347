"""The same reward for every text: the control that a learned or measured reward is held against."""

from __future__ import annotations

import math

import numpy as np

from textgen_env.checks import is_number
from textgen_env.rewards.base import BaseReward, FloatArray
from textgen_env.tasks.base import Sources
from textgen_env.vocabulary import IntArray


class ConstantReward(BaseReward):
    """score(x) = `value` for every text that has a token; no unit.

    The policy gradient of a constant reward is 0 in expectation; without a baseline its noise still sharpens a policy.
    An algorithm that gains no more by its reward than by this one has learned nothing from the reward.

    Args:
        value: finite.

    Raises:
        TypeError: not a number.
        ValueError: not finite.
    """

    name = "constant"

    def __init__(self, value: float = 1.0) -> None:
        if not is_number(value):
            raise TypeError(f"value={value!r} must be a number, got {type(value).__name__}")
        if not math.isfinite(value):
            raise ValueError(f"value={value!r} must be finite")
        self.value = float(value)

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The constant (N,)."""
        return np.full(len(tokens), self.value)
