"""One random generator a row: row i of N rows draws as a single environment with that row's seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textgen_env.vocabulary import IntArray


class RowGenerators:
    """N generators; one that no seed was given is seeded from the operating system when it is first asked for."""

    def __init__(self, num_rows: int) -> None:
        self._generators: list[np.random.Generator | None] = [None] * num_rows

    def __getitem__(self, row: int) -> np.random.Generator:
        generator = self._generators[row]
        if generator is None:
            generator = self._generators[row] = np.random.default_rng()
        return generator

    def __setitem__(self, row: int, generator: np.random.Generator | None) -> None:
        self._generators[row] = generator

    def __copy__(self) -> RowGenerators:
        """The same generators in a list of their own."""
        twin = RowGenerators(0)
        twin._generators = list(self._generators)
        return twin

    def seed(self, rows: IntArray, seeds: Sequence[int | None]) -> None:
        """Gives each of `rows` a fresh generator; a seed of None leaves the row's as it is."""
        for row, seed in zip(rows.tolist(), seeds, strict=True):
            if seed is not None:
                self._generators[row] = np.random.default_rng(seed)

    def states(self, rows: IntArray) -> tuple[Any, ...]:
        """The state of each of `rows`; None for a generator not made yet."""
        generators = (self._generators[row] for row in rows.tolist())
        return tuple(None if generator is None else generator.bit_generator.state for generator in generators)

    def set_states(self, rows: IntArray, states: Sequence[Any]) -> None:
        """Puts `rows` back into `states`; a state of None leaves the row's generator as it is."""
        for row, state in zip(rows.tolist(), states, strict=True):
            if state is not None:
                self[row].bit_generator.state = state
