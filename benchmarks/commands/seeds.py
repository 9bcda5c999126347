"""Seeds that a command line names."""

from __future__ import annotations

from benchmarks.specs.reserved_seeds import refuse_reserved

MOST_SEEDS = 10_000


def parsed_seeds(text: str) -> tuple[int, ...]:
    """The seeds that "3" (0, 1, 2), "0,1,5", "7," or "100-129" name; ranges may stand among others, "0,100-129".

    Raises:
        ValueError: anything else, more than `MOST_SEEDS` by their number, or seeds that settings are tuned on.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 and parts[0].isdecimal() and int(parts[0]) >= 1:
        _check_few(text, int(parts[0]), f"; for the one seed of that number write --seeds {parts[0]},")
        return tuple(range(int(parts[0])))
    ranges = [_seed_range(part) for part in parts if part]
    if not ranges or not all(ranges) or (len(parts) == 1 and "-" not in text):
        raise ValueError(
            f"--seeds {text!r}: give a number >= 1 of seeds, or whole numbers >= 0 with commas: 0,1,2, or ranges from "
            "low to high: 100-129"
        )
    _check_few(text, sum(each.stop - each.start for each in ranges))
    seeds = tuple(dict.fromkeys(seed for each in ranges for seed in each))
    refuse_reserved("--seeds", seeds)
    return seeds


def _seed_range(part: str) -> range:
    """Of "5" or "5-9", the last among them; empty where it is neither."""
    low, dash, high = (piece.strip() for piece in part.partition("-"))
    if not low.isdecimal() or (dash and not high.isdecimal()):
        return range(0)
    return range(int(low), int(high if dash else low) + 1)


def _check_few(text: str, count: int, remedy: str = "") -> None:
    if count > MOST_SEEDS:
        raise ValueError(f"--seeds {text} asks for {count} seeds, and at most {MOST_SEEDS} are run at once{remedy}")
