"""BLEU: whole texts, the table of references, and each token as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.throughput.agreement import check_agreement
from benchmarks.throughput.bench import Bench, Missing, Work, library
from benchmarks.throughput.cases.uniform import UniformTask, full_lengths
from benchmarks.throughput.clock import Call
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from benchmarks.throughput.sizes import grown
from textgen_env import BaseReward, GenerationCore, Sources
from textgen_env.metrics import BleuScorer
from textgen_env.rewards.base import FloatArray
from textgen_env.rewards.bleu import BleuReward
from textgen_env.vocabulary import IntArray

TEXT = Unit("time", "text")
JUDGED_TEXTS = 50
DENSE_ROWS = 256
SCALED_TOKENS = 10_000
OUT_OF_CACHE = 1.3
"""Most that the exponent of a linear work may be whose table outgrows one cache after another: as many look-ups a
token, each of which waits longer."""


def bleu(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Texts against all references, those of an untrained agent and those of the oracle itself."""
    size = bench.sizes
    scorer = BleuScorer(bench.references.tolist())
    judge = sacrebleu_of(bench.references)
    sizes = f"{size.rows:,} × {size.length} tokens, {size.references:,} references"
    for kind, texts in (("uniform", bench.uniform_texts), ("oracle", bench.oracle_texts[: size.rows])):
        lengths = full_lengths(texts)
        reference: Work | Missing
        if isinstance(judge, str):
            reference = Missing("sacrebleu", judge)
        else:
            reference = _text_by_text(judge, texts)
            judged = [judge.corpus_score([line], None).score / 100 for line in lines(texts[:JUDGED_TEXTS])]
            check_agreement("BleuScorer", scorer.score(texts, lengths)[:JUDGED_TEXTS], "sacrebleu", judged, 1e-9)
        ours = Work("BleuScorer.score", partial(scorer.score, texts, lengths), len(texts))
        yield bench.row(f"bleu-{kind}", f"BLEU of {kind} texts, {sizes}", TEXT, ours, reference)


def bleu_build(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """The table of the references."""
    tokens = bench.references.tolist()
    judge = sacrebleu_of(bench.references[:1])
    references = [[line] for line in lines(bench.references)]
    yield bench.row(
        "bleu-build",
        f"BLEU's table of {len(tokens):,} references × {bench.sizes.length} tokens",
        Unit("time", "table"),
        Work("BleuScorer(lists)", lambda: BleuScorer(tokens)),
        Missing("sacrebleu", judge)
        if isinstance(judge, str)
        else Work("sacrebleu, cached", lambda: type(judge)(references=references, tokenize="none")),
    )


def bleu_dense(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """A token of a long text against one of a short text, both played densely, the same game without BLEU taken off."""
    size = bench.sizes
    total = size.references * size.length
    works = []
    for length in (size.longest, size.length):
        # As many reference tokens and as many tokens written for long texts as for short ones: the tables are equally
        # large, and as much of them is looked up.
        task = UniformTask(size.vocab_size, length, max(1, total // length))
        episodes = max(1, size.longest // length)
        texts = (
            task.near_references(episodes * DENSE_ROWS).reshape(episodes, DENSE_ROWS, length).transpose(0, 2, 1).copy()
        )
        works.append(
            Work(
                f"T={length}",
                played(GenerationCore(task, BleuReward(), DENSE_ROWS, "dense"), texts),
                texts.size,
                less=played(GenerationCore(task, Constant(), DENSE_ROWS, "dense"), texts),
            )
        )
    work = f"dense BLEU, {DENSE_ROWS} rows, {total:,} reference tokens"
    yield bench.row("bleu-dense", work, Unit("time", "token"), works[0], works[1])


def scaling(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Scoring against the length of texts, building against the number of references."""
    size = bench.sizes

    def rows(length: int) -> int:
        return max(1, SCALED_TOKENS // length)

    def scoring(length: int) -> Call:
        task = UniformTask(size.vocab_size, length, max(1, size.references * size.length // length))
        scorer = BleuScorer(task.texts.tokens.tolist())
        # As many tokens of long texts as of short ones: as much of the table is touched.
        tokens = task.near_references(rows(length))
        lengths = full_lengths(tokens)
        return lambda: scorer.score(tokens, lengths)

    def building(count: int) -> Call:
        references = UniformTask(size.vocab_size, size.length, count).texts
        return lambda: BleuScorer.of_texts(references.tokens, references.lengths)

    lengths = grown(min(20, size.longest), size.longest)
    counts = grown(min(10_000, size.most_texts), size.most_texts)
    yield bench.curve("bleu-tokens", "BLEU of a text", "tokens", lengths, scoring, rows)
    yield bench.curve("bleu-build", "BLEU's table", "texts", counts, building, expected=OUT_OF_CACHE)


class Constant(BaseReward):
    """Reward of 1 for every text."""

    name = "constant"

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """(N,) ones."""
        return np.ones(len(tokens))


def played(core: GenerationCore, texts: IntArray) -> Call:
    """Writes the texts (episodes, T, N), N at a time."""

    def play() -> None:
        for actions in texts:
            core.reset()
            for tokens in actions:
                core.step(tokens)

    return play


def sacrebleu_of(references: IntArray) -> Any | str:
    """sacrebleu with these references (R, T) cached; or why there is none."""
    module = library("sacrebleu.metrics", "sacrebleu")
    if isinstance(module, str):
        return module
    return module.BLEU(references=[[line] for line in lines(references)], tokenize="none")


def lines(tokens: IntArray) -> list[str]:
    """Texts (N, T) as words."""
    return [" ".join(map(str, row)) for row in tokens.tolist()]


def _text_by_text(judge: Any, texts: IntArray) -> Work:
    judged = lines(texts[:JUDGED_TEXTS])

    def score() -> None:
        for line in judged:
            judge.corpus_score([line], None)

    return Work("sacrebleu, cached", score, len(judged))
