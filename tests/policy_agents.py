"""Small agents with a policy, environments for them, and their weights."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch

from agents.actor_critic import ActorCritic, ActorCriticConfig
from agents.mle import MLE, MLEConfig
from agents.natural_policy_gradient import NaturalPolicyGradient, NaturalPolicyGradientConfig
from agents.ppo import PPO, PPOConfig
from agents.reinforce import Reinforce, ReinforceConfig
from agents.soft_policy_gradient import SoftPolicyGradient, SoftPolicyGradientConfig
from agents.trpo import TRPO, TRPOConfig
from textgen_env import BaseTask, TextGenVectorEnv

SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 6, "heads": 2}
LEARNED = ReinforceConfig(**SMALL, batch_size=8, baseline="learned")
AGENTS = [
    (MLE, MLEConfig(**SMALL)),
    (Reinforce, LEARNED),
    (ActorCritic, ActorCriticConfig(**SMALL, batch_size=8)),
    (PPO, PPOConfig(**SMALL, batch_size=8, epochs=2, minibatches=2)),
    (NaturalPolicyGradient, NaturalPolicyGradientConfig(**SMALL, batch_size=8, cg_iterations=2, value_steps=2)),
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
