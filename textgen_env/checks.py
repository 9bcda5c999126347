"""Checks of arguments: whole numbers, numbers, choices, truth values."""

from __future__ import annotations

import math

import numpy as np


def check_at_least(name: str, value: int, least: int = 1) -> int:
    """`value` if it is a whole number >= `least`.

    Raises:
        TypeError: not a whole number.
        ValueError: too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}={value!r} must be a whole number >= {least}, got {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name}={value!r} must be a whole number >= {least}")
    return int(value)


def check_number(
    name: str, value: float, above: float | None = None, least: float = 0.0, most: float = math.inf
) -> None:
    """Refuses a hyperparameter out of range: `least` <= value <= `most`, or `above` < value <= `most`.

    Raises:
        TypeError: not a number.
        ValueError: out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}={value!r} must be a number, got {type(value).__name__}")
    low = value >= least if above is None else value > above
    if not low or not value <= most or math.isinf(value):
        bound = f"at least {least:g}" if above is None else f"above {above:g}"
        raise ValueError(f"{name}={value!r} must be {bound}" + ("" if math.isinf(most) else f" and at most {most:g}"))


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Refuses a `value` that is not among `allowed`.

    Raises:
        ValueError: naming those allowed.
    """
    if value not in allowed:
        raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}")
