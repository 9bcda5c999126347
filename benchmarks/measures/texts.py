"""Measures of a policy's texts as they stand, whoever wrote them."""

from __future__ import annotations

from benchmarks.measures.measured import Measured, NotApplicable
from textgen_env.metrics import BleuScorer, Estimate, cross_entropy, distinct_n, monte_carlo_mean, self_bleu
from textgen_env.metrics.diversity import repeated_share
from textgen_env.metrics.kneser_ney import KneserNey


def bleu(measured: Measured, max_order: int) -> Estimate:
    """Mean BLEU of the policy's texts against the test texts, in [0, 1], smoothed as Texygen does: 0.1 matches where
    an order has none (Zhu et al. 2018; method 1 of Chen and Cherry 2014). The token of unknown words matches nothing.
    """
    if measured.task.sources is not None:
        raise NotApplicable("texts that answer to a source are compared with its references, which the return does")
    _refuse_longer(measured, max_order)
    scorer = BleuScorer.of_texts(*measured.references(measured.data), max_order=max_order, smooth_method="floor")
    return monte_carlo_mean(scorer.score(*measured.content(measured.texts)))


def mean_self_bleu(measured: Measured, max_order: int) -> Estimate:
    """Mean BLEU of each of the policy's texts against all its others, in [0, 1], smoothed as `bleu`: high where texts
    repeat one another. Without a standard error: the scores depend on one another. The token of unknown words matches
    itself, as any other: texts are no more diverse for having it."""
    if len(measured.texts.lengths) < 2:
        raise NotApplicable("Self-BLEU compares at least two texts")
    _refuse_longer(measured, max_order)
    scores = self_bleu(*measured.content(measured.texts), max_order=max_order, smooth_method="floor")
    return Estimate(float(scores.mean()), float("nan"), len(scores))


def distinct(measured: Measured, n: int) -> Estimate:
    """Distinct n-grams of the policy's texts, over all their n-grams; in [0, 1]. It falls as texts are added, so that
    only values of equally many texts compare; that is also why it has no standard error."""
    _refuse_longer(measured, n)
    return Estimate(distinct_n(*measured.content(measured.texts), n), float("nan"), len(measured.texts.lengths))


def repetition(measured: Measured, n: int) -> Estimate:
    """Mean share of the n-grams of each of the policy's texts that occurred before in it, in [0, 1] ("seq-rep-n" of
    Welleck et al. 2020)."""
    _refuse_longer(measured, n)
    return monte_carlo_mean(repeated_share(*measured.content(measured.texts), n))


def fluency(measured: Measured) -> Estimate:
    """-log p of the policy's texts under an interpolated Kneser-Ney trigram model of the task's training texts, nats a
    token, end tokens included (Chen and Goodman 1999). Likely phrases written again and again make it low: to be read
    beside what tells of diversity."""
    task = measured.task
    try:
        data = task.training_sequences()
    except ValueError:
        raise NotApplicable("the task has no training data") from None
    model = KneserNey.of_texts(data.tokens, data.lengths, len(task.vocabulary))
    texts = measured.texts
    return cross_entropy(model.log_prob(texts.tokens, texts.lengths), texts.lengths)


def _refuse_longer(measured: Measured, n: int) -> None:
    if measured.task.max_length < n:
        raise NotApplicable(f"no text is longer than {measured.task.max_length} tokens")
