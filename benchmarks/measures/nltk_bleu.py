"""Scores of BLEU as NLTK 3.2 computed it: a pure function, and the measure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.measures.measured import FloatArray, Measured, NotApplicable
from textgen_env.metrics import BleuScorer, Estimate, monte_carlo_mean
from textgen_env.metrics.bleu import brevity_penalty
from textgen_env.vocabulary import IntArray


def nltk_scorers(tokens: IntArray, lengths: IntArray, max_order: int) -> tuple[BleuScorer, ...]:
    """Scorers that `nltk_bleu_scores` compares with: of the references (M, T), (M,), for every order up to
    `max_order`."""
    return tuple(
        BleuScorer.of_texts(tokens, lengths, order, "none", effective_order=False) for order in range(1, max_order + 1)
    )


def nltk_bleu_scores(scorers: Sequence[BleuScorer], tokens: IntArray, lengths: IntArray) -> FloatArray:
    """BP * exp(1/K sum_n log p_n) (N,), in [0, 1], the sum over those orders n <= K alone that have a match.

    From version 3.2 (March 2016) until its correction in 2017 (nltk/nltk issues 1554 and 1838, pull request 1844),
    NLTK's `sentence_bleu` without smoothing left orders without a match out of the sum and kept the weight 1/K of the
    others. A text with a match more may then score *lower*: without any bigram of the references, all its tokens
    known, it scores 1.

    Args:
        scorers: of the K orders, as `nltk_scorers` makes them.
        tokens, lengths: (N, T), (N,) texts without their end tokens.
    """
    closest = scorers[0].references.lengths.closest(lengths, np.zeros(len(lengths), np.int64))
    penalty = brevity_penalty(lengths, closest)
    product = np.zeros(len(lengths))
    # BLEU-k without smoothing is above 0 where all orders up to k have a match: BP (p_1 .. p_k)^(1/k).
    for order, scorer in enumerate(scorers, 1):
        bleu = scorer.score(tokens, lengths)
        with np.errstate(divide="ignore", invalid="ignore"):
            product = np.where(bleu > 0, (bleu / penalty) ** order, product)
    scores: FloatArray = penalty * product ** (1 / len(scorers))
    return scores


def nltk_bleu(measured: Measured, max_order: int) -> Estimate:
    """Mean of `nltk_bleu_scores` of the policy's texts against the test texts, in [0, 1]: by the dates what Yu et al.
    (2017, section 6) may have measured. It rises where texts lose their last match of an order, so that it ranks
    nothing; beside `bleu` it shows what the library's error is worth."""
    if measured.task.sources is not None:
        raise NotApplicable("texts that answer to a source are compared with its references, which the return does")
    if measured.task.max_length < max_order:
        raise NotApplicable(f"no text is longer than {measured.task.max_length} tokens")
    scorers = nltk_scorers(*measured.references(measured.data), max_order)
    return monte_carlo_mean(nltk_bleu_scores(scorers, *measured.content(measured.texts)))
