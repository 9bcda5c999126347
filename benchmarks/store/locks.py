"""One process at a time in an experiment's folder: two would do the same runs and spoil each other's checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"


class FolderInUse(ValueError):
    """Another process is at work in a folder."""


@contextmanager
def lock_folders(folders: Iterable[Path]) -> Iterator[None]:
    """Holds folders, which are made if they are not there, until the block ends; or the process, however it ends.

    Raises:
        FolderInUse: another process holds one of them; none is held then.
    """
    with ExitStack() as held:
        for folder in sorted(set(folders)):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(FileLock(folder / LOCK).acquire(timeout=0))
            except Timeout:
                raise FolderInUse(
                    f"{folder}: another process is at work there. Nothing was run: wait until it has ended, or choose "
                    "another --out"
                ) from None
        yield
