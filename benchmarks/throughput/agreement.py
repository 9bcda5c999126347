"""Agreement of two works: they are compared in speed only where they do the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def check_agreement(name: str, ours: ArrayLike, reference_name: str, reference: ArrayLike, tolerance: float) -> None:
    """Nothing, where all numbers agree to `tolerance`, relative to the largest of them if that is above 1.

    Raises:
        ArithmeticError: they do not.
    """
    found, wanted = np.asarray(ours, np.float64), np.asarray(reference, np.float64)
    largest = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    difference = float(np.abs(found - wanted).max(initial=0.0)) / largest
    if not difference <= tolerance:
        raise ArithmeticError(
            f"{name} differs from {reference_name} by {difference:.3g}; at most {tolerance:g} is right"
        )
