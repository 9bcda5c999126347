"""Failures of the machine: no space, no memory, a library that will not load. No agent is at fault, and the same
command tries again what they ended."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.store.results import MACHINE_FAILED

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
# Of memory, of the system's files; of a disk that cannot be read, or is not there any more.
ERRNOS = frozenset({errno.ENOMEM, errno.ENFILE, errno.EIO, errno.ESTALE})
# Libraries that are not written in Python say it in words of their own: torch's allocators, CUDA's, Rust's of
# safetensors, the dynamic linker's.
WORDS = re.compile(
    r"can't allocate memory|cannot allocate memory|not enough memory|out of memory|_ALLOC_FAILED|"
    r"can't start new thread|uncorrectable ECC|CUDA-capable devices are busy",
    re.IGNORECASE,
)
LIBRARY = re.compile(
    r"cannot open shared object file|undefined symbol|failed to map segment|cannot allocate memory in static TLS|"
    r"version `[^']+' not found|wrong ELF class|invalid ELF header|file too short|DLL load failed|"
    r"Library not loaded|symbol not found|cannot load library|could not load library",
    re.IGNORECASE,
)
SPACE = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)


def machine_failure(error: BaseException, folder: Path) -> str | None:
    """In one line what the machine failed in, beginning with `MACHINE_FAILED`; None where it was not the machine.

    Args:
        error: what ended a run; what raised it, or was being handled when it was raised, counts too.
        folder: that the run writes into, named where no path is.
    """
    for each in _chain(error):
        if isinstance(each, MemoryError):
            return _said(each, "no memory is left")
        if isinstance(each, ImportError | OSError) and LIBRARY.search(str(each)):
            return _said(each, "a library does not load")
        if _is_no_space(each):
            path = _path_of(each) or folder
            return _said(each, f"no space is left for {path}{_free(path)}")
        if isinstance(each, OSError) and each.errno in ERRNOS:
            return _said(each, f"at {_path_of(each) or folder}")
        if isinstance(each, RuntimeError) and WORDS.search(str(each)):
            return _said(each, "no memory is left, or the device fails")
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those behind it, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [behind for behind in (each.__cause__, each.__context__) if behind is not None]


def _is_no_space(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_SPACE
    return SPACE.search(str(error)) is not None


def _path_of(error: BaseException) -> Path | None:
    named = error.filename if isinstance(error, OSError) else None
    return Path(named) if isinstance(named, str) else None


def _said(error: BaseException, what: str) -> str:
    words = " ".join(str(error).split())
    return f"{MACHINE_FAILED}: {what} ({type(error).__name__}" + (f": {words})" if words else ")")


def _free(path: Path) -> str:
    """Free space on the disk there, in words."""
    for place in (path, *path.parents):
        try:
            return f", where {shutil.disk_usage(place).free:,} bytes are free"
        except OSError:
            continue
    return ""
