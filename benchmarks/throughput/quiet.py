"""Quiet of the machine: how much of its processors others use while figures are measured."""

from __future__ import annotations

import time
from pathlib import Path

STAT = Path("/proc/stat")
# From which share on figures are said to be of a busy machine.
BUSY = 0.1
# Of a line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
IDLE = slice(3, 5)
COUNTED = 8


def busy_share(seconds: float = 1.0) -> float | None:
    """The share of all processors' time that others use, in [0, 1], while this process sleeps for some seconds: other
    processes, and other machines on the same processors. None where the system does not tell."""
    before = _ticks()
    if before is None:
        return None
    time.sleep(seconds)
    after = _ticks()
    if after is None:
        return None
    passed = [later - earlier for earlier, later in zip(before, after, strict=True)]
    total = sum(passed)
    return min(1.0, max(0.0, 1 - sum(passed[IDLE]) / total)) if total > 0 else None


def described(before: float | None, after: float | None) -> str:
    """Description of how quiet the machine was before and after; empty where that is not known."""
    if before is None or after is None:
        return ""
    said = f"others used {before:.0%} of the processors before, {after:.0%} after"
    return f"{said}: a busy machine, on which ratios hold better than times" if is_busy(before, after) else said


def is_busy(before: float | None, after: float | None) -> bool:
    """Whether figures are to be read with care: others used more than a tenth of the processors."""
    return max(before or 0.0, after or 0.0) > BUSY


def _ticks() -> list[int] | None:
    try:
        first = STAT.read_text(encoding="ascii").splitlines()[0].split()
    except (OSError, IndexError, UnicodeDecodeError):
        return None
    if len(first) < COUNTED + 1 or first[0] != "cpu":
        return None
    return [int(each) for each in first[1 : COUNTED + 1]]
