"""Metrics of whole samples: Self-BLEU, edit distance, word error rate, distinct-n."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.throughput.agreement import check_agreement
from benchmarks.throughput.bench import Bench, Missing, Work, library
from benchmarks.throughput.cases.bleu import OUT_OF_CACHE, lines, sacrebleu_of
from benchmarks.throughput.cases.uniform import UniformTask, full_lengths
from benchmarks.throughput.clock import Call
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from benchmarks.throughput.sizes import grown
from textgen_env.metrics import distinct_n, edit_distance, self_bleu, word_error_rate
from textgen_env.vocabulary import IntArray

TEXT = Unit("time", "text")
SAMPLE = Unit("time", "sample")
JUDGED_TEXTS = 500
ORDER = 2


def self_bleu_of_a_sample(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Each text against all the others."""
    size = bench.sizes
    tokens = bench.oracle_texts[: size.texts]
    lengths = full_lengths(tokens)
    yield bench.row(
        "self-bleu",
        f"Self-BLEU of {size.texts:,} texts × {size.length} tokens",
        SAMPLE,
        Work("self_bleu", lambda: self_bleu(tokens, lengths)),
        _first_text_against_others(tokens),
    )

    def grown_sample(count: int) -> Call:
        many = UniformTask(size.vocab_size, size.length, count).texts
        return lambda: self_bleu(many.tokens, many.lengths)

    counts = grown(min(10_000, size.most_texts), size.most_texts)
    yield bench.curve("self-bleu", "Self-BLEU", "texts", counts, grown_sample, expected=OUT_OF_CACHE)


def edit(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Each text against a reference of its own, in edits and in edits a word."""
    size = bench.sizes
    count = min(size.texts, size.references)
    tokens, references = bench.oracle_texts[:count], bench.references[:count]
    lengths, reference_lengths = full_lengths(tokens), full_lengths(references)
    arguments = tokens, lengths, references, reference_lengths
    pairs = list(zip(lines(references[:JUDGED_TEXTS]), lines(tokens[:JUDGED_TEXTS]), strict=True))
    jiwer = library("jiwer", "jiwer")
    by_jiwer: dict[str, Work | Missing] = {}
    for name in ("edit_distance", "word_error_rate"):
        by_jiwer[name] = Missing("jiwer", jiwer) if isinstance(jiwer, str) else _text_by_text(jiwer, name, pairs)
    if not isinstance(jiwer, str):
        judged = [jiwer.wer(reference, text) for reference, text in pairs]
        check_agreement("word_error_rate", word_error_rate(*arguments)[: len(judged)], "jiwer", judged, 1e-9)
    sizes = f"{count:,} texts × {size.length} tokens"
    for name, function in (("edit_distance", edit_distance), ("word_error_rate", word_error_rate)):
        yield bench.row(
            name.replace("_", "-"),
            f"{name.replace('_', ' ')} of {sizes}",
            TEXT,
            Work(name, partial(function, *arguments), count),
            by_jiwer[name],
        )


def distinct(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """The share of different n-grams in a sample."""
    size = bench.sizes
    tokens = bench.oracle_texts[: size.texts]
    lengths = full_lengths(tokens)
    texts = tokens.tolist()

    def brute_force() -> float:
        ngrams = [tuple(text[at : at + ORDER]) for text in texts for at in range(len(text) - ORDER + 1)]
        return len(set(ngrams)) / len(ngrams)

    check_agreement("distinct_n", distinct_n(tokens, lengths, ORDER), "a set", brute_force(), 1e-12)
    yield bench.row(
        "distinct-n",
        f"distinct-{ORDER} of {size.texts:,} texts × {size.length} tokens",
        SAMPLE,
        Work("distinct_n", lambda: distinct_n(tokens, lengths, ORDER)),
        Work("set of tuples", brute_force),
    )


def _first_text_against_others(tokens: IntArray) -> Work | Missing:
    judge = sacrebleu_of(tokens[1:2])
    if isinstance(judge, str):
        return Missing("sacrebleu", judge)
    text, *others = lines(tokens)
    uncached = type(judge)(tokenize="none")
    references = [[other] for other in others]
    # One text of the sample: all of them would take hours.
    return Work("sacrebleu", lambda: uncached.corpus_score([text], references), 1 / len(tokens))


def _text_by_text(jiwer: Any, name: str, pairs: list[tuple[str, str]]) -> Work:
    def rates() -> None:
        for reference, text in pairs:
            jiwer.wer(reference, text)

    def distances() -> None:
        for reference, text in pairs:
            found = jiwer.process_words(reference, text)
            _ = found.substitutions + found.deletions + found.insertions

    return Work("jiwer", rates if name == "word_error_rate" else distances, len(pairs))
