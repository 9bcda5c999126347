"""Discriminator of the SeqGAN paper: an update, and scoring the roll-outs of one step of the generator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.throughput.agreement import check_agreement
from benchmarks.throughput.bench import Bench, Work
from benchmarks.throughput.cases.plain import PlainTextCNN
from benchmarks.throughput.clock import Call
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from textgen_env.models.discriminator import Discriminator
from textgen_env.models.text_cnn import TextCNN, TextCNNConfig
from textgen_env.vocabulary import IntArray

LEARNING_RATE = 1e-4
L2 = 0.2
UPDATES = 4
ROLLOUTS = 16
PLAIN_TEXTS = 512
"""Roll-outs that the plain module is timed on: its cost is the same for each."""
LARGE_PRODUCT = 2_048


def discriminator_update(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Gradient steps on half real, half written texts, in rounds of as many as the environment takes."""
    size = bench.sizes
    config = TextCNNConfig.seqgan()
    learner = _learner(bench, config)
    plain = PlainTextCNN.like(learner.network, config.filters(size.length))
    optimiser = torch.optim.Adam(plain.parameters(), lr=LEARNING_RATE)
    half = size.batch // 2
    written = torch.from_numpy(np.resize(bench.uniform_texts, (half, size.length)))
    real = torch.from_numpy(np.resize(bench.references, (half, size.length)))
    texts, labels = torch.cat([real, written]), torch.cat([torch.ones(half), torch.zeros(half)]).long()

    def plain_update() -> None:
        loss = F.cross_entropy(plain(texts), labels)
        optimiser.zero_grad()
        (loss + L2 / 2 * (plain.output.weight.square().sum() + plain.output.bias.square().sum())).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    filters = config.filters(size.length)
    product, flops = large_product(min(LARGE_PRODUCT, 8 * size.vocab_size))
    share = 3 * forward_flops(filters, config.embedding_size, size.length) * size.batch / flops
    yield bench.row(
        "discriminator-update",
        f"discriminator update, {size.batch} texts × {size.length} tokens, {sum(n for _, n in filters):,} filters",
        Unit("time", "update"),
        Work("update", lambda: learner.update(written, UPDATES), UPDATES),
        Work("plain Conv1d, Adam", plain_update),
        # The arithmetic of an update at the speed of a large product: a call of it is 1 / share updates.
        Work("its FLOP in a large product", product, 1 / share),
        note=f"{UPDATES} updates a round, its safety copy included",
    )


def discriminator_score(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Texts that share their beginnings: 16 endings of every prefix of each text of a batch."""
    size = bench.sizes
    config = TextCNNConfig.seqgan()
    learner = _learner(bench, config)
    plain = PlainTextCNN.like(learner.network, config.filters(size.length)).eval()
    tokens = rollouts(np.resize(bench.oracle_texts, (size.batch, size.length)), size.vocab_size)
    some = torch.from_numpy(tokens[:PLAIN_TEXTS])

    def plain_log_odds() -> torch.Tensor:
        with torch.inference_mode():
            logits: torch.Tensor = plain(some)
        return logits[:, 1] - logits[:, 0]

    found = learner.log_odds(tokens[:PLAIN_TEXTS])
    check_agreement("Discriminator.log_odds", found, "the plain module", plain_log_odds().numpy(), 1e-5)
    yield bench.row(
        "discriminator-score",
        f"discriminator scoring {len(tokens):,} roll-outs, {size.batch} texts × {size.length - 1} prefixes",
        Unit("time", "text"),
        Work("log_odds", lambda: learner.log_odds(tokens), len(tokens)),
        Work("plain Conv1d", plain_log_odds, len(some)),
    )


def rollouts(texts: IntArray, vocab_size: int) -> IntArray:
    """(B * (T - 1) * 16, T): for each text (B, T) and each of its proper prefixes, endings drawn uniformly."""
    count, length = texts.shape
    drawn = np.random.default_rng(2).integers(vocab_size, size=(count, length - 1, ROLLOUTS, length))
    kept = np.arange(length) < np.arange(1, length)[:, None]  # (T - 1, T)
    rolled: IntArray = np.where(kept[None, :, None], texts[:, None, None], drawn)
    return rolled.reshape(-1, length)


def forward_flops(filters: list[tuple[int, int]], embedding_size: int, length: int) -> int:
    """Multiplications and additions of one text: convolutions and the two matrices of the highway layer."""
    features = sum(count for _, count in filters)
    convolutions = sum(2 * width * embedding_size * count * (length - width + 1) for width, count in filters)
    return convolutions + 2 * 2 * features**2


def large_product(size: int) -> tuple[Call, int]:
    """A product of two square matrices, and its multiplications and additions."""
    left, right, into = (torch.rand(size, size) for _ in range(3))
    return lambda: torch.mm(left, right, out=into), 2 * size**3


def _learner(bench: Bench, config: TextCNNConfig) -> Discriminator:
    size = bench.sizes
    generator = torch.Generator().manual_seed(0)
    network = TextCNN(size.vocab_size, size.length, config, generator)
    return Discriminator(network, bench.references, generator, size.batch, LEARNING_RATE, L2, "cpu")
