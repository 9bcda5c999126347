"""Policy gradient: an update beside one of maximum likelihood, and playing beside sampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import torch

from agents.data.text_batch import TextBatch
from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from benchmarks.throughput.bench import Bench, Work, on_one_thread
from benchmarks.throughput.cases.mle import HIDDEN
from benchmarks.throughput.clock import Call
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from benchmarks.throughput.sizes import grown

SMALLEST_BATCH = 16
NETWORK: dict[str, Any] = {"embedding_size": HIDDEN, "hidden_size": HIDDEN, "cell": "lstm"}


def policy_gradient(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """An update, playing, and both together, on the oracle."""
    size = bench.sizes
    envs = gymnasium.make_vec("TextGen-Oracle-v0", num_envs=size.batch, task=bench.oracle)
    reinforce = Reinforce(envs, ReinforceConfig(**NETWORK, batch_size=size.batch))
    mle = MLE(envs, MLEConfig(**NETWORK, batch_size=size.batch))
    quota = np.ones(size.batch, np.int64)
    batch = reinforce.gather(envs, quota, seed=0)
    sizes = f"{size.batch} texts × {size.length} tokens, V={size.vocab_size:,}, H={HIDDEN}"
    yield bench.row(
        "reinforce-update",
        f"REINFORCE update, {sizes}",
        Unit("time", "update"),
        Work("learn", lambda: reinforce.learn(batch)),
        Work("an MLE update of them", lambda: mle.imitate(batch, mle.optimiser)),
    )
    tokens = size.batch * size.length
    unscored = gymnasium.make_vec("TextGen-Oracle-v0", num_envs=size.batch, task=bench.oracle, reward="constant")
    oracle, texts, lengths = bench.oracle.language_model, batch.token_ids, torch.from_numpy(batch.lengths)
    sampling = Work("sampling from the policy", lambda: reinforce.sample(size.batch), tokens)

    def sample_and_score() -> None:
        reinforce.sample(size.batch)
        with torch.no_grad():
            oracle.log_probs(texts, lengths)

    yield bench.row(
        "playing",
        f"playing {sizes}, a constant reward",
        Unit("rate", "tokens"),
        Work("gather", lambda: reinforce.gather(unscored, quota), tokens),
        sampling,
    )
    yield bench.row(
        "playing-oracle",
        f"playing {sizes}, each token scored by the oracle",
        Unit("rate", "tokens"),
        Work("gather", lambda: reinforce.gather(envs, quota), tokens),
        sampling,
        Work("sampling, and the oracle's likelihood", sample_and_score, tokens),
    )
    yield bench.row(
        "reinforce-oracle",
        f"REINFORCE on Oracle, {sizes}, one thread",
        Unit("rate", "tokens"),
        Work("train", on_one_thread(lambda: reinforce.train(envs, tokens)), tokens),
    )


def scaling(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """An update of REINFORCE against the length of texts, the size of the vocabulary and the number of texts."""
    size = bench.sizes
    axes = (
        ("tokens", "tokens", "length", grown(min(20, size.longest), size.longest)),
        ("vocabulary", "V", "vocab_size", grown(min(100, size.largest_vocab), size.largest_vocab)),
        ("texts", "texts", "count", grown(min(SMALLEST_BATCH, size.rows), size.rows)),
    )
    here = {"length": size.length, "vocab_size": size.vocab_size, "count": size.batch}
    for name, axis, argument, sizes in axes:
        calls = {each: update(**{**here, argument: each}) for each in sizes}
        yield bench.curve(f"reinforce-{name}", "an update of REINFORCE", axis, sizes, calls.__getitem__)


def update(length: int, vocab_size: int, count: int) -> Call:
    """An update of `count` texts drawn uniformly."""
    envs = gymnasium.make_vec(
        "TextGen-Oracle-v0", num_envs=1, vocab_size=vocab_size, max_length=length, train_size=1, test_size=1
    )
    agent = Reinforce(envs, ReinforceConfig(**NETWORK))
    rng = np.random.default_rng(0)
    tokens = rng.integers(vocab_size, size=(count, length))
    batch = TextBatch(tokens, np.full(count, length), rng.standard_normal((count, length)))
    return lambda: agent.learn(batch)
