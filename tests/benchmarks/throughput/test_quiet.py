"""Others' use of the processors: read off the system's counters, and said beside the figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.throughput import quiet
from benchmarks.throughput.quiet import busy_share, described, is_busy


def counters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> None:
    """Puts a file in place of the system's, which says the next line at each sleep."""
    said = iter(lines)
    path = tmp_path / "stat"
    path.write_text(next(said))
    monkeypatch.setattr(quiet, "STAT", path)
    monkeypatch.setattr(quiet.time, "sleep", lambda seconds: path.write_text(next(said)))


def test_all_but_idle_and_waiting_time_is_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # user, nice, system, idle, iowait, irq, softirq, steal, guest: 60 of 200 ticks.
    before, after = "cpu 100 0 50 1000 10 0 0 5 0 0\ncpu0 1", "cpu 130 5 60 1130 20 1 4 15 9 9\n"
    counters(monkeypatch, tmp_path, before, after)
    assert busy_share() == pytest.approx(60 / 200)


@pytest.mark.parametrize("line", ["", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8 9"])
def test_a_system_that_does_not_tell(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counters(monkeypatch, tmp_path, line, line)
    assert busy_share() is None
    monkeypatch.setattr(quiet, "STAT", tmp_path / "none")
    assert busy_share() is None
    assert described(None, 0.5) == ""
    assert not is_busy(None, None)


def test_a_system_whose_counters_stand_still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counters(monkeypatch, tmp_path, *["cpu 1 2 3 4 5 6 7 8 9\n"] * 2)
    assert busy_share() is None


def test_a_busy_machine_is_said_to_be_one() -> None:
    assert described(0.02, 0.04) == "others used 2% of the processors before, 4% after"
    assert "a busy machine" in described(0.02, 0.4)
    assert is_busy(0.4, 0.0)
    assert not is_busy(0.1, 0.1)


@pytest.mark.skipif(not quiet.STAT.exists(), reason="the system has no /proc/stat")
def test_of_this_machine() -> None:
    share = busy_share(0.1)
    assert share is not None
    assert 0 <= share <= 1
