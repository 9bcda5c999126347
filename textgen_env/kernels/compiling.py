"""Compilation of the loops in this folder with Numba."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba

from textgen_env.kernels.kept_code import CheckedCache

try:
    import fcntl
except ImportError:
    # Windows has none: two processes there that compile at once may leave kernels that differ in their last bits.
    fcntl = None  # type: ignore[assignment]


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
        dispatcher = numba.njit(**options)(function)
        dispatcher._cache = CheckedCache(dispatcher.py_func)
        if signature is not None:
            dispatcher.compile(signature)
            dispatcher.disable_compile()
        return dispatcher

    return compiled


def load_first(*calls: tuple[Any, ...]) -> None:
    """Calls kernels, each given with its arguments, so that all others in the process run this code of theirs.

    A kernel is kept on disk with copies of those that it calls, optimised anew, and where there are several copies the
    one that was loaded first runs. Copies of kernels that may round as is convenient (`fastmath`) differ in their last
    bits: without this, a process that compiles would compute other bits than one that reads what was kept.

    One process at a time is here. Copies go by numbers that each process counts for itself: were one to keep its
    kernels in the place of another's, those that call them would not know them, and run copies of their own.
    """
    with _one_process_at_a_time(calls[0][0]):
        for function, *arguments in calls:
            function(*arguments)


@contextmanager
def _one_process_at_a_time(function: Any) -> Iterator[None]:
    """Waits until no other process is in such a block for kernels that are kept in the same folder as `function`."""
    folder = getattr(getattr(function, "_cache", None), "cache_path", None)
    if fcntl is None or folder is None:
        yield
        return
    with ExitStack() as held:
        # Where nothing can be written nothing is kept, and there is nothing to wait for.
        with suppress(OSError):
            Path(folder).mkdir(parents=True, exist_ok=True)
            lock = held.enter_context((Path(folder) / "compiling.lock").open("a"))
            # Ended with the file's being closed, or the process's.
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def source_digest() -> str:
    """Of all source files in this folder."""
    return digest_of(Path(__file__).parent)


def digest_of(folder: Path) -> str:
    """Of all source files in a folder: twelve hexadecimal digits."""
    files = sorted(folder.glob("*.py"))
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]
