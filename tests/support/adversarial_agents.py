"""Small adversarial agents, and games with a discriminator for them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from agents.adversarial.seqgan import SeqGAN, SeqGANConfig

SMALL: dict[str, Any] = {
    "embedding_size": 8,
    "hidden_size": 8,
    "batch_size": 16,
    "pretrain_epochs": 1,
    "d_pretrain_steps": 2,
    "d_samples": 40,
    "d_steps": 2,
    "d_epochs": 1,
    "rollouts": 2,
}
DISCRIMINATOR: dict[str, Any] = {
    "name": "discriminator",
    "auto_update": False,
    "embedding_size": 8,
    "widths": [1, 2],
    "counts": [8, 8],
    "batch_size": 16,
}


def small_envs(reward: Any = None, **kwargs: Any) -> Any:
    given = DISCRIMINATOR if reward is None else reward
    return gym.make_vec(
        "TextGen-Tiny-v0", num_envs=4, reward=given, reward_mode="terminal", **{"train_size": 64, **kwargs}
    )


def small_agent(envs: Any, seed: int = 0, **config: Any) -> SeqGAN:
    return SeqGAN(envs, SeqGANConfig(**{**SMALL, **config}), seed=seed)
