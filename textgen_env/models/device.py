"""Device that a network runs on."""

from __future__ import annotations

import torch


def checked_device(name: str, device: str) -> str:
    """The argument `name` if it is a device of torch's that can be used here.

    Raises:
        TypeError: not a string.
        ValueError: no such device, or not here.
    """
    if not isinstance(device, str):
        raise TypeError(f"{name}={device!r} must be the name of a device, such as 'cpu', got {type(device).__name__}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"{name}={device!r} cannot be used here: {error}; 'cpu' always can") from None
    return device
