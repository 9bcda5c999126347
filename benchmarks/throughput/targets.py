"""Targets: the figures to reach, by the name of the row."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.throughput.measured import Target

TARGETS: Mapping[str, tuple[Target, ...]] = {
    "bleu-uniform": (Target("ratio", 400),),
    "bleu-oracle": (Target("ratio", 400),),
    "bleu-build": (Target("cost", 1.0),),
    # Flat: a token of a long text costs at most 1.3 times one of a short text.
    "bleu-dense": (Target("ratio", 1 / 1.3),),
    "self-bleu": (Target("cost", 2.0),),
    "edit-distance": (Target("ratio", 50),),
    "word-error-rate": (Target("ratio", 50),),
    "sampling": (Target("ratio", 20), Target("share", 0.7)),
    "likelihood": (Target("share", 0.7),),
    "likelihood-step": (Target("share", 0.7),),
    "discriminator-update": (Target("cost", 0.045),),
    "discriminator-score": (Target("ratio", 2.5),),
    "mle-update": (Target("cost", 0.035),),
    # At most twice the cost of the reference.
    "reinforce-update": (Target("ratio", 0.5),),
    "playing": (Target("ratio", 0.5),),
    "playing-oracle": (Target("ratio", 0.5),),
    "reinforce-oracle": (Target("cost", 1 / 22_000),),
    # All threads take at most twice as long as one.
    "shared-machine": (Target("ratio", 0.5),),
    "ppo-sb3": (Target("ratio", 3), Target("cost", 1 / 35_000)),
    "ppo-cleanrl": (Target("ratio", 3),),
    # On two threads.
    "seqgan-step": (Target("cost", 1.7),),
    "single-env": (Target("ratio", 2),),
    "vector-env-same-step": (Target("ratio", 3),),
    "vector-env-next-step": (Target("ratio", 3),),
    "vector-bleu-uniform": (Target("ratio", 0.3),),
    "vector-bleu-oracle": (Target("ratio", 0.3),),
    # The environment's share of PPO's wall time is one over the ratio: less than 5%.
    "sb3-oracle-small": (Target("ratio", 20),),
    "sb3-captions": (Target("ratio", 20),),
    # Ratios to CartPole of the rewards that ids come with. A share is of the products that the reward is made of.
    "default-tiny-v0": (Target("ratio", 1),),
    "default-tiny-v0-rows": (Target("ratio", 0.5),),
    "default-oraclesmall-v0": (Target("ratio", 0.6),),
    "default-oraclesmall-v0-rows": (Target("share", 0.5),),
    "default-oracle-v0": (Target("ratio", 0.2),),
    "default-oracle-v0-rows": (Target("share", 0.6),),
    "default-numberwords-v0": (Target("ratio", 1.5),),
    "default-numberwords-v0-rows": (Target("ratio", 0.5),),
    "default-captions-v0": (Target("ratio", 2),),
    "default-captions-v0-rows": (Target("ratio", 0.8),),
    "default-captions-v1": (Target("ratio", 2),),
    "default-captions-v1-rows": (Target("ratio", 0.8),),
    "default-oraclegan-v0": (Target("ratio", 0.5),),
    "default-oraclesmallgan-v0": (Target("ratio", 0.5),),
    "default-captionsgan-v0": (Target("ratio", 0.5),),
    "million-build": (Target("cost", 120),),
    "million-memory": (Target("cost", 4 * 2**30),),
    "million-score": (Target("ratio", 1 / 3),),
}
