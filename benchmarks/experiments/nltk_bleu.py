"""BLEU as NLTK 3.2 computed it, with which SeqGAN's rival PG-BLEU was trained."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Self

import numpy as np

from benchmarks.measures.nltk_bleu import nltk_bleu_scores, nltk_scorers
from textgen_env.checks import check_at_least
from textgen_env.metrics import BleuScorer
from textgen_env.rewards.base import BaseReward, FloatArray
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray


class NltkBleu(BaseReward):
    """BP * exp(1/K sum_n log p_n), the sum over those orders n <= K alone that have a match: in [0, 1].

    It is what NLTK's `sentence_bleu` was in 2016, an error included that `benchmarks.measures.nltk_bleu` describes.
    The released code of SeqGAN's baseline PG-BLEU calls that function, with K = 3 and about 40% of the training texts
    as references. For reproducing it; `textgen_env.rewards.bleu` has BLEU.

    Args:
        max_order: K.
        share: of the task's references that are kept, each with this probability.
        reference_seed: of which they are.

    Raises:
        ValueError: max_order < 1, a share outside (0, 1].
    """

    name = "nltk_bleu"

    def __init__(self, max_order: int = 3, share: float = 0.4, reference_seed: int = 0) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share={share!r} must be above 0 and at most 1")
        self.max_order, self.share = check_at_least("max_order", max_order), share
        self.reference_seed = check_at_least("reference_seed", reference_seed, least=0)
        self._content_lengths: Callable[[IntArray, IntArray], IntArray] | None = None
        self._scorers: tuple[BleuScorer, ...] = ()

    def bind(self, task: Task) -> Self:
        """A copy that knows the task's references.

        Raises:
            ValueError: a conditional task, or one of whose references none is kept.
        """
        if task.sources is not None:
            raise ValueError("reward NltkBleu compares with all references together; the task is conditional")
        texts = task.references()
        kept = np.random.default_rng(self.reference_seed).random(len(texts.tokens)) < self.share
        if not kept.any():
            raise ValueError(f"share={self.share} keeps none of {len(kept)} references; make it larger")
        bound = copy(self)
        bound._content_lengths = task.vocabulary.content_lengths
        lengths = task.vocabulary.content_lengths(texts.tokens, texts.lengths)[kept]
        bound._scorers = nltk_scorers(texts.tokens[kept], lengths, self.max_order)
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """(N,) of texts (N, T), (N,).

        Raises:
            RuntimeError: the reward is not bound to a task.
        """
        if self._content_lengths is None:
            raise RuntimeError("NltkBleu is not bound: it has no references yet; use reward.bind(task), as an env does")
        content = self._content_lengths(tokens, lengths)
        return nltk_bleu_scores(self._scorers, tokens, content)
