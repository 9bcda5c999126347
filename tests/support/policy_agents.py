"""Small agents with a policy, environments for them, and their weights."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch

from agents.imitation.mle import MLE, MLEConfig
from agents.policy_gradient.a2c import A2C, A2CConfig
from agents.policy_gradient.npg import NPG, NPGConfig
from agents.policy_gradient.ppo import PPO, PPOConfig
from agents.policy_gradient.reinforce import Reinforce, ReinforceConfig
from agents.policy_gradient.soft import SoftPolicyGradient, SoftPolicyGradientConfig
from agents.policy_gradient.trpo import TRPO, TRPOConfig
from textgen_env import BaseTask, TextGenVectorEnv

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 6, "heads": 2}
LEARNED = ReinforceConfig(**SMALL, batch_size=8, baseline="learned")
AGENTS = [
    (MLE, MLEConfig(**SMALL)),
    (Reinforce, LEARNED),
    (A2C, A2CConfig(**SMALL, batch_size=8)),
    (PPO, PPOConfig(**SMALL, batch_size=8, epochs=2, minibatches=2)),
    (NPG, NPGConfig(**SMALL, batch_size=8, cg_iterations=2, value_steps=2)),
    (TRPO, TRPOConfig(**SMALL, batch_size=8, cg_iterations=2, value_steps=2)),
    (SoftPolicyGradient, SoftPolicyGradientConfig(**SMALL, batch_size=8, baseline="learned")),
]


def flat(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    return lengths.astype(float)


def make_envs(task: BaseTask | None = None, num_envs: int = 4, **kwargs: Any) -> Any:
    if task is None:
        return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, **kwargs)
    return TextGenVectorEnv(task, flat, num_envs, **kwargs)


def weights_of(agent: Any) -> dict[str, torch.Tensor]:
    return {name: parameter.clone() for name, parameter in agent.network.state_dict().items()}
