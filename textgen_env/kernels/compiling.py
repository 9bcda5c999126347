"""How the loops here are compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba


def kernel(signature: str | None = None, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compiles a function with Numba, to be kept on disk; it then runs without holding the interpreter's lock.

    Args:
        signature: of the only argument types that it takes; by default, compiled for those it is called with.
        options: for `numba.njit`.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        # Numba renews what it keeps when the function's own file has changed, not when one that it calls has: under
        # a name that changes with every file here, nothing outlives a change.
        function.__qualname__ += f"_{source_digest()}"
        options.update(cache=True, nogil=True)
        return (numba.njit(**options) if signature is None else numba.njit(signature, **options))(function)

    return compiled


@cache
def source_digest() -> str:
    """Of all source files in this folder."""
    return digest_of(Path(__file__).parent)


def digest_of(folder: Path) -> str:
    """Of all source files in a folder: twelve hexadecimal digits."""
    files = sorted(folder.glob("*.py"))
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]
