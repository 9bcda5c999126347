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
    "auto_update": False,
    "d_embedding_size": 8,
    "d_widths": [1, 2],
    "d_counts": [8, 8],
    "d_batch_size": 16,
}


def small_envs(reward: str = "discriminator", **kwargs: Any) -> Any:
    learned = DISCRIMINATOR if reward == "discriminator" else {}
    return gym.make_vec(
        "TextGen-Tiny-v0", num_envs=4, reward=reward, reward_mode="terminal", **{"train_size": 64, **learned, **kwargs}
    )


def small_agent(envs: Any, seed: int = 0, **config: Any) -> SeqGAN:
    return SeqGAN(envs, SeqGANConfig(**{**SMALL, **config}), seed=seed)
