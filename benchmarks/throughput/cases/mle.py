"""Maximum likelihood: an update of the generator with the sizes of the SeqGAN paper."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import torch
import torch.nn.functional as F

from agents.imitation.mle import MLE, MLEConfig
from benchmarks.throughput.bench import Bench, Work
from benchmarks.throughput.cases.plain import PlainLanguageModel
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit

HIDDEN = 32
LEARNING_RATE = 0.01
CLIP = 5.0
UPDATES = 4


def mle_update(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """A step of Adam down the cross-entropy of a batch of training texts."""
    size = bench.sizes
    envs = gymnasium.make_vec("TextGen-Oracle-v0", num_envs=1, task=bench.oracle)
    config = MLEConfig(
        embedding_size=HIDDEN,
        hidden_size=HIDDEN,
        cell="lstm",
        learning_rate=LEARNING_RATE,
        batch_size=size.batch,
        max_grad_norm=CLIP,
    )
    agent = MLE(envs, config)
    tokens = UPDATES * size.batch * size.length
    plain = PlainLanguageModel(size.vocab_size, HIDDEN, HIDDEN)
    optimiser = torch.optim.Adam(plain.parameters(), lr=LEARNING_RATE)
    batch = torch.from_numpy(bench.references)[: size.batch]

    def plain_update() -> None:
        loss = F.cross_entropy(plain(batch).flatten(0, 1), batch.flatten())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(plain.parameters(), CLIP)
        optimiser.step()

    yield bench.row(
        "mle-update",
        f"MLE update, {size.batch} texts × {size.length} tokens, V={size.vocab_size:,}, H={HIDDEN}",
        Unit("time", "update"),
        Work("train", lambda: agent.train(envs, tokens), UPDATES),
        Work("plain torch, Adam", plain_update),
        _three_products(size.batch * size.length, size.vocab_size),
    )


def _three_products(count: int, vocab_size: int) -> Work:
    """The floor: the logits of `count` tokens, their softmax, and the gradients of hidden states and matrix."""
    hidden, matrix = torch.rand(count, HIDDEN), torch.rand(vocab_size, HIDDEN)
    logits, hidden_gradient, gradient = torch.empty(count, vocab_size), hidden.clone(), matrix.clone()

    def multiply() -> None:
        torch.mm(hidden, matrix.T, out=logits)
        torch.softmax(logits, 1, out=logits)
        torch.mm(logits, matrix, out=hidden_gradient)
        torch.mm(logits.T, hidden, out=gradient)

    return Work("3 products + softmax", multiply)
