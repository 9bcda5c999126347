"""Torch's global settings, which what is computed here does not depend on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


def is_usual() -> bool:
    """Whether torch's settings are those that it is imported with."""
    return (
        torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and torch.get_default_dtype() is torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not torch.is_autocast_enabled("cuda")
        # A new tensor says where the default device is, four times faster than `get_default_device`.
        and torch.empty(0).device.type == "cpu"
    )


@contextmanager
def usual_torch() -> Iterator[None]:
    """Torch's settings as it is imported with them, whatever the caller has set: gradients are recorded, outside of
    inference mode, numbers are float32, on the CPU, and nothing is cast. What was set is there again at the end.

    A reward that learns while a rollout loop runs under `torch.no_grad()` learns all the same. Also a decorator.
    """
    if is_usual():
        yield
        return
    dtype = torch.get_default_dtype()
    with ExitStack() as settings:
        settings.enter_context(torch.inference_mode(False))
        settings.enter_context(torch.enable_grad())
        settings.enter_context(torch.device("cpu"))
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                settings.enter_context(torch.autocast(device, enabled=False))
        settings.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        yield
