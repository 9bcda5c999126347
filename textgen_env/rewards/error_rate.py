"""Word and character error rate as rewards."""

from __future__ import annotations

from copy import copy
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_choice, check_room
from textgen_env.metrics.edit import edit_distance, next_row
from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode, RewardState, Terms
from textgen_env.rewards.references import SourceReferences, rows_of_references, rows_of_sources
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class ErrorRateReward(BaseReward):
    """Error rate of a text against the references of its source: edits for each word, or character, of a reference.

    WER = edits / words of the reference, the edits being the fewest insertions, deletions and substitutions that turn
    the text into the reference (Levenshtein 1966); with several references, that of the best counts. It is `wer` of
    jiwer where tokens are words, and with `unit="character"` its `cer` of the decoded texts. Against an empty reference
    it is the number of words or characters written, and 0 of an empty text. The end token is no word.

    Paid at the end of the text by default. Paid densely, a token earns the change of the prefix score, which the edit
    distance's row of the table of Wagner and Fischer (1974) carries from token to token at the cost of one more row:

    - "accuracy": the prefix is scored as a text that ends there. A token that the best alignment keeps earns 1 / words,
      one that fills a place wrongly 0, one too many -1 / words.
    - "negative": the prefix is scored by its best alignment with any beginning of a reference, so that an empty one has
      no errors. A token earns -1 / words for the error it makes; what is missing is paid for when the text ends, by the
      end token or at the horizon.

    Args:
        unit: what is counted: "word", the tokens, or "character", the characters of the decoded texts.
        output: "accuracy" for 1 - WER, at most 1, and below 0 where there are more edits than words; "negative" for
            -WER, at most 0.

    Raises:
        ValueError: another unit or output.
    """

    name = "error_rate"
    default_mode: RewardMode = "terminal"

    def __init__(
        self,
        unit: Literal["word", "character"] = "word",
        output: Literal["accuracy", "negative"] = "accuracy",
    ) -> None:
        check_choice("unit", unit, ("word", "character"))
        check_choice("output", output, ("accuracy", "negative"))
        self.unit = unit
        self.output = output
        self._task: Task | None = None
        self._references = SourceReferences(np.zeros((0, 0, 0), np.int64), np.zeros((0, 0), np.int64))

    def bind(self, task: Task) -> Self:
        """A copy that knows the task's references; itself where it is bound to this very task already.

        Raises:
            ValueError: an unconditional task, references that do not name their source or leave out a source that is
                played, or too many of them.
        """
        if task is self._task:
            return self
        if task.sources is None:
            raise ValueError(
                f"reward 'error_rate' compares a text with the references of its source, and {type(task).__name__} has "
                "no sources; choose a conditional task, or the reward 'bleu'"
            )
        bound = copy(self)
        bound._task = task
        references = task.references()
        rows = rows_of_references(task, references)
        if rows is not None:
            symbols = bound._symbols(references.tokens, references.lengths)
            bound._references = SourceReferences.of(rows, symbols, len(task.sources.tokens))
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """1 - WER, or -WER, (N,) of texts (N, T), (N,).

        Raises:
            RuntimeError: the reward is not bound to a task.
            ValueError: `sources` missing, or a source without references.
        """
        return self._scores(*self._edits(tokens, lengths, sources))

    def nearest(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> tuple[IntArray, IntArray]:
        """Edits (N,) that turn each text into the reference that gives it the lowest rate, and that reference's length
        (N,), in words or characters: the rate of a corpus is the sum of the first over the sum of the second.

        Raises:
            RuntimeError, ValueError: as `score`.
        """
        edits, reference_lengths = self._edits(tokens, lengths, sources)
        best = _rates(edits, reference_lengths).argmin(1)[:, None]
        return np.take_along_axis(edits, best, 1)[:, 0], np.take_along_axis(reference_lengths, best, 1)[:, 0]

    def _edits(self, tokens: IntArray, lengths: IntArray, sources: Sources | None) -> tuple[IntArray, IntArray]:
        """Edits (N, K) between each text and each reference of its source, and the references' lengths (N, K)."""
        rows = self._rows(sources)
        self._references.check_known(rows)
        references, reference_lengths = self._references.symbols[rows], self._references.lengths[rows]
        count, most, width = references.shape
        written, written_lengths = _padded(self._symbols(tokens, lengths))
        edits = edit_distance(
            np.repeat(written, most, 0),
            np.repeat(written_lengths, most),
            references.reshape(count * most, width),
            np.maximum(reference_lengths, 0).reshape(-1),
        )
        return edits.reshape(count, most), reference_lengths

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The prefix scores, and "row" (N, K, R + 1) int32, the distances of each prefix to every beginning of each
        reference."""
        rows = self._rows(sources)
        _, most, width = self._references.symbols.shape
        check_room(f"num_envs={len(tokens)}: the dense error rate", len(tokens), most, width + 1, bytes_each=4)
        row = np.tile(np.arange(width + 1, dtype=np.int32), (len(tokens), most, 1))
        row = self._advanced(row, self._symbols(tokens, lengths), rows)
        totals, begun = np.zeros(len(tokens)), lengths > 0
        # An empty prefix may stand for one whose source is not known yet.
        if begun.any():
            self._references.check_known(rows[begun])
            totals[begun] = self._prefix_scores(row[begun], tokens[begun], lengths[begun], rows[begun])
        return {"total": totals, "row": row}

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """The scores of the prefixes with one more token, by one row of the table for each word or character that it
        adds."""
        rows = self._rows(sources)
        self._references.check_known(rows)
        row: NDArray[Any] = state["row"]
        symbols = self._symbols(tokens, lengths)
        # The first entry is the distance to nothing: how many symbols have been taken in.
        added = [each[taken:] for each, taken in zip(symbols, row[:, 0, 0].tolist(), strict=True)]
        row = self._advanced(row, added, rows)
        return {self.name: self._prefix_scores(row, tokens, lengths, rows)}, {"row": row}

    def check_state(self, state: RewardState) -> None:
        """Refuses what is no state of prefixes.

        Raises:
            ValueError: naming the entry.
        """
        row = state["row"].astype(np.int64)
        most, steps = row[..., :1], np.abs(np.diff(row, axis=-1))
        if (row < 0).any() or (steps > 1).any() or (most != most[:, :1]).any():
            raise ValueError("state: entry 'row' is not that of prefixes; restore what snapshot() returned")

    def _advanced(self, row: NDArray[Any], added: list[IntArray], rows: IntArray) -> NDArray[Any]:
        """The table's rows (N, K, R + 1) after further symbols of each text; `row` is not changed."""
        symbols, counts = _padded(added)
        row = row.copy()
        for place in range(symbols.shape[1]):
            which = np.flatnonzero(counts > place)
            references = self._references.symbols[rows[which]]
            following = np.broadcast_to(symbols[which, place, None], references.shape[:2])
            row[which] = next_row(row[which], following, references)
        return row

    def _prefix_scores(self, row: NDArray[Any], tokens: IntArray, lengths: IntArray, rows: IntArray) -> FloatArray:
        """The scores (N,) of prefixes, and of texts that have ended, from the table's rows (N, K, R + 1)."""
        reference_lengths = self._references.lengths[rows]
        ends = np.maximum(reference_lengths, 0)[..., None]
        edits = np.take_along_axis(row, ends, 2)[..., 0]
        if self.output == "negative" and self._task is not None:
            # Nothing matches what follows a reference: the distance to it is never less than that to the reference.
            aligned = row.min(2)
            last = tokens[np.arange(len(tokens)), lengths - 1]
            ended = (lengths == self._task.max_length) | (last == self._task.vocabulary.eos_id)
            edits = np.where(ended[:, None], edits, aligned)
        return self._scores(edits, reference_lengths)

    def _scores(self, edits: NDArray[Any], reference_lengths: IntArray) -> FloatArray:
        """The scores (N,) that the edits (N, K) make against references of those lengths (N, K)."""
        best: FloatArray = _rates(edits, reference_lengths).min(1)
        return 1.0 - best if self.output == "accuracy" else 0.0 - best

    def _symbols(self, tokens: IntArray, lengths: IntArray) -> list[IntArray]:
        """Symbols of each text that are counted: its tokens, or the code points of its decoded characters."""
        task = self._bound()
        content = task.vocabulary.content_lengths(tokens, lengths).tolist()
        texts = [text[:length] for text, length in zip(tokens, content, strict=True)]
        if self.unit == "word":
            return texts
        return [np.array(list(map(ord, task.vocabulary.text_of(text.tolist()))), np.int64) for text in texts]

    def _rows(self, sources: Sources | None) -> IntArray:
        rows = rows_of_sources(self._bound(), sources)
        return np.zeros(0, np.int64) if rows is None else rows

    def _bound(self) -> Task:
        if self._task is None:
            raise RuntimeError(
                "ErrorRateReward is not bound: it has no references yet; use reward.bind(task), as an env does"
            )
        return self._task


def _rates(edits: NDArray[Any], reference_lengths: IntArray) -> FloatArray:
    """Edits (N, K) for each symbol of references of those lengths (N, K); infinite where there is no reference."""
    rates: FloatArray = np.where(reference_lengths < 0, np.inf, edits / np.maximum(reference_lengths, 1))
    return rates


def _padded(texts: list[IntArray]) -> tuple[IntArray, IntArray]:
    """Rows of symbols as one array (N, longest), zeros after the end, and their lengths (N,)."""
    lengths = np.array([len(text) for text in texts], np.int64)
    symbols = np.zeros((len(texts), int(lengths.max(initial=0))), np.int64)
    for row, text in enumerate(texts):
        symbols[row, : len(text)] = text
    return symbols, lengths
