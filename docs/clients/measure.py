"""Measures a library's script: `python docs/clients/measure.py torchrl_ppo TextGen-OracleSmall-v0 50000 [seed]`, in an
environment where the library is installed. Keeps the learning curve in `curves/` beside this file, and a row of
`measured.csv`. Of a script that steps no environment, such as TRL's, the curve is what it returns, without a row."""

from __future__ import annotations

import csv
import runpy
import sys
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from meter import Meter  # noqa: E402

REFERENCES = {
    "TextGen-OracleSmall-v0": (-72.7, -25.6),
    "TextGen-Captions-v1": (0.05, 0.94),
    "TextGen-NumberWords-v0": (0.03, 1.0),
}
"""Mean return of uniform tokens, and of texts that are as they should be: those that the task keeps for measuring."""
COLUMNS = ["script", "environment", "seed", "tokens", "first", "last", "tokens to half", "tokens a processor second"]


def measure(script: str, id: str, tokens: int, seed: int) -> tuple[Meter, Any]:
    """The meter after `train(id, tokens, seed)` of a script, and what that returned."""
    torch.set_num_threads(1)
    train = runpy.run_path(str(HERE / "scripts" / f"{script}.py"))["train"]
    with Meter().measured() as meter:
        returned = train(id, tokens, seed)
    return meter, returned


def tokens_to_half(curve: list[tuple[int, float]], id: str) -> int | None:
    """Tokens written until a point of the curve has gone half of the way from uniform tokens to the reference."""
    uniform, reference = REFERENCES[id]
    return next((at for at, mean in curve if mean >= (uniform + reference) / 2), None)


def keep(path: Path, row: list[str]) -> None:
    """Puts a row into the table, in place of one of the same script, environment and seed."""
    rows = [COLUMNS]
    if path.exists():
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
    rows = [rows[0], *sorted([each for each in rows[1:] if each[:3] != row[:3]] + [row], key=lambda each: each[1::-1])]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main() -> None:
    """Runs the script that the command line names, and keeps what came of it."""
    script, id, tokens, *seed = sys.argv[1:]
    chosen = int(seed[0]) if seed else 0
    meter, returned = measure(script, id, int(tokens), chosen)
    curve = meter.curve() if meter.written else returned
    path = HERE / "curves" / f"{script}-{id}-{chosen}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["tokens", "mean return"])
        rows.writerows((at, f"{mean:.4f}") for at, mean in curve)
    if not meter.written:
        return
    speed = meter.written / meter.seconds
    half = tokens_to_half(curve, id)
    first, last = (f"{mean:.1f}" if abs(mean) > 2 else f"{mean:.3f}" for mean in (curve[0][1], curve[-1][1]))
    row = [script, id, str(chosen), str(meter.written), first, last, str(half or "not reached"), f"{speed:.0f}"]
    keep(HERE / "measured.csv", row)
    print(*row)


if __name__ == "__main__":
    main()
