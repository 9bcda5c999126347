"""The memory of an update does not grow with texts times vocabulary."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import masked_update

V, T, N = 50_000, 64, 64


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say a process's peak memory")
def test_a_masked_update_of_a_large_vocabulary_stays_below_a_gibibyte() -> None:
    """The logits of these texts would take 0.8 GB, their masks 0.2 GB."""
    command = [sys.executable, masked_update.__file__, *map(str, (V, T, N))]
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=there)
    assert done.returncode == 0, done.stderr
    before, peak = map(int, done.stdout.split())
    assert peak < 2**30, f"{peak / 2**20:.0f} MiB, of which {before / 2**20:.0f} MiB were held before"
