"""The hash of the n-gram table, for compiled loops and for NumPy alike."""

from __future__ import annotations

from typing import Any

import numpy as np

# 2^64 divided by the golden ratio: Knuth, "The Art of Computer Programming", volume 3, section 6.4.
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def home_slot(key: Any, shift: Any) -> Any:
    """Where a table of 2^(64 - shift) slots is first looked at for `key` >= 0: a number or an array, int64."""
    return np.int64((np.uint64(key) * MULTIPLIER) >> np.uint64(shift))
