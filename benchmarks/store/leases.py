"""Leases of one process: claimed, kept alive, taken from those who are gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.store.lease import Lease, Standing, claimed, file_system_time, standing

STALE_SECONDS = 60.0
"""Seconds that a lease stands without a sign of life before it counts as given up, if nobody says otherwise."""
BEATS = 6
# While a lease is looked at, its owner, if it lives, gives so many signs of life.
BEATS_WATCHED = 2
WAIT_SECONDS = 0.05


class Leases:
    """Leases of one process, which gives signs of life of them in a thread; released at the end of the block.

    A lease is given up if the process that held it ran on this machine and is gone. Of another machine's the file
    system says it: the time of the last sign differs from that of a file that is touched now, on the same file system,
    by more than `stale_after`; and no sign was given while it was looked at for the time of two. So a clock that is
    off, on whichever machine, or that jumps, makes nobody lose a lease who lives.

    Args:
        stale_after: seconds; the same on all machines.
    """

    def __init__(self, stale_after: float = STALE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        if not 0 < stale_after <= threading.TIMEOUT_MAX:
            raise ValueError(f"stale_after={stale_after} must be a number of seconds above 0")
        self.stale_after, self.clock = stale_after, clock
        self._held: dict[Path, Lease] = {}
        self._lost: set[str] = set()
        self._seen: dict[Path, tuple[tuple[str, int], float]] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for lease in tuple(self._held.values()):
            self.release(lease)

    def claim(self, folder: Path) -> Lease | None:
        """The lease of a run's folder; None while another process has it.

        Raises:
            OSError: what the system refuses.
        """
        found = standing(folder)
        if found is not None and not self._is_given_up(found):
            return None
        self._seen.pop(folder, None)
        lease = claimed(folder, found)
        if lease is not None:
            self._keep(lease)
        return lease

    def is_held(self, folder: Path) -> bool:
        """Whether some process, this one or another, holds the lease of a folder, as far as is known."""
        found = standing(folder)
        return found is not None and not self._is_given_up(found)

    def is_lost(self, lease: Lease) -> bool:
        """Whether another process has taken over a lease that was held here, as far as is known: asked of the file
        system with every sign of life."""
        return lease.token in self._lost

    def renewed(self, lease: Lease) -> Lease | None:
        """The next lease of the same folder, with which whatever still goes by this one can write no more; None where
        it was lost already.

        Raises:
            OSError: what the system refuses.
        """
        found = standing(lease.folder)
        if found is None or found.sign[0] != lease.token:
            self.release(lease)
            return None
        another = claimed(lease.folder, found)
        self.release(lease)
        if another is not None:
            self._keep(another)
        return another

    def release(self, lease: Lease) -> None:
        """Ends a lease, lost or not."""
        if self._held.get(lease.folder) == lease:
            del self._held[lease.folder]
        self._lost.discard(lease.token)
        lease.release()

    @contextmanager
    def waited_for(self, folder: Path) -> Iterator[Lease]:
        """The lease of a folder that others hold for moments only, waited for."""
        while (lease := self.claim(folder)) is None:
            time.sleep(WAIT_SECONDS)
        try:
            yield lease
        finally:
            self.release(lease)

    def _is_given_up(self, found: Standing) -> bool:
        if found.is_of_the_dead():
            return True
        now = self.clock()
        sign, since = self._seen.get(found.path.parent, (None, now))
        if sign != found.sign:
            self._seen[found.path.parent] = found.sign, now
            return False
        if now - since < BEATS_WATCHED * self.stale_after / BEATS:
            return False
        with suppress(FileNotFoundError):
            return abs(file_system_time(found.path.parent) - found.touched) > self.stale_after * 1e9
        return False

    def _keep(self, lease: Lease) -> None:
        self._held[lease.folder] = lease
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        while not self._ended.wait(self.stale_after / BEATS):
            for lease in tuple(self._held.values()):
                try:
                    lease.beat()
                except FileNotFoundError:
                    self._lost.add(lease.token)
                except OSError:
                    # What the system refuses once it may grant at the next beat.
                    continue
