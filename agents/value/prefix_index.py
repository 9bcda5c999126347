"""Index of all prefixes of a task: the rows of a table."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from agents.data.text_spec import TextSpec
from agents.protocol import IntArray, Observation

MOST_ENTRIES = 10_000_000


class PrefixIndex:
    """Numbers of the prefixes that can be written on, the empty one first and then by length, for each source in turn:
    in base L + 1 digits of the L tokens that do not end a text.

    Args:
        spec: the texts' shape.
        most_entries: of a table with a row for each prefix and a column for each token.

    Attributes:
        count: rows.

    Raises:
        ValueError: more entries than that, counted before anything is allocated.
    """

    def __init__(self, spec: TextSpec, most_entries: int = MOST_ENTRIES) -> None:
        self.spec = spec
        self.letters = spec.vocab_size - (spec.eos_id is not None)
        # Python's whole numbers: those of long texts fit into no others.
        self.prefixes = sum(self.letters**length for length in range(spec.max_length))
        self.count = self.prefixes * (spec.source_vocab_size + 1) ** spec.source_length
        if self.count * spec.vocab_size > most_entries:
            size = f"{self.count * spec.vocab_size:,}" if self.count < 10**15 else f"10^{len(str(self.count)) - 1}"
            raise ValueError(
                f"envs: a table over all prefixes{' and sources' if spec.conditional else ''} of {spec} has {size} "
                f"entries, more than {most_entries:,}; make vocab_size or max_length smaller, or take an agent with a "
                "network, such as dqn"
            )

    def along(self, tokens: IntArray, sources: IntArray | None) -> IntArray:
        """The row (N, T) of each x_<t of texts or prefixes (N, T), given the source tokens (N, S) of a conditional
        task. Past the end of a text they are rows like any others, which mean nothing."""
        digits = self._letters_of[tokens[:, :-1]]
        found: IntArray = np.zeros(tokens.shape, np.int64)
        for t in range(digits.shape[1]):
            found[:, t + 1] = found[:, t] * self.letters + digits[:, t]
        np.minimum(found + self._first_of_length, self.prefixes - 1, out=found)
        if sources is not None:
            number = np.zeros(len(tokens), np.int64)
            for digit in sources.T:
                number = number * (self.spec.source_vocab_size + 1) + digit
            found += number[:, None] * self.prefixes
        return found

    def observed(self, observation: Observation) -> tuple[IntArray, bool]:
        """The rows (N,) of the prefixes observed, and whether it was one observation, without the row axis."""
        tokens, sources, single = self.spec.checked_observation(observation)
        # Of a text that has reached the horizon nothing follows; any row will do.
        lengths = np.minimum((tokens != self.spec.vocab_size).sum(1), self.spec.max_length - 1)
        return self.along(tokens, sources)[np.arange(len(tokens)), lengths], single

    @cached_property
    def _letters_of(self) -> IntArray:
        """(V + 1,): which letter a token is; 0 for the end token and the blank."""
        spec = self.spec
        letters = np.arange(spec.vocab_size + 1)
        if spec.eos_id is not None:
            letters[spec.eos_id :] -= 1
            letters[spec.eos_id] = 0
        letters[-1] = 0
        return letters

    @cached_property
    def _first_of_length(self) -> IntArray:
        """(T,): the first row of each length."""
        counts = [self.letters**length for length in range(self.spec.max_length)]
        return np.asarray(np.cumsum([0, *counts[:-1]]))
