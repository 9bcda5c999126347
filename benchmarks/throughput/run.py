"""Runner of the cases, one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch

from benchmarks.throughput.bench import Bench
from benchmarks.throughput.catalogue import load
from benchmarks.throughput.clock import Clock
from benchmarks.throughput.machine import machine, revision, uncompiled, versions
from benchmarks.throughput.measured import BenchmarkRow, Curve
from benchmarks.throughput.quiet import busy_share
from benchmarks.throughput.sizes import Sizes

FORMAT = 1
# Seconds, before and after, in which others' share of the processors is measured.
LISTEN = 1.0


@dataclass
class Measurements:
    """Measurements so far.

    Attributes:
        sizes, repeats: asked for.
        rows, curves: yielded by the cases.
        failed: name of a case that failed -> its error in a line.
        begun: when, in UTC.
        seconds: that it took.
        interrupted: whether cases are missing.
        machine: what it was measured on; with `busy_before` and `busy_after`, the share of its processors that others
            used, None where that is not known.
    """

    sizes: Sizes
    repeats: int
    rows: list[BenchmarkRow] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    begun: str = ""
    seconds: float = 0.0
    interrupted: bool = False
    machine: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "format": FORMAT,
            "begun": self.begun,
            "seconds": self.seconds,
            "revision": revision(),
            "versions": versions(),
            "compiled": not uncompiled(),
            "machine": self.machine,
            "sizes": asdict(self.sizes),
            "repeats": self.repeats,
            "rows": [row.to_json() for row in self.rows],
            "curves": [curve.to_json() for curve in self.curves],
            "failed": self.failed,
        }


def measure(
    names: list[str],
    sizes: Sizes,
    clock: Clock,
    threads: int | None = None,
    tell: Callable[[str], None] = lambda name: None,
) -> Measurements:
    """Does the cases of these names; stops at Ctrl-C with what there is. A case that fails costs no other.

    Args:
        names: of cases.
        sizes, clock: for all of them.
        threads: of torch; as it is if None.
        tell: hears of each case that begins.
    """
    begun = time.perf_counter()
    found = Measurements(sizes, clock.repeats, begun=datetime.now(UTC).isoformat(timespec="seconds"))
    bench = Bench(sizes, clock)
    with _torch(threads):
        listen = min(LISTEN, clock.most_seconds / 10)
        found.machine = machine() | {"busy_before": busy_share(listen)}
        try:
            for name in names:
                tell(name)
                try:
                    for each in load(name)(bench):
                        if isinstance(each, BenchmarkRow):
                            found.rows.append(each)
                        else:
                            found.curves.append(each)
                except Exception as error:
                    found.failed[name] = f"{type(error).__name__}: {error}"
        except KeyboardInterrupt:
            found.interrupted = True
        else:
            found.machine["busy_after"] = busy_share(listen)
    found.seconds = time.perf_counter() - begun
    return found


@contextmanager
def _torch(threads: int | None) -> Iterator[None]:
    """With so many threads, and torch's global generator, which plain modules draw from, put back afterwards."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
