"""Large table of references, built, saved, mapped and scored with; run as a process, it prints what it found.

It imports no more than that takes: what is imported counts in the memory measured.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.throughput.cases.uniform import UniformTask
from benchmarks.throughput.clock import Clock
from textgen_env.metrics import BleuScorer


def measured(
    count: int, small: int, vocab_size: int, length: int, rows: int, repeats: int
) -> Mapping[str, tuple[float, ...]]:
    """Seconds of building, saving, loading, and of scoring a text; bytes of the process after building."""
    task, small_task = UniformTask(vocab_size, length, count), UniformTask(vocab_size, length, small)
    BleuScorer.of_texts(*small_task.texts[:2])  # compiles
    begun = time.perf_counter()
    scorer = BleuScorer.of_texts(*task.texts[:2])
    build = time.perf_counter() - begun
    memory = peak_memory()
    texts, small_texts = task.near_references(rows), small_task.near_references(rows)
    lengths = task.texts.lengths[:1].repeat(rows)
    small_scorer = BleuScorer.of_texts(*small_task.texts[:2])
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "scorer"
        begun = time.perf_counter()
        scorer.save(folder)
        saved = time.perf_counter()
        mapped = BleuScorer.load(folder, mmap=True)
        loaded = time.perf_counter()
        scores = Clock(repeats, most_seconds=30.0).compare(
            {
                "score": lambda: scorer.score(texts, lengths),
                "score_small": lambda: small_scorer.score(small_texts, lengths),
                "score_mapped": lambda: mapped.score(texts, lengths),
            }
        )
    a_text = {name: tuple(each / rows for each in times) for name, times in scores.items()}
    return {"build": (build,), "memory": (memory,), "save": (saved - begun,), "load": (loaded - saved,), **a_text}


def peak_memory() -> float:
    """The most memory that this process has held, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


if __name__ == "__main__":
    print(json.dumps(measured(**json.loads(sys.argv[1]))))
