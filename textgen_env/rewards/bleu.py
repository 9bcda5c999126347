"""BLEU as a reward."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_bool
from textgen_env.kernels import kernels
from textgen_env.metrics.bleu import SmoothMethod, checked_smoothing
from textgen_env.metrics.bleu_scorer import BleuScorer
from textgen_env.metrics.ngrams import checked_order
from textgen_env.metrics.prefix_bleu import PrefixBleu
from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode, RewardState, Terms
from textgen_env.rewards.references import rows_of_references, rows_of_sources
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class BleuReward(BaseReward):
    """Sentence BLEU of a text, in [0, 1]: equal to 1/100 of sacrebleu's on the same tokens, end token left out.

    An unconditional task's text is compared with all of the task's references together, a conditional task's with the
    references of its own source. An empty text scores 0. Paid at the end of the text by default; paid densely, a
    token earns the change of the BLEU of the prefix.

    The defaults are those of sacrebleu's `sentence_bleu`: the average runs over the orders that the text is long enough
    for (`effective_order`) and orders without a match are smoothed ("exp"). Without the first, every text and prefix
    shorter than `max_order` tokens would earn 0; without the second, every text that has no n-gram of length
    `max_order` in common with the references, which is nearly all that an untrained agent writes.
    With `effective_order=False` the score is that of sacrebleu's `corpus_bleu` on one text.

    BLEU looks at n-grams and at the length alone. With many references there is one of nearly every length, so that any
    few words of a reference in a row score 1. With `boundaries`, beginning and end are tokens of the n-grams: the score
    of "a dog runs ." is sacrebleu's of "<s> a dog runs . </s>" against references of that form, and what begins or ends
    as no reference does is told from a sentence. A text that is cut at the horizon ends as none of them does.

    The token that stands for unknown words, `<unk>` of a corpus, is matched by nothing: in two texts it is two words.

    Args:
        max_order: the longest n-gram that counts, >= 1.
        smooth_method: what an order without a match counts: "none", "floor", "add-k" or "exp", as in
            `textgen_env.metrics.BleuScorer`.
        smooth_value: of "floor" (0.1 by default) and "add-k" (1 by default).
        effective_order: average only over the orders that the text is long enough for.
        boundaries: whether the beginning of a text, and its end token, are tokens of its n-grams.

    Raises:
        TypeError: a max_order that is not a whole number or a smooth_value that is not a number.
        ValueError: max_order < 1, an unknown smooth_method, or a smooth_value out of range or where none is taken.
    """

    name = "bleu"
    default_mode: RewardMode = "terminal"

    def __init__(
        self,
        max_order: int = 4,
        smooth_method: SmoothMethod = "exp",
        smooth_value: float | None = None,
        effective_order: bool = True,
        boundaries: bool = False,
    ) -> None:
        self.max_order = checked_order("max_order", max_order)
        checked_smoothing(smooth_method, smooth_value)
        self.smooth_method: SmoothMethod = smooth_method
        self.smooth_value = smooth_value
        self.effective_order = effective_order
        check_bool("boundaries", boundaries)
        self.boundaries = bool(boundaries)
        self._task: Task | None = None
        self._scorer: BleuScorer | None = None
        self._prefixes: PrefixBleu | None = None

    def bind(self, task: Task) -> Self:
        """A copy that knows the task's references; itself where it is bound to this very task already.

        Raises:
            ValueError: a task without references, or a conditional one whose references do not name their source
                or leave out a source that is played.
        """
        if task is self._task:
            return self
        references = task.references()
        tokens, lengths = self._counted(task, references.tokens, references.lengths)
        if task.vocabulary.unknown_id is not None:
            # An id that no text has: those up to the blank are tokens, the next may be what is counted for a cut.
            tokens = np.where(tokens == task.vocabulary.unknown_id, task.vocabulary.blank_id + 2, tokens)
        bound = copy(self)
        bound._task = task
        bound._scorer = BleuScorer.of_texts(
            tokens,
            lengths,
            self.max_order,
            self.smooth_method,
            self.smooth_value,
            self.effective_order,
            groups=rows_of_references(task, references),
        )
        bound._prefixes = None
        if kernels("prefixes") is not None:
            ends = (None, task.vocabulary.blank_id) if self.boundaries else (task.vocabulary.eos_id, None)
            bound._prefixes = PrefixBleu(bound._scorer, task.max_length, *ends)
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """BLEU (N,) in [0, 1] of texts (N, T), (N,).

        Raises:
            RuntimeError: the reward is not bound to a task.
            ValueError: `sources` missing for a conditional task, or a source without references.
        """
        if self._task is None or self._scorer is None:
            raise RuntimeError(
                "BleuReward is not bound: it has no references yet; use reward.bind(task), as an env does"
            )
        return self._scorer.score(*self._counted(self._task, tokens, lengths), rows_of_sources(self._task, sources))

    def score_one(self, text: IntArray, length: int, source: int | None) -> float | None:
        """`score` of one text, compiled."""
        task, scorer = self._task, self._scorer
        if task is None or scorer is None or (source is None) != (task.sources is None):
            return None
        vocabulary = task.vocabulary
        closed = text.item(length - 1) == vocabulary.eos_id
        if not self.boundaries:
            return scorer.score_one(text, length - closed, source)
        cut = not closed and length == task.max_length and vocabulary.eos_id is not None
        counted = np.empty(length + 2, np.int64)
        counted[0], counted[1:-1] = vocabulary.blank_id, text[:length]
        counted[-1] = vocabulary.blank_id + 1
        return scorer.score_one(counted, length + 1 + cut, source)

    def begin(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> RewardState:
        """The scores of the prefixes, and where compiled loops are there what `PrefixBleu` carries."""
        if self._task is None or self._prefixes is None:
            return super().begin(tokens, lengths, sources)
        content = lengths if self.boundaries else self._task.vocabulary.content_lengths(tokens, lengths)
        begun = self._prefixes.begin(tokens, content, rows_of_sources(self._task, sources))
        self._correct_cut(begun["total"], tokens, lengths, sources)
        return begun

    def extend(
        self, state: RewardState, tokens: IntArray, lengths: IntArray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        """The scores of the prefixes with one more token, by `max_order` look-ups a text; without compiled loops the
        prefixes are scored from their start."""
        if self._prefixes is None:
            return super().extend(state, tokens, lengths, sources)
        after = self._prefixes.extend(state, tokens, lengths)
        self._correct_cut(after["total"], tokens, lengths, sources)
        return {self.name: after["total"]}, after

    def _correct_cut(self, totals: FloatArray, tokens: IntArray, lengths: IntArray, sources: Sources | None) -> None:
        """Writes the scores of prefixes that the horizon has cut, which `PrefixBleu` takes to go on, into `totals`."""
        cut = _cut(self._task, tokens, lengths) if self.boundaries and self._task is not None else None
        if cut is not None and cut.any():
            given = None if sources is None else Sources(sources.indices[cut], sources.tokens[cut])
            totals[cut] = self.score(tokens[cut], lengths[cut], given)

    def _counted(self, task: Task, tokens: IntArray, lengths: IntArray) -> tuple[IntArray, IntArray]:
        """The texts (N, T), (N,) as the tokens that are counted: without the end token; or with it, and with the blank,
        which no text has, for their beginning."""
        if not self.boundaries:
            return tokens, task.vocabulary.content_lengths(tokens, lengths)
        vocabulary, (count, width) = task.vocabulary, tokens.shape
        counted = np.empty((count, width + 2), np.int64)
        counted[:, 0] = vocabulary.blank_id
        counted[:, 1:-1] = tokens
        # What a text that was cut ends in: an id beyond the blank, which no reference has.
        counted[:, -1] = vocabulary.blank_id + 1
        return counted, lengths + 1 + _cut(task, tokens, lengths)

    def check_state(self, state: RewardState) -> None:
        """Refuses what is no state of prefixes.

        Raises:
            ValueError: naming the entry.
        """
        if self._prefixes is not None:
            self._prefixes.check_state(state)


def _cut(task: Task, tokens: IntArray, lengths: IntArray) -> NDArray[np.bool_]:
    """Which of the texts (N, T), (N,) were cut at the horizon, without the end token that the task has."""
    end, width = task.vocabulary.eos_id, task.max_length
    if end is None or tokens.shape[1] < width:
        return np.zeros(len(tokens), np.bool_)
    cut: NDArray[np.bool_] = (lengths == width) & (tokens[:, width - 1] != end)
    return cut
