"""Entry of `make chaos`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from chaos.let_loose import FULL, PARTS, QUICK, let_loose
from chaos.trial import Trial


def table(trials: Sequence[Trial]) -> str:
    """Figures of each part, a line each."""
    heads = ("part", "trials", "disturbed", "gone on", "refused", "equal", "wrong")
    lines = [("-" * len(heads[0]), *("-" * len(head) for head in heads[1:]))]
    for part in (*PARTS, "all"):
        own = [trial for trial in trials if part in (trial.part, "all")]
        counts = (
            len(own),
            sum(trial.disturbed for trial in own),
            sum(trial.gone_on for trial in own),
            sum(trial.refused for trial in own),
            sum(not trial.wrong for trial in own),
            sum(bool(trial.wrong) for trial in own),
        )
        lines.append((part, *(str(count) for count in counts)))
    return "\n".join(f"{line[0]:<12}" + "".join(f"{cell:>11}" for cell in line[1:]) for line in (heads, *lines))


def main() -> int:
    """Lets chaos loose as the options say; 1 where a byte is not as it should be."""
    options = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    options.add_argument("--seed", type=int, default=None, help="of what is left to chance; the clock's by default")
    options.add_argument("--quick", action="store_true", help="a part of it, in a minute")
    options.add_argument("--part", action="append", choices=PARTS, help="of the chaos; may be repeated")
    options.add_argument(
        "--place",
        type=Path,
        default=None,
        help="an empty folder; a temporary one by default, which is kept where something is wrong",
    )
    chosen = options.parse_args()
    seed = time.time_ns() % 1_000_000 if chosen.seed is None else chosen.seed
    place = Path(tempfile.mkdtemp(prefix="chaos-")) if chosen.place is None else chosen.place
    place.mkdir(parents=True, exist_ok=True)
    if any(place.iterdir()):
        options.error(f"--place {place}: must be an empty folder")
    begun = time.monotonic()

    def tell(words: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {words}", flush=True)

    tell(f"seed {seed}, in {place}")
    trials = let_loose(place, QUICK if chosen.quick else FULL, seed, tell, chosen.part or PARTS)
    print(f"\n{table(trials)}\n\n{time.monotonic() - begun:.0f} seconds, --seed {seed}")
    for trial in trials:
        if trial.wrong:
            print(f"WRONG: {trial.part}: {trial.what}: {trial.wrong}")
    wrong = any(trial.wrong for trial in trials)
    if chosen.place is None and not wrong:
        shutil.rmtree(place)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
