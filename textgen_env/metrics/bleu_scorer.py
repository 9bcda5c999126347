"""BLEU of whole texts, many at once, on token ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from textgen_env.files import DamagedFile
from textgen_env.kernels import kernels
from textgen_env.metrics.bleu import (
    SMOOTH_DEFAULTS,
    SmoothMethod,
    bleu,
    brevity_penalty,
    checked_smoothing,
    ngram_totals,
    smoothed_precisions,
)
from textgen_env.metrics.ngrams import FloatArray, checked_order, checked_texts, contiguous
from textgen_env.metrics.references import References, checked_references
from textgen_env.metrics.saved_references import NUMBERS, REMEDY, read, write
from textgen_env.vocabulary import IntArray

# As numbered in textgen_env.kernels.ngrams.
_METHODS = {"none": 0, "floor": 1, "add-k": 2, "exp": 3}


class BleuScorer:
    """BLEU of texts against a fixed set of references.

    BLEU = BP * exp(1/K sum_{n=1..K} log p_n), Papineni, Roukos, Ward and Zhu, "BLEU: a Method for Automatic
    Evaluation of Machine Translation" (2002), section 2.3. p_n is the share of a text's n-grams that occur in
    the references, each counted at most as often as the one reference that has it most often; BP punishes a text
    shorter than the reference whose length is closest to its own (the shorter of two equally close). A text
    is scored by itself (sentence BLEU) and equals 1/100 of sacrebleu's
    `BLEU(references=...).corpus_score([text], None)` on the same tokens. An empty text scores 0, and so does one
    that shares no token with the references.

    The n-grams of the references stand in a hash table (`NgramTable`), eight bytes a slot; a text is scored by one
    look-up for each of its tokens and for each n-gram that continues one of the references.

    Args:
        references: R >= 1 sequences of token ids >= 0, of any length, without padding or end token. Many references
            are better handed over as arrays, to `of_texts`.
        max_order: K, the longest n-gram that counts.
        smooth_method: what p_n is where no n-gram matches; Chen and Cherry, "A Systematic Comparison of Smoothing
            Techniques for Sentence-Level BLEU" (2014): "none" (0, hence BLEU 0), "floor" (method 1: `smooth_value`
            matches), "add-k" (method 2: `smooth_value` added to matches and n-grams of every n > 1) or
            "exp" (method 3: 1/2 match at the first such order, 1/4 at the second ...).
        smooth_value: for "floor" (0.1 by default, at most 1) and "add-k" (1 by default); >= 0.
        effective_order: average only over the orders that the text is long enough to have an n-gram of. Without it
            a text shorter than K tokens scores 0 (but for "add-k").
        groups: (R,) integers, the group (such as the row of a source) that each reference belongs to. A text is then
            scored against the references of its own group alone.

    Attributes:
        references: the references, made ready.

    Raises:
        TypeError: references or groups that are not integers; a max_order that is not a whole number.
        ValueError: no reference, a negative id, max_order < 1, an unknown smooth_method, a smooth_value out of range or
            for a method that takes none, groups of another shape than (R,), or more n-grams than 64 bits number.
    """

    def __init__(
        self,
        references: Sequence[Sequence[int]],
        max_order: int = 4,
        smooth_method: SmoothMethod = "exp",
        smooth_value: float | None = None,
        effective_order: bool = False,
        groups: NDArray[Any] | None = None,
    ) -> None:
        self._set_formula(max_order, smooth_method, smooth_value, effective_order)
        tokens, lengths = checked_references(references)
        self.references = References.of(tokens, lengths.cumsum() - lengths, lengths, groups, self.max_order)

    @classmethod
    def of_texts(
        cls,
        tokens: NDArray[Any],
        lengths: NDArray[Any],
        max_order: int = 4,
        smooth_method: SmoothMethod = "exp",
        smooth_value: float | None = None,
        effective_order: bool = False,
        groups: NDArray[Any] | None = None,
    ) -> Self:
        """A scorer whose references are the texts (R, T), (R,), left aligned; what follows a length is not read.

        Args:
            tokens: (R, T) integers, R >= 1.
            lengths: (R,) integers in 0 .. T.
            max_order, smooth_method, smooth_value, effective_order, groups: as above.

        Raises:
            TypeError, ValueError: as above; arrays of other shapes; a length out of range.
        """
        scorer = cls.__new__(cls)
        scorer._set_formula(max_order, smooth_method, smooth_value, effective_order)
        tokens, lengths = checked_texts(tokens, lengths)
        flat = contiguous(tokens).reshape(-1)
        starts = np.arange(len(lengths)) * tokens.shape[1]
        lengths = contiguous(lengths)
        scorer.references = References.of(flat, starts, lengths, groups, scorer.max_order)
        return scorer

    def _set_formula(
        self, max_order: int, smooth_method: SmoothMethod, smooth_value: float | None, effective_order: bool
    ) -> None:
        self.max_order = checked_order("max_order", max_order)
        self.smooth_method: SmoothMethod = smooth_method
        self.smooth_value = checked_smoothing(smooth_method, smooth_value)
        self.effective_order = bool(effective_order)

    def save(self, folder: str | PathLike[str]) -> None:
        """Writes the scorer to a folder: one `.npy` file an array, and `scorer.json`. It appears whole or not at all,
        and replaces a saved scorer that is there.

        Raises:
            FileExistsError: there is something else.
        """
        settings = {
            "max_order": self.max_order,
            "smooth_method": self.smooth_method,
            "smooth_value": self.smooth_value if self.smooth_method in SMOOTH_DEFAULTS else None,
            "effective_order": self.effective_order,
        }
        write(folder, self.references, settings)

    @classmethod
    def load(cls, folder: str | PathLike[str], mmap: bool = True) -> Self:
        """The scorer that `save` wrote; it scores as the saved one, bit for bit.

        Args:
            folder: where.
            mmap: leave the arrays in their files and let the system read what is looked up, after they were read once
                to check that they are what was saved. The files must stay.

        Raises:
            FileNotFoundError: no scorer there.
            textgen_env.files.UnreadableFile: of another version, or damaged, be it by a bit.
        """
        references, settings = read(folder, mmap)
        scorer = cls.__new__(cls)
        try:
            scorer._set_formula(**settings)
        except (TypeError, ValueError) as error:
            raise DamagedFile(Path(folder) / NUMBERS, f"is damaged: {error}", REMEDY) from None
        scorer.references = references
        return scorer

    def score(self, tokens: IntArray, lengths: IntArray, groups: NDArray[Any] | None = None) -> FloatArray:
        """BLEU (N,) float64 in [0, 1] of each text.

        Args:
            tokens: (N, T) integers, left aligned. Ids that no reference has are allowed and match nothing.
            lengths: (N,) integers in 0 .. T, the tokens that count: what follows is not read. An end token
                counts like any other; `Vocabulary.content_lengths` leaves it out.
            groups: (N,) integers, the group of each text; given if and only if the references have groups.

        Raises:
            TypeError: an array that is not of integers.
            ValueError: a wrong shape, a length out of range, a negative id, groups missing or not expected, or a group
                without references.
        """
        compiled = kernels("ngrams")
        if compiled is None:
            return self._plain_scores(tokens, lengths, groups)
        # The compiled loop checks what it reads; what it cannot read is checked here.
        if not _ready(tokens, lengths) or len(self.references.token_ids):
            tokens, lengths = checked_texts(tokens, lengths)
            tokens = contiguous(self.references.numbered(tokens))
            lengths = contiguous(lengths)
        named = self.references.checked_groups(groups, len(lengths))
        scores = np.empty(len(lengths))
        in_order = compiled.score(
            scores,
            tokens,
            lengths,
            lengths if named is None else named,
            *self._arguments,
        )
        if not in_order:
            checked_texts(tokens, lengths)
            self.references.group_indices(named, len(lengths))
        return scores

    def score_one(self, text: IntArray, length: int, group: int | None = None) -> float | None:
        """`score` of one text (T,), contiguous int64; None where `score` must be asked: without compiled loops, where
        ids are numbered anew, and for what it refuses."""
        compiled, references = kernels("ngrams"), self.references
        if compiled is None or len(references.token_ids) or (group is None) != (not len(references.groups)):
            return None
        scores, lengths = np.empty(1), np.array([length])
        in_order = compiled.score(
            scores,
            text[None],
            lengths,
            lengths if group is None else np.array([group]),
            *self._arguments,
        )
        return scores.item() if in_order else None

    @cached_property
    def _arguments(self) -> tuple[Any, ...]:
        """Arguments of the compiled loop beside the texts."""
        return (
            *self.table_arguments,
            self.references.groups,
            *self.length_arguments,
            self.max_order,
            *self.formula_arguments,
        )

    def _plain_scores(self, tokens: IntArray, lengths: IntArray, groups: NDArray[Any] | None) -> FloatArray:
        """`score` by NumPy alone."""
        tokens, lengths = checked_texts(tokens, lengths)
        references = self.references
        group = references.group_indices(references.checked_groups(groups, len(tokens)), len(tokens))
        matches = references.ngrams.clipped_matches(references.numbered(tokens), lengths, group, self.max_order)
        totals = ngram_totals(lengths, self.max_order)
        precisions, orders = smoothed_precisions(matches, totals, self.smooth_method, self.smooth_value)
        if not self.effective_order:
            orders = np.full(len(tokens), self.max_order)
        return bleu(precisions, orders, brevity_penalty(lengths, references.lengths.closest(lengths, group)))

    @property
    def table_arguments(self) -> tuple[IntArray, int, int, int, int]:
        """The n-grams, as compiled loops take them."""
        table = self.references.ngrams
        return table.words, table.shift, table.token_bits, table.count_bits, table.num_groups

    @property
    def length_arguments(self) -> tuple[IntArray, int, IntArray]:
        """The reference lengths, as compiled loops take them."""
        table = self.references.lengths
        return table.keys, table.base, table.starts

    @property
    def formula_arguments(self) -> tuple[int, float, bool]:
        """Smoothing and average, as compiled loops take them."""
        return _METHODS[self.smooth_method], self.smooth_value, self.effective_order


def _ready(tokens: Any, lengths: Any) -> bool:
    """Whether these are arrays (N, T) and (N,) that a compiled loop reads as they are."""
    return (
        isinstance(tokens, np.ndarray)
        and isinstance(lengths, np.ndarray)
        and contiguous(tokens) is tokens
        and contiguous(lengths) is lengths
        and tokens.ndim == 2
        and lengths.shape == tokens.shape[:1]
    )
