"""Result of a finished run, of its final evaluation."""

from __future__ import annotations

import time

from benchmarks.evaluation.evaluator import Evaluator, Final
from benchmarks.evaluation.origins import origins, spans
from benchmarks.evaluation.references import oracle_entropy, oracle_entropy_error, references
from benchmarks.measures.measures import sequence_nll_oracle
from benchmarks.store.provenance import versions
from benchmarks.store.results import Measurement, Point, Result
from textgen_env.plain_text import plain_text
from textgen_env.vocabulary import Texts

MOST_CHARACTERS = 10_000
"""That are kept of a text."""


def result_of(
    evaluator: Evaluator, final: Final, curve: tuple[Point, ...], seconds: float, best: Measurement | None
) -> Result:
    """All that a finished run yields.

    Args:
        evaluator: that played and measured.
        final: what it found.
        curve: of the training.
        seconds: that evaluation has taken so far; those of this call are added.
        best: the evaluation of the best point by validation, if there was one.

    Raises:
        FloatingPointError: a return that is not finite.
    """
    begun = time.perf_counter()
    returns, texts = final.played.returns, final.played.texts
    decode = evaluator.task.vocabulary.decode
    return Result(
        curve=curve,
        mean_return=final.mean_return,
        std_return=float(returns.std(ddof=1)) if len(returns) > 1 else 0.0,
        measures=final.values,
        errors=final.errors,
        sequence_nll_oracle=sequence_nll_oracle(final.measured),
        reasons=final.reasons,
        references=references(evaluator.envs, evaluator.test_texts),
        oracle_entropy=oracle_entropy(evaluator.task),
        samples=tuple(
            plain_text(decode(ids.tolist()), MOST_CHARACTERS) for ids in texts.tokens[: evaluator.settings.sample_texts]
        ),
        evaluation_seconds=seconds + time.perf_counter() - begun,
        versions=versions(),
        best=best,
        oracle_entropy_error=oracle_entropy_error(evaluator.task),
        sample_spans=_sample_spans(evaluator, texts),
    )


def _sample_spans(evaluator: Evaluator, texts: Texts) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The samples in pieces of one origin each; none where the task has no training texts."""
    try:
        training = evaluator.task.training_sequences()
    except ValueError:
        return ()
    vocabulary, count = evaluator.task.vocabulary, evaluator.settings.sample_texts
    shown = Texts(texts.tokens[:count], texts.lengths[:count])
    return tuple(
        tuple((plain_text(span.text, MOST_CHARACTERS), span.origin) for span in spans(ids, kinds, vocabulary))
        for ids, kinds in zip(shown.tokens.tolist(), origins(shown, training, vocabulary), strict=True)
    )
