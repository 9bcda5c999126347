"""Gradients that an agent estimates from texts of its own, beside the exact one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.data.text_batch import TextBatch


def unequal(agent: Any) -> Any:
    """The agent with larger weights: a policy far from uniform, and a value head that says something."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for module in (agent.network.decoder.output, agent.network.value):
            if module is not None:
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
    return agent


def flat_gradient(agent: Any, objective: Tensor) -> np.ndarray:
    """With respect to all of the agent's parameters (P,)."""
    parts = torch.autograd.grad(objective, agent.parameters, materialize_grads=True)
    return torch.cat([part.flatten() for part in parts]).double().numpy()


def sampled(agent: Any, envs: Any, estimate: Callable[[TextBatch], np.ndarray], batches: int) -> np.ndarray:
    """`estimate` (P,) of each of many batches, one text of each row (B, P)."""
    quota = np.ones(envs.num_envs, np.int64)
    return np.stack([estimate(agent.gather(envs, quota)) for _ in range(batches)])


def policy_gradients(agent: Any, envs: Any, batches: int) -> np.ndarray:
    """What the term `policy` of the agent's losses says of the way up (B, P)."""
    return sampled(agent, envs, lambda episodes: -flat_gradient(agent, agent.losses(episodes)["policy"]), batches)


def standard_errors_off(found: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """How many standard errors the mean of the estimates (B, P) is away from the exact vector (P,), at most, along it
    and along 20 others; and the standard error along it, as a share of its length: what the test can tell."""
    directions = np.vstack([exact, np.random.default_rng(0).normal(size=(20, len(exact)))])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = found @ directions.T
    errors = along.std(0, ddof=1) / np.sqrt(len(found))
    off = np.abs(along.mean(0) - directions @ exact) / errors
    return float(off.max()), float(errors[0] / np.linalg.norm(exact))
