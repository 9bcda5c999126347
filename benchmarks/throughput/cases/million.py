"""Table of a million references, in a process of its own (`large_table`): its peak of memory is the table's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.throughput.bench import Bench
from benchmarks.throughput.measured import BenchmarkRow, Curve, Figure, Unit
from benchmarks.throughput.targets import TARGETS

ROOT = Path(__file__).resolve().parents[3]


def million(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Building, its memory, scoring beside a small table, saving and mapping."""
    size = bench.sizes
    question = {
        "count": size.million,
        "small": min(size.references, size.million),
        "vocab_size": size.vocab_size,
        "length": size.length,
        "rows": size.rows,
        "repeats": bench.clock.repeats,
    }
    command = [sys.executable, "-m", "benchmarks.throughput.cases.large_table", json.dumps(question)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the process of its own ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    work = f"BLEU's table of {size.million:,} uniform references"
    table, text = Unit("time", "table"), Unit("time", "text")

    def figure(key: str, name: str) -> Figure:
        return Figure(name, tuple(found[key]))

    def row(name: str, work: str, unit: Unit, ours: Figure, reference: Figure | None = None) -> BenchmarkRow:
        return BenchmarkRow(name, work, unit, ours, reference, targets=TARGETS.get(name, ()))

    yield row("million-build", work, table, figure("build", "of_texts"))
    yield row("million-memory", f"peak memory of {work}", Unit("memory", "process"), figure("memory", "all in all"))
    small = figure("score_small", f"{question['small']:,} references")
    scored = f"BLEU of {size.rows:,} texts near to the references"
    yield row("million-score", f"{scored}, {size.million:,} of them", text, figure("score", "score"), small)
    yield row("million-mapped", f"{scored}, mapped from disk", text, figure("score_mapped", "score, mapped"), small)
    yield row("million-load", work, table, figure("load", "load, mapped"), figure("save", "save"))
