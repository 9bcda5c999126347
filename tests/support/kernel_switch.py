"""Compiled loops or NumPy alone, for a part of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from textgen_env.kernels import SWITCH

PATHS = ("compiled", "plain")


@contextmanager
def taking(path: str) -> Iterator[None]:
    """Inside, `path` is taken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, "0" if path == "plain" else "1")
        yield
