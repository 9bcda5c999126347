"""Deviation of the mean of many estimates of a gradient from what it should be, in standard errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

SMALLEST: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4}


def unequal(agent: Any, seed: int = 3) -> Any:
    """The agent with larger output weights: a policy far from uniform."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in (agent.network.decoder.output, agent.network.value):
            if module is not None:
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
    return agent


def gradient_of(parts: Iterable[Tensor]) -> np.ndarray:
    """The parts of a gradient as one vector of float64."""
    return torch.cat([part.detach().flatten() for part in parts]).double().numpy()


@dataclass(frozen=True)
class Deviations:
    """Of the mean estimate from what is expected, along it and along twenty random directions.

    Attributes:
        largest: in standard errors.
        noise: the standard error along what is expected, as a share of its length: how well the test can tell.
        along: the mean estimate's part along what is expected, as a share of its length; 1 if they agree.
        aside: the length of the rest of the mean estimate, as such a share.
    """

    largest: float
    noise: float
    along: float
    aside: float

    @classmethod
    def of(cls, estimates: np.ndarray, expected: np.ndarray) -> Self:
        """From estimates (N, P) and what is expected (P,)."""
        mean, length = estimates.mean(0), float(np.linalg.norm(expected))
        directions = np.vstack([expected, np.random.default_rng(0).normal(size=(20, len(expected)))])
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        errors = (estimates @ directions.T).std(0, ddof=1) / np.sqrt(len(estimates))
        largest = np.abs(directions @ (mean - expected) / errors).max()
        along = float(mean @ directions[0])
        aside = float(np.linalg.norm(mean - along * directions[0]))
        return cls(float(largest), float(errors[0]) / length, along / length, aside / length)


def estimates(agent: Any, losses: Iterable[Tensor]) -> np.ndarray:
    """(N, P) from losses whose gradients are minus the estimates."""
    return np.stack([-gradient_of(torch.autograd.grad(loss, policy_parameters(agent))) for loss in losses])


def policy_parameters(agent: Any) -> list[Tensor]:
    """Those that the policy depends on: all but a value head's."""
    named = agent.network.named_parameters()
    return [parameter for name, parameter in named if parameter.requires_grad and not name.startswith("value")]
