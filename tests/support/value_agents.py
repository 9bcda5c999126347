"""Small agents with values, tables and networks, and all that they keep."""

from __future__ import annotations

from typing import Any

import torch

from agents.value.deep_sarsa import DeepSarsa, DeepSarsaConfig
from agents.value.dqn import DQN, DQNConfig
from agents.value.mc_prediction import MCPrediction, MCPredictionConfig
from agents.value.q_learning import QLearning, QLearningConfig
from agents.value.sarsa import Sarsa, SarsaConfig
from agents.value.td_prediction import TDPrediction, TDPredictionConfig

EXPLORES: dict[str, Any] = {
    "batch_size": 8,
    "exploration_schedule": "linear",
    "exploration_start": 1.0,
    "exploration_end": 0.3,
    "exploration_tokens": 400,
}
SMALL: dict[str, Any] = {**EXPLORES, "embedding_size": 4, "hidden_size": 6, "learning_rate": 0.05}
REPLAYS: dict[str, Any] = {"replay_capacity": 30, "learning_starts": 8, "target_period": 3}
CONTROL: dict[str, tuple[Any, Any]] = {
    "q_learning": (QLearning, QLearningConfig(**EXPLORES)),
    "sarsa": (Sarsa, SarsaConfig(**EXPLORES)),
    "dqn": (DQN, DQNConfig(**SMALL, **REPLAYS)),
    "double_dqn": (
        DQN,
        DQNConfig(**SMALL, **REPLAYS, double=True, n_step=2, target_rate=0.5, loss="square", cell="lstm"),
    ),
    "deep_sarsa": (DeepSarsa, DeepSarsaConfig(**SMALL, exploration="boltzmann", learning_rate_half_life=300)),
}
PREDICTION: dict[str, tuple[Any, Any]] = {
    "mc_prediction": (MCPrediction, MCPredictionConfig(batch_size=8)),
    "td_prediction": (TDPrediction, TDPredictionConfig(batch_size=8, trace_decay=0.5)),
}
AGENTS = CONTROL | PREDICTION


def learned(agent: Any) -> dict[str, torch.Tensor]:
    """All that it keeps."""
    tensors = {"generator": agent.generator.get_state(), "sampling_generator": agent.sampling_generator.get_state()}
    if hasattr(agent, "network"):
        tensors |= {f"network.{name}": tensor.clone() for name, tensor in agent.network.state_dict().items()}
    for name in getattr(agent, "tables", ()):
        tensors[name] = torch.from_numpy(getattr(agent, name).copy())
    if hasattr(agent, "replay"):
        tensors |= {f"replay.{name}": tensor.clone() for name, tensor in agent.replay.state_dict().items()}
        tensors |= {f"target.{name}": tensor.clone() for name, tensor in agent.target_network.state_dict().items()}
    return tensors
