"""Step of SeqGAN's generator with the sizes of the paper."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium

from agents.adversarial.seqgan import SeqGAN, SeqGANConfig
from benchmarks.throughput.bench import Bench, Work
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from textgen_env.models.text_cnn import TextCNNConfig

ROLLOUTS = 16


def seqgan_step(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """Texts, roll-outs of every prefix, their scores by the paper's discriminator, and the policy gradient."""
    size = bench.sizes
    network = TextCNNConfig.seqgan()
    envs = gymnasium.make_vec(
        "TextGen-OracleGAN-v0",
        num_envs=size.batch,
        task=bench.oracle,
        reward={
            "name": "discriminator",
            "auto_update": False,
            "embedding_size": network.embedding_size,
            "widths": list(network.widths),
            "counts": list(network.counts),
        },
    )
    config = SeqGANConfig(batch_size=size.batch, rollouts=ROLLOUTS, pretrain_epochs=0, d_pretrain_steps=0, d_steps=0)
    agent = SeqGAN(envs, config)
    yield bench.row(
        "seqgan-step",
        f"SeqGAN generator step, {size.batch} texts × {size.length} tokens, {ROLLOUTS} roll-outs a prefix",
        Unit("time", "step"),
        Work("train", lambda: agent.train(envs, 1)),
        note="TextGAN-PyTorch took 32.4 s on a machine like the one the figures of this project are from",
    )
