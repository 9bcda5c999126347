"""Checks of arguments: whole numbers, numbers, choices, shapes of arrays."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np


def is_whole(value: object) -> bool:
    """Whether `value` is a whole number of Python's or NumPy's; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether `value` is a real number of Python's or NumPy's; True and False are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


class Shaped(Protocol):
    """An array of NumPy's, or a tensor of torch's."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its axes."""
        ...


MOST_TOKENS = 2**20
"""Tokens of a vocabulary: four times those of the largest language models."""
MOST_BYTES = 16 * 2**30
"""Memory that one array of a game or an agent may take."""


def check_at_least(name: str, value: int, least: int = 1, most: int | None = None) -> int:
    """`value` if it is a whole number >= `least`, and <= `most` if that is given.

    Raises:
        TypeError: not a whole number.
        ValueError: too small, or too large.
    """
    if not is_whole(value):
        raise TypeError(f"{name}={value!r} must be a whole number >= {least}, got {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name}={value!r} must be a whole number >= {least}")
    if most is not None and value > most:
        raise ValueError(f"{name}={value!r} must be a whole number from {least} to {most}")
    return int(value)


def check_room(what: str, *sizes: int, bytes_each: int = 8) -> None:
    """Refuses an array before memory is taken for it, if it were larger than `MOST_BYTES`.

    Args:
        what: the arguments that its sizes come from, as the caller named them: "num_envs=3, max_length=5".
        sizes: of its axes.
        bytes_each: of an entry.

    Raises:
        ValueError: saying how much it would take, and how much may be.
    """
    taken = math.prod(sizes) * bytes_each
    if taken > MOST_BYTES:
        raise ValueError(
            f"{what} would take {taken / 2**30:,.0f} GiB for one array; at most {MOST_BYTES // 2**30} GiB are allowed: "
            "make it smaller"
        )


def check_number(
    name: str, value: float, above: float | None = None, least: float = 0.0, most: float = math.inf
) -> None:
    """Refuses a hyperparameter out of range: `least` <= value <= `most`, or `above` < value <= `most`.

    Raises:
        TypeError: not a number.
        ValueError: out of range.
    """
    if not is_number(value):
        raise TypeError(f"{name}={value!r} must be a number, got {type(value).__name__}")
    low = value >= least if above is None else value > above
    if not low or not value <= most or math.isinf(value):
        bound = f"at least {least:g}" if above is None else f"above {above:g}"
        raise ValueError(f"{name}={value!r} must be {bound}" + ("" if math.isinf(most) else f" and at most {most:g}"))


def check_bool(name: str, value: object) -> None:
    """Refuses a `value` that is neither True nor False.

    Raises:
        TypeError: another type.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} must be True or False, got {type(value).__name__}")


def check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Refuses a `value` that is not among `allowed`.

    Raises:
        ValueError: naming those allowed.
    """
    if value not in allowed:
        raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}")


def check_shape(name: str, array: Shaped, expected: tuple[int | str, ...]) -> tuple[int, ...]:
    """The shape of `array`, if it is as expected.

    Args:
        name: of the argument.
        expected: the size of each axis; a letter, such as "N", where any size will do.

    Raises:
        ValueError: another number of axes, or of another size.
    """
    shape = tuple(array.shape)
    if len(shape) != len(expected) or any(
        found != size for found, size in zip(shape, expected, strict=True) if not isinstance(size, str)
    ):
        sizes = ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "")
        raise ValueError(f"{name} has shape {shape}, expected ({sizes})")
    return shape


def hold(holds: object, message: str) -> None:
    """Makes sure that something holds, under `python -O` as well, which leaves `assert` statements out.

    Raises:
        AssertionError: it does not; with the message.
    """
    if not holds:
        raise AssertionError(message)
