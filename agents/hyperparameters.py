"""Checks of hyperparameters."""

from __future__ import annotations

import math


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
