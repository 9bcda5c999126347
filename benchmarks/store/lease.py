"""Lease of a run: who may write into its folder, of all processes on all machines that see the file system.

A lease is a folder `.lease-N/TOKEN/` in the run's own. Whoever claims it makes it whole under another name and renames
it, which of several processes one alone can; the lease of the highest number is the one that counts. To take a lease
that was given up is to claim the next number and to move the old one away. All that is written into the run's folder is
written in the lease's folder first, and all that is removed is moved there first: once the lease is gone, so are the
drafts, and the process that has lost it can neither put nor remove anything, at whatever moment it was held up. No
clock is read, and nothing but the file system is trusted.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from textgen_env.files import locked, put_in_place

PREFIX = ".lease-"
OWNER = "owner.json"
NUMBERED = re.compile(r"\.lease-([1-9][0-9]*)")
TOKEN = re.compile(r"(?P<kernel>[0-9a-f]{12})-(?P<locked>[01])-[0-9a-f]{16}")
LEASE_LOST = "LeaseLost"
"""The name of the error of a run that another process has taken over; it is recorded nowhere."""


class LeaseLost(Exception):
    """Error: another process has taken the run over; nothing of it may be written here any more."""


@dataclass(frozen=True)
class Lease:
    """Lease that was claimed: a value that may be handed to whichever process does the run.

    Attributes:
        folder: of the run.
        number: of the lease; a higher one counts.
        token: whose it is.
    """

    folder: Path
    number: int
    token: str

    @property
    def place(self) -> Path:
        """The folder that drafts are written in; gone once the lease is."""
        return self.folder / f"{PREFIX}{self.number}" / self.token

    def is_held(self) -> bool:
        """Whether it still counts."""
        return self.place.is_dir()

    def check(self) -> None:
        """
        Raises:
            LeaseLost: it counts no more.
        """
        if not self.is_held():
            raise LeaseLost(f"another process has taken {self.folder} over")

    def beat(self) -> None:
        """Gives a sign of life: the file system's own time.

        Raises:
            FileNotFoundError: the lease is lost.
            OSError: what the system refuses.
        """
        os.utime(self.place)

    def write_whole(self, path: Path, write: Callable[[Path], Any]) -> None:
        """Writes a file of the run as `textgen_env.files.write_whole` does, if the lease is held when it is put there.

        Raises:
            FileNotFoundError: the lease is lost.
            OSError: what the system refuses.
        """
        put_in_place(self.place / f"{path.name}.{secrets.token_hex(4)}", path, write)

    def remove(self, path: Path) -> None:
        """Removes a file or a folder of the run, if it is there.

        Raises:
            LeaseLost: nothing is removed.
        """
        aside = self.place / f"{path.name}.{secrets.token_hex(4)}"
        try:
            os.replace(path, aside)
        except FileNotFoundError:
            self.check()
            return
        _delete(aside)

    def release(self) -> None:
        """Ends it; does nothing where it is lost."""
        _let_go(self.token)
        with suppress(OSError):
            if self.is_held():
                _move_away(self.folder, self.place.parent)


@dataclass(frozen=True)
class Standing:
    """Lease that stands in a run's folder, as another process sees it.

    Attributes:
        path: of it.
        number: of it.
        sign: of its owner's life: changes with every beat.
        touched: when that was, by the file system's clock, in nanoseconds.
    """

    path: Path
    number: int
    sign: tuple[str, int]
    touched: int

    def is_of_the_dead(self) -> bool:
        """Whether its owner ran on this machine, under this kernel, and is gone: the system has freed its lock. Where
        there are no locks, or it ran elsewhere, that is not known."""
        found = TOKEN.fullmatch(self.sign[0])
        if found is None or found["kernel"] != kernel() or found["locked"] == "0":
            return False
        try:
            with (self.path / self.sign[0] / OWNER).open("rb") as file:
                return locked(file.fileno(), wait=False)
        except FileNotFoundError:
            return True
        except OSError:
            return False


def standing(folder: Path) -> Standing | None:
    """The lease that counts in a folder; None for none."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    numbers = [int(found[1]) for name in names if (found := NUMBERED.fullmatch(name))]
    if not numbers:
        return None
    path = folder / f"{PREFIX}{max(numbers)}"
    token = ""
    try:
        if path.is_dir() and not path.is_symlink():
            token = next((name for name in sorted(os.listdir(path)) if TOKEN.fullmatch(name)), "")
        touched = (path / token).lstat().st_mtime_ns
    except OSError:
        # It has just ended, or is nothing that was ever a lease.
        touched = 0
    return Standing(path, max(numbers), (token, touched), touched)


def claimed(folder: Path, after: Standing | None) -> Lease | None:
    """The lease of a folder, which is made if it is not there; None where another process was first.

    Args:
        folder: of a run.
        after: what stood there and was given up; None for nothing.

    Raises:
        OSError: what the system refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 if after is None else after.number + 1
    draft = folder / f"{PREFIX}new-{secrets.token_hex(8)}"
    try:
        token = _made(draft)
    except FileNotFoundError:
        # Swept away by one that has just claimed it.
        return None
    lease = Lease(folder, number, token)
    try:
        os.rename(draft, lease.place.parent)
    except OSError as error:
        _let_go(lease.token)
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, FileNotFoundError) or lease.place.parent.exists():
            return None
        raise
    # Whoever claims looks afterwards whether a higher number was claimed meanwhile: of two, one sees the other.
    found = standing(folder)
    if found is None or found.sign[0] != lease.token:
        lease.release()
        return None
    for name in os.listdir(folder):
        if name.startswith(PREFIX) and name != lease.place.parent.name:
            lease.remove(folder / name)
    return lease


def file_system_time(folder: Path) -> int:
    """The time by the clock that a file system stamps files with, in nanoseconds.

    Raises:
        OSError: what the system refuses.
    """
    probe = folder / f"{PREFIX}new-{secrets.token_hex(8)}"
    try:
        probe.touch(exist_ok=False)
        return probe.stat().st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


# Of the leases that this process has claimed: open files, whose locks end with it.
_OPEN: dict[str, int] = {}
_KERNEL: list[str] = []


def kernel() -> str:
    """Name of the running system, which locks are known to: the same in every process on it, and after a restart
    another."""
    if not _KERNEL:
        try:
            booted = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            booted = platform.node()
        _KERNEL.append(sha256(booted.encode()).hexdigest()[:12])
    return _KERNEL[0]


def _made(draft: Path) -> str:
    """A lease's folder, made under a name of its own and locked; its token."""
    own = secrets.token_hex(8)
    draft.mkdir()
    try:
        handle = os.open(draft / OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0))
        try:
            has_lock = locked(handle, wait=False)
            owner = {"host": platform.node(), "process": os.getpid()}
            os.write(handle, (json.dumps(owner) + "\n").encode())
            token = f"{kernel()}-{int(has_lock)}-{own}"
            (draft / token).mkdir()
            os.rename(draft / OWNER, draft / token / OWNER)
        except BaseException:
            os.close(handle)
            raise
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            # A disk that is full says so of no path.
            raise OSError(error.errno, error.strerror, str(draft)) from error
        raise
    if has_lock:
        _OPEN[token] = handle
    else:
        os.close(handle)
    return token


def _let_go(token: str) -> None:
    handle = _OPEN.pop(token, None)
    if handle is not None:
        os.close(handle)


def _move_away(folder: Path, path: Path) -> None:
    """In one step, so that nobody finds a part of it."""
    aside = folder / f"{PREFIX}new-{secrets.token_hex(8)}"
    os.rename(path, aside)
    _delete(aside)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
