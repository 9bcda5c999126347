"""Measures of decoded texts as a corpus, which sum over all texts before they divide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from benchmarks.measures.measured import Decoding, FloatArray, IntArray, Measured, NotApplicable
from textgen_env import Sources, Task, Texts
from textgen_env.metrics import Estimate
from textgen_env.metrics.divergence import ratio_of_means
from textgen_env.rewards.error_rate import ErrorRateReward

JACKKNIFE_GROUPS = 20
Streams = list[list[str | None]]
"""K reference streams as sacrebleu takes them, each of N strings; None where a text has fewer than K references."""


def corpus_bleu(measured: Measured, method: Decoding) -> Estimate:
    """Corpus BLEU of the decoded texts against the references of their sources, in [0, 1]: 1/100 of sacrebleu's
    `BLEU().corpus_score` on the task's tokens (Papineni et al. 2002). The token of unknown words matches nothing."""
    task, texts = _decoded(measured, method)
    from sacrebleu.metrics.bleu import BLEU

    # Ids, so that a token is a word whatever characters it has.
    written, known = (_words(*shown) for shown in (measured.content(texts), measured.references(task.references())))
    return _jackknifed(BLEU(tokenize="none"), written, _streams(task, texts, known))


def corpus_chrf(measured: Measured, method: Decoding) -> Estimate:
    """Corpus chrF of the decoded strings against the references of their sources, in [0, 1]: 1/100 of sacrebleu's
    `CHRF().corpus_score` (Popović 2015)."""
    task, texts = _decoded(measured, method)
    from sacrebleu.metrics.chrf import CHRF

    return _jackknifed(CHRF(), _strings(task, texts), _streams(task, texts, _strings(task, task.references())))


def corpus_ter(measured: Measured, method: Decoding) -> Estimate:
    """Translation edit rate of the decoded strings, edits a word: 1/100 of sacrebleu's `TER().corpus_score` (Snover et
    al. 2006)."""
    task, texts = _decoded(measured, method)
    from sacrebleu.metrics.ter import TER

    streams = _streams(task, texts, _strings(task, task.references()))
    judge = TER()
    scores = [
        judge.sentence_score(text, [each for each in references if each is not None])
        for text, *references in zip(_strings(task, texts), *streams, strict=True)
    ]
    return _rate([each.num_edits for each in scores], [each.ref_length for each in scores])


def corpus_error_rate(measured: Measured, method: Decoding, unit: Literal["word", "character"]) -> Estimate:
    """Edits of all decoded texts for each word, or character, of their nearest references: jiwer's `wer`, or `cer`, of
    the corpus where each source has one reference."""
    task, texts = _decoded(measured, method)
    assert task.sources is not None
    assert texts.sources is not None
    sources = Sources(texts.sources, task.sources.tokens[texts.sources])
    return _rate(*ErrorRateReward(unit).bind(task).nearest(texts.tokens, texts.lengths, sources))


def corpus_wer(measured: Measured, method: Decoding) -> Estimate:
    """Word error rate of the corpus."""
    return corpus_error_rate(measured, method, "word")


def corpus_cer(measured: Measured, method: Decoding) -> Estimate:
    """Character error rate of the corpus."""
    return corpus_error_rate(measured, method, "character")


def _decoded(measured: Measured, method: Decoding) -> tuple[Task, Texts]:
    """A conditional task, and what the policy writes for its held-out sources.

    Raises:
        NotApplicable: a task without sources.
    """
    if measured.task.sources is None:
        raise NotApplicable("texts without a source have no references of their own")
    return measured.task, measured.decoded(method)


def _contents(task: Task, texts: Texts) -> list[list[int]]:
    content = task.vocabulary.content_lengths(texts.tokens, texts.lengths).tolist()
    return [text[:length].tolist() for text, length in zip(texts.tokens, content, strict=True)]


def _words(tokens: IntArray, lengths: IntArray) -> list[str]:
    return [" ".join(map(str, text[:length])) for text, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]


def _strings(task: Task, texts: Texts) -> list[str]:
    return [task.vocabulary.text_of(ids) for ids in _contents(task, texts)]


def _streams(task: Task, texts: Texts, known: list[str]) -> Streams:
    """The references of each text's source, of all the task's references as strings."""
    of_source: dict[int, list[str]] = {}
    rows = task.references().sources
    assert rows is not None
    assert texts.sources is not None
    for row, reference in zip(rows.tolist(), known, strict=True):
        of_source.setdefault(row, []).append(reference)
    own = [of_source.get(row, []) for row in texts.sources.tolist()]
    if not all(own):
        raise NotApplicable("a source without references was played")
    return [[each[k] if k < len(each) else None for each in own] for k in range(max(map(len, own)))]


def _jackknifed(judge: Any, written: list[str], streams: Streams) -> Estimate:
    """sacrebleu's corpus score as a share, with the standard error of the jackknife that leaves out a group of texts at
    a time, Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 11:
    se^2 = (G - 1) / G sum_g (s_g - mean(s))^2, s_g being the score without the texts i with i mod G = g."""
    count = len(written)

    def score(rows: list[int]) -> float:
        references = [[stream[row] for row in rows] for stream in streams]
        return float(judge.corpus_score([written[row] for row in rows], references).score) / 100

    groups = min(count, JACKKNIFE_GROUPS)
    error = float("nan")
    if groups > 1:
        left: FloatArray = np.array([score([row for row in range(count) if row % groups != g]) for g in range(groups)])
        error = float(np.sqrt((groups - 1) * left.var()))
    return Estimate(score(list(range(count))), error, count)


def _rate(edits: Any, lengths: Any) -> Estimate:
    """Edits of all texts over the lengths of all references."""
    if not np.any(lengths):
        raise NotApplicable("all references are empty")
    return ratio_of_means(edits, lengths)


CORPUS: tuple[tuple[str, str, str, Literal["lower", "higher"], Callable[..., Estimate]], ...] = (
    ("corpus_bleu", "corpus BLEU", "share in [0, 1]", "higher", corpus_bleu),
    ("corpus_chrf", "corpus chrF", "share in [0, 1]", "higher", corpus_chrf),
    ("corpus_ter", "corpus TER", "edits a word", "lower", corpus_ter),
    ("corpus_wer", "corpus WER", "errors a word", "lower", corpus_wer),
    ("corpus_cer", "corpus CER", "errors a character", "lower", corpus_cer),
)
"""Of each way to decode: name, title, unit, the better direction, function."""
