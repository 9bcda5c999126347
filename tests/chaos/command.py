"""Command that is disturbed, its processes, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "chaos"
# Written by clocks and by process numbers; kept for a person to look at.
PASSED_OVER = ("events.out.*", "*.broken-*")
# A bound for what hangs, not for what has to share the machine.
SECONDS = 1_200


class Command:
    """Command `benchmarks run` of the experiment, in a process of its own.

    Args:
        out: the folder of results.
        jobs: runs at a time.
        variables: of the environment, added.
        options: of the command, added.
        command: another, with all its options.
    """

    def __init__(
        self,
        out: Path,
        jobs: int = 2,
        variables: Mapping[str, str] | None = None,
        *options: str,
        command: Sequence[str] = (),
    ) -> None:
        paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        run = ("run", "chaos.experiment:EXPERIMENT", "--jobs", str(jobs), "--out", str(out), *options)
        arguments = command or run
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> int:
        """Waits until it, and all that holds its output, has ended; its exit status."""
        try:
            self.said, _ = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            for process in (*self.descendants(), self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            raise AssertionError(f"the command has not ended after {SECONDS} seconds") from None
        return self.process.returncode

    def descendants(self) -> list[int]:
        """Its children, and theirs."""
        return descendants_of(self.process.pid)


def descendants_of(process: int) -> list[int]:
    """The children of a process, and theirs."""
    parents = dict(_parents())
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {process})


def _parents() -> Iterator[tuple[int, int]]:
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(place.name), int((place / "stat").read_text().rpartition(")")[2].split()[1])


def left_in(out: Path) -> dict[str, bytes]:
    """All that the command left, by its path in the folder of results."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not any(path.match(pattern) for pattern in PASSED_OVER)
    }


def differences(found: Mapping[str, bytes], whole: Mapping[str, bytes]) -> list[str]:
    """The files that differ, are missing, or should not be there."""
    return sorted(name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name))


def done(out: Path, *options: str) -> Command:
    """The command, undisturbed, to its end."""
    command = Command(out, 2, None, *options)
    command.end()
    return command
