"""Language model: drawing texts, and the likelihood of texts and of one more token."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks.throughput.agreement import check_agreement
from benchmarks.throughput.bench import Bench, Work
from benchmarks.throughput.cases.plain import PlainLanguageModel
from benchmarks.throughput.clock import Call
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from benchmarks.throughput.sizes import grown
from textgen_env.rewards.likelihood import LikelihoodReward
from textgen_env.tasks.oracle import random_oracle

TOKEN = Unit("rate", "tokens")
SCORED_TEXTS = 256
MULTINOMIAL_ROWS = 128
CHUNKS = (32, 64, 128, 256, 1_024)


@torch.no_grad()
def sampling(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Whole texts drawn from the oracle."""
    size = bench.sizes
    model = bench.oracle.language_model
    plain = PlainLanguageModel.like(model)
    generator = torch.Generator().manual_seed(0)
    fewer = min(size.rows, MULTINOMIAL_ROWS)
    yield bench.row(
        "sampling",
        f"sampling of {size.rows:,} texts × {size.length} tokens, V={size.vocab_size:,}",
        TOKEN,
        Work(
            "sample",
            lambda: model.sample(size.rows, size.length, generator),
            size.rows * size.length,
        ),
        Work("torch.multinomial", lambda: plain.sample(fewer, size.length, generator), fewer * size.length),
        products(bench, model.hidden_size, size.rows, softmax=True),
    )


@torch.no_grad()
def likelihood(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """log p of every token of whole texts."""
    size = bench.sizes
    model = bench.oracle.language_model
    plain = PlainLanguageModel.like(model)
    count = min(size.rows, SCORED_TEXTS)
    tokens = torch.from_numpy(bench.oracle_texts[:count])
    lengths = torch.full((count,), size.length)
    ours = model.log_probs(tokens, lengths)
    check_agreement("LanguageModel.log_probs", ours.numpy(), "plain torch", plain.log_probs(tokens).numpy(), 1e-4)
    yield bench.row(
        "likelihood",
        f"likelihood of {count:,} texts × {size.length} tokens, V={size.vocab_size:,}",
        TOKEN,
        Work("log_probs", lambda: model.log_probs(tokens, lengths), tokens.numel()),
        Work("plain torch", lambda: plain.log_probs(tokens), tokens.numel()),
        products(bench, model.hidden_size, tokens.numel()),
    )


@torch.no_grad()
def likelihood_step(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """log p of one more token of each row, as the dense reward asks for it."""
    size = bench.sizes
    model = bench.oracle.language_model
    plain = PlainLanguageModel.like(model)
    reward = LikelihoodReward().bind(bench.oracle)
    tokens = bench.oracle_texts[: size.rows]
    written = np.full(len(tokens), size.length // 2, np.int64)
    before = reward.begin(tokens, written)
    inputs, chosen = (torch.from_numpy(tokens[:, at].copy()) for at in (size.length // 2 - 1, size.length // 2))
    state = (torch.zeros(1, len(tokens), model.hidden_size), torch.zeros(1, len(tokens), model.hidden_size))

    def one_more() -> torch.Tensor:
        return plain.step(inputs, state)[0].log_softmax(-1).gather(1, chosen.unsqueeze(1))

    yield bench.row(
        "likelihood-step",
        f"likelihood of one more token, {len(tokens):,} rows, V={size.vocab_size:,}",
        TOKEN,
        Work("extend", lambda: reward.extend(before, tokens, written + 1), len(tokens)),
        Work("plain torch", one_more, len(tokens)),
        products(bench, model.hidden_size, len(tokens)),
    )


@torch.no_grad()
def scaling(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Drawing and scoring against the length of texts and the size of the vocabulary."""
    size = bench.sizes
    rows = min(64, size.rows)
    generator = torch.Generator().manual_seed(0)

    def drawing(vocab_size: int, length: int) -> Call:
        model = random_oracle(vocab_size, 0)
        return lambda: model.sample(rows, length, generator)

    def scoring(vocab_size: int, length: int) -> Call:
        model = random_oracle(vocab_size, 0)
        tokens = torch.randint(vocab_size, (16, length), generator=generator)
        return lambda: model.log_probs(tokens, torch.full((16,), length))

    lengths = grown(min(20, size.longest), size.longest)
    words = grown(min(100, size.largest_vocab), size.largest_vocab)

    def curves(name: str, work: str, made: Callable[[int, int], Call], count: int) -> tuple[Curve, Curve]:
        def of_length(length: int) -> Call:
            return made(size.vocab_size, length)

        def of_vocabulary(vocab_size: int) -> Call:
            return made(vocab_size, size.length)

        return (
            bench.curve(f"{name}-tokens", work, "tokens", lengths, of_length, lambda _: count),
            bench.curve(f"{name}-vocabulary", work, "V", words, of_vocabulary, lambda _: count),
        )

    yield from curves("sampling", "sampling a text", drawing, rows)
    yield from curves("likelihood", "likelihood of a text", scoring, 16)


def products(bench: Bench, hidden_size: int, count: int, softmax: bool = False) -> Work:
    """The floor: the product of `count` hidden states with the output matrix, with the softmax or alone, as many rows
    at a time as is best, into memory that is there already."""
    vocab_size = bench.sizes.vocab_size
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(count, hidden_size, generator=generator)
    matrix = torch.randn(vocab_size, hidden_size, generator=generator)
    bias = torch.randn(vocab_size, generator=generator)

    def in_chunks(rows: int) -> Call:
        into = torch.empty(rows, vocab_size)

        def multiply() -> None:
            for part in hidden.split(rows):  # type: ignore[no-untyped-call]
                logits = torch.addmm(bias, part, matrix.T, out=into[: len(part)])
                if softmax:
                    torch.softmax(logits, 1, out=logits)

        return multiply

    calls = {str(rows): in_chunks(rows) for rows in CHUNKS if rows == CHUNKS[0] or rows < 2 * count}
    best = bench.clock.fastest(calls)
    return Work("product + softmax" if softmax else "product", calls[best], count)
