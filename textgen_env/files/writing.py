"""Files that are written: whole or not at all, by drafts that their writers hold."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # a system that has no such locks
    _LOCKS = False
else:
    _LOCKS = True

DRAFT = ".draft"


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Writes a file so that a reader, or a crash at any moment, sees the old content or the new, never a part; and
    removes what writers of the same file that were killed have left.

    Args:
        path: of the file.
        write: writes the content into a file of another name.

    Raises:
        IsADirectoryError: a folder stands in its place.
        OSError: what the system refuses; it names the path.
    """
    if path.is_dir():
        raise IsADirectoryError(f"path={str(path)!r} is a folder; give the name of a file in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_drafts(path)
    # Another machine may have a process of the same number.
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{DRAFT}")
    with held(draft):
        put_in_place(draft, path, write)


def put_in_place(draft: Path, path: Path, write: Callable[[Path], Any]) -> None:
    """Writes a draft and, in one step, makes it the file; no draft is left.

    Args:
        draft: on the same file system.
        path: of the file.
        write: writes the content into a file of another name.

    Raises:
        OSError: what the system refuses; it names a path.
    """
    try:
        write(draft)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        # A disk that is full says so of no path when a file's end is written.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_drafts(path: Path) -> None:
    """Removes drafts of a file that were left by processes that were killed; those of writers at work are kept."""
    for draft in drafts_of(path):
        if draft.is_file() and is_left_behind(draft):
            draft.unlink(missing_ok=True)


def drafts_of(path: Path) -> list[Path]:
    """Drafts that lie beside a file, or a folder, that is to be written."""
    return list(path.parent.glob(f".{_escaped(path.name)}.*{DRAFT}"))


def is_left_behind(draft: Path) -> bool:
    """Whether no process holds a draft any more."""
    with suppress(OSError), draft.open("rb") as file:
        return locked(file.fileno(), wait=False)
    return False


def sync_folder(folder: Path) -> None:
    """Makes what was renamed in a folder durable; does nothing where a folder cannot be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def held(draft: Path) -> Iterator[None]:
    """A new, empty draft, which nobody removes as left behind within the block."""
    if not _LOCKS:
        draft.touch()
        yield
        return
    while True:
        with draft.open("wb") as file:
            locked(file.fileno(), wait=True)
            # Another process may have removed it between the two.
            if os.fstat(file.fileno()).st_nlink:
                yield
                return


def locked(handle: int, wait: bool) -> bool:
    """Whether the lock of a file was had; it ends with the process. Without such locks what may be another's counts as
    another's."""
    if not _LOCKS:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _escaped(name: str) -> str:
    """A name as a pattern of `glob` that it alone fits."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
