"""chrF as a reward."""

from __future__ import annotations

from copy import copy
from typing import Self

from textgen_env.metrics.chrf import ChrfScorer, check_chrf
from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode
from textgen_env.rewards.references import decoded_texts, rows_of_references, rows_of_sources
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class ChrfReward(BaseReward):
    """chrF of the decoded text against its references, in [0, 1]: 1/100 of sacrebleu's `sentence_score`, of several
    references the best (Popović 2015; `textgen_env.metrics.chrf.ChrfScorer` has the formula).

    A conditional task's text is compared with the references of its own source, an unconditional task's with each of
    the task's references: of 10,000 captions, some milliseconds a text. `word_order=2` makes it chrF++. Paid at the end
    of the text by default; paid densely, a token earns the change of the chrF of the text so far, which is decoded and
    scored anew.

    Args:
        char_order: the longest character n-gram, >= 1.
        word_order: the longest word n-gram, >= 0.
        beta: > 0, how many times as much recall weighs as precision.
        lowercase: whether texts and references are lowercased first.
        whitespace: whether white space is a character of the n-grams.

    Raises:
        TypeError: an argument of another type.
        ValueError: an argument out of range.
    """

    name = "chrf"
    default_mode: RewardMode = "terminal"

    def __init__(
        self,
        char_order: int = 6,
        word_order: int = 0,
        beta: float = 2,
        lowercase: bool = False,
        whitespace: bool = False,
    ) -> None:
        check_chrf(char_order, word_order, beta, lowercase, whitespace)
        self.char_order, self.word_order, self.beta = char_order, word_order, beta
        self.lowercase, self.whitespace = lowercase, whitespace
        self._task: Task | None = None
        self._scorer: ChrfScorer | None = None

    def bind(self, task: Task) -> Self:
        """A copy that knows the task's references; itself where it is bound to this very task already.

        Raises:
            ValueError: a task without references, or a conditional one whose references do not name their source or
                leave out a source that is played.
        """
        if task is self._task:
            return self
        references = task.references()
        rows = rows_of_references(task, references)
        texts = decoded_texts(task, references.tokens, references.lengths)
        bound = copy(self)
        bound._task = task
        bound._scorer = ChrfScorer(
            texts, rows, self.char_order, self.word_order, self.beta, self.lowercase, self.whitespace
        )
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """chrF (N,) in [0, 1] of texts (N, T), (N,).

        Raises:
            RuntimeError: the reward is not bound to a task.
            ValueError: `sources` missing for a conditional task, or a source without references.
        """
        if self._task is None or self._scorer is None:
            raise RuntimeError(
                "ChrfReward is not bound: it has no references yet; use reward.bind(task), as an env does"
            )
        rows = rows_of_sources(self._task, sources)
        return self._scorer.score(decoded_texts(self._task, tokens, lengths), rows)
