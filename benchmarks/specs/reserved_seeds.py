"""Seeds that settings are searched for and compared on, which no report uses."""

from __future__ import annotations

from collections.abc import Iterable

SEARCHED = range(10_000, 20_000)
"""Seeds of trials."""
SELECTED = range(20_000, 30_000)
"""Seeds on which the best of the trials are told apart."""
FRESH = range(30_000, 40_000)
"""Seeds on which what was selected is compared with the defaults."""
RESERVED = range(SEARCHED.start, FRESH.stop)


def refuse_reserved(option: str, seeds: Iterable[int]) -> None:
    """
    Raises:
        ValueError: a seed on which settings are tuned: it would show them better than they are.
    """
    for seed in seeds:
        if seed in RESERVED:
            raise ValueError(
                f"{option} {seed}: settings are tuned on the seeds {RESERVED.start} to {RESERVED.stop - 1}, which "
                f"would show them better than they are; give seeds below {RESERVED.start}"
            )
